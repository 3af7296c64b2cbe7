"""Executions: begun, carried on, ended, gone back in: what is asked of a database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from graphs.state import ExecutionStatus
from orchestrator.store.values import DeadLetter, Execution, ExecutionFilter, Inheritance, Inherited, Record


class Executions(Protocol):
    """Executions: begun, carried on, ended, gone back in. See `Store`."""

    async def create(
        self,
        execution: Execution,
        secrets: Mapping[str, bytes],
        *,
        inherits: Inheritance | None = None,
        taken_up: bool = False,
    ) -> Execution:
        """Keep a new execution (with a `start` signal for a driving engine in another process).

        Gives the older one when its idempotency key is known, and came with the same wish. A fork `inherits` results of
        another in the same transaction: a crash in between would leave one that does everything again.

        `taken_up`: the caller drives it at once: it is running from the start, and nobody else need be told.

        Raises:
            ConflictError: the id is taken, or (`moved_on`) what it inherits has begun to be undone.
            InputError: the key was sent before, with another wish.
        """
        ...

    def own_id(self, given: str, tenant: str) -> str:
        """The id under which a tenant has, or is to have, the execution or thread that it calls so."""
        ...

    async def execution(self, execution_id: str) -> Execution | None: ...
    async def executions(self, which: ExecutionFilter) -> Sequence[Execution]: ...
    async def at_work(self, tenant: str, most: int) -> int:
        """How many executions of a tenant are queued or running; it stops counting at `most`."""
        ...

    async def unfinished(self) -> Sequence[tuple[str, ExecutionStatus]]:
        """Ids of executions that are not final, oldest first: what an engine takes up when it opens."""
        ...

    async def to_take_up(self) -> Sequence[str]:
        """Ids of executions in which something is to be done at once, the most urgent and oldest first: those under
        way or queued, and resting ones that were answered or cancelled since they went to rest."""
        ...

    async def suspects(self) -> Sequence[str]:
        """Those of them over which processes have died more than once in a row; the least suspect first."""
        ...

    async def secrets(self, execution_id: str) -> Mapping[str, bytes]: ...

    async def begin_drive(self, execution_id: str, reason: str) -> Execution:
        """A process takes the execution up: status running, `drives` + 1, a `run` row. One that is to be held is not
        taken up: it is given back with status paused.

        Where the run before was never ended, the process that was at it died: `deaths` counts that, and begins anew
        when the execution had got any further since it was taken up."""
        ...

    def broke_off(self, execution_id: str) -> bool:
        """Whether the run before the present one was never ended: its process died, or nothing could be kept."""
        ...

    async def rest(
        self,
        execution_id: str,
        seen: int,
        status: ExecutionStatus,
        active_seconds: float,
        *,
        lingers: bool = False,
        pauses_until: datetime | None = None,
        wake_at: datetime | None = None,
    ) -> bool:
        """Go to rest, unless something was stored since `signal` was `seen`. False: look again.

        `lingers`: whoever drives it keeps it in memory, and its run goes on. `pauses_until`: steps of it rest between
        two attempts, the last of them until then; that is time at work, and counted when it is taken up again.
        `wake_at`: when it is to be taken up again at the latest, whatever its waits say.
        """
        ...

    def stirred(self, execution_id: str, generation: int, status: ExecutionStatus) -> None:
        """An execution that lingered goes on; handed over, not waited for. When it was started anew meanwhile, nothing
        that follows is kept, and its live plans are told."""
        ...

    async def conclude(
        self,
        execution_id: str,
        concluded: Mapping[str, Any],
        *,
        compensating: bool,
        records: Sequence[Record] = (),
        anew: bool = False,
    ) -> None:
        """How the execution ends is settled. It is kept the first time, with these records; later that stands.

        Args:
            concluded: `{"status", "step", "error", "compensate"}`; the last says whether what it did is undone.
            compensating: What it did is being undone, and the status says so.
            anew: Its graph has ended already: the next drive begins from its results.
        """
        ...

    async def finish(
        self,
        execution_id: str,
        status: ExecutionStatus,
        *,
        output: Any,
        error: Mapping[str, Any] | None,
        active_seconds: float,
        records: Sequence[Record] = (),
        letters: Sequence[DeadLetter] = (),
        unless_cancelled: bool = False,
        compensation: str | None = None,
    ) -> None:
        """The end of an execution, with its records and what needs a person, in one transaction. Open waits of it are
        cancelled.

        Args:
            compensation: What became of undoing what it did.
            unless_cancelled: Not when somebody (not its time limit) has asked for another end.

        Raises:
            NotFoundError, ConflictError: there is none, it has ended before, or (`cancelled_first`, with the
                `request`) somebody has cancelled it.
        """
        ...

    async def request_cancel(
        self,
        execution_id: str,
        *,
        by: str | None,
        reason: str | None,
        compensate: bool | None = None,
        terminate: bool = False,
    ) -> Execution:
        """Ask for an end, and close what is asked of people. Asked for twice, the first asking stays, unless the
        second goes further: it terminates, or it stops an undoing. Gives the execution as it then stands; its
        `cancel_requested` says whose asking counts.

        Args:
            compensate: Whether what was done is to be undone; None for what the definition says.
            terminate: At once: nothing is undone, and no `finally` step runs.

        Raises:
            NotFoundError, ConflictError: there is none, or it has ended.
        """
        ...

    async def request_pause(self, execution_id: str, *, by: str | None, reason: str | None) -> Execution:
        """Ask that it is held: nothing new starts, what runs may finish. Asked for twice, the first asking stays.

        Raises:
            NotFoundError, ConflictError: there is none, it has ended, or it is ending.
        """
        ...

    async def request_resume(self, execution_id: str) -> None:
        """Ask whoever drives the file to look at an execution again."""
        ...

    async def request_go_on(self, execution_id: str, *, by: str | None, reason: str | None) -> Execution:
        """Let it go on.

        Raises:
            NotFoundError, ConflictError: there is none, or nobody has paused it.
        """
        ...

    async def rewind(
        self,
        execution_id: str,
        *,
        superseded: Sequence[str],
        superseded_alone: Sequence[str] = (),
        generation: int,
        digest: str | None = None,
        version: str | None = None,
        pins: Mapping[str, str] | None = None,
        input: Any = None,  # noqa: A002 - the execution's own word
        changes: Mapping[str, Any] | None = None,
        edit: Mapping[str, Any] | None = None,
        reason: str,
        letters: Sequence[int] = (),
        by: str | None = None,
        seen: Execution | None = None,
    ) -> None:
        """Make an execution ready to go on from an earlier step: checkpoints gone, the named results superseded, waits
        of them closed, dead letters about them closed, status queued. All in one transaction.

        Args:
            superseded: Paths whose results go with everything below them.
            superseded_alone: Paths whose own results go while those below stay: the composite steps around a step
                that is made anew (`orders`, where only `orders[3].charge` is).
            digest, version, pins, input, changes: What the execution has from now on; None for what it has.
            edit: How its input was changed, for the history.
            letters: Dead letters that must be open still.
            by: Who asks.
            seen: The execution as it was when this was decided on.

        Raises:
            ConflictError: it is no longer as it was seen; nothing is changed.
        """
        ...

    async def inherited(self, execution_id: str) -> Sequence[Inherited]:
        """What an execution was given of others when it was forked off one, and has not made anew since."""
        ...

    async def heirs(self, execution_id: str, paths: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Executions that go by what this one did at some paths, as forks of it or of its forks; and which paths."""
        ...
