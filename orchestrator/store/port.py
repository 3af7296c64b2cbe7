"""What Baton asks of a database. One protocol, so that a second one behind it is a parameter, not a rewrite."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver

from graphs.policies.breaker import Breaker
from graphs.state import ExecutionStatus, Happened, Result
from graphs.steps import Answer, Wait
from orchestrator.approvals.values import Approval, Turn
from orchestrator.store.values import (
    DEFAULT_TENANT,
    ENGINE_FORMAT,
    TIMEOUT_BY,
    AuditEntry,
    AuditFilter,
    AuditReport,
    DeadLetter,
    Execution,
    ExecutionFilter,
    InboxFilter,
    KeptBreaker,
    Key,
    OpenWait,
    PublishedEvent,
    PublishedWorkflow,
    Record,
    Signal,
    Source,
    Target,
    Untold,
)

__all__ = [
    "DEFAULT_TENANT",
    "ENGINE_FORMAT",
    "TIMEOUT_BY",
    "AuditEntry",
    "AuditFilter",
    "AuditReport",
    "DeadLetter",
    "Execution",
    "ExecutionFilter",
    "InboxFilter",
    "KeptBreaker",
    "Key",
    "OpenWait",
    "PublishedEvent",
    "PublishedWorkflow",
    "Record",
    "Signal",
    "Source",
    "Store",
    "Target",
    "Untold",
]


class Store(Protocol):
    """The questions we ask a database. Every write is durable when its call returns, unless it says otherwise."""

    # -- checkpoints -------------------------------------------------------------------------------------------

    @property
    def saver(self) -> BaseCheckpointSaver[str]:
        """LangGraph's checkpointer on the same file."""
        ...

    async def barrier(self) -> None:
        """Return when everything handed over so far is committed.

        Raises:
            CommitError: some of it could not be.
        """
        ...

    # -- definitions and the catalogue -------------------------------------------------------------------------

    async def keep_definition(self, digest: str, document: Mapping[str, Any]) -> None: ...
    async def definition(self, digest: str) -> Mapping[str, Any] | None: ...
    async def publish(self, workflow: PublishedWorkflow) -> PublishedWorkflow:
        """Add a version.

        Raises:
            ConflictError: this name and version exist with another digest.
        """
        ...

    async def published(
        self, name: str, version: str | None = None, *, tenant: str = DEFAULT_TENANT
    ) -> PublishedWorkflow | None:
        """One version, or the newest that is not deprecated (the newest of all when all are)."""
        ...

    async def catalogue(
        self, name: str | None = None, *, tenant: str = DEFAULT_TENANT
    ) -> Sequence[PublishedWorkflow]: ...
    async def deprecate(
        self, name: str, version: str, *, deprecated: bool = True, tenant: str = DEFAULT_TENANT
    ) -> PublishedWorkflow: ...

    # -- executions --------------------------------------------------------------------------------------------

    async def create(
        self,
        execution: Execution,
        secrets: Mapping[str, bytes],
        *,
        results_of: str | None = None,
        leave_out: Sequence[str] = (),
        leave_out_alone: Sequence[str] = (),
        taken_up: bool = False,
    ) -> Execution:
        """Keep a new execution (with a `start` signal for a driving engine in another process).

        Gives the older one when its idempotency key is known. A fork starts with the results of `results_of` (see
        `copy_results`) in the same transaction: a crash in between would leave one that does everything again.

        `taken_up`: the caller drives it at once: it is running from the start, and nobody else need be told.

        Raises:
            ConflictError: the id is taken.
        """
        ...

    async def execution(self, execution_id: str) -> Execution | None: ...
    async def executions(self, which: ExecutionFilter) -> Sequence[Execution]: ...
    async def unfinished(self) -> Sequence[tuple[str, ExecutionStatus]]:
        """Ids of executions that are not final, oldest first: what an engine takes up when it opens."""
        ...

    async def to_take_up(self) -> Sequence[str]:
        """Ids of executions in which something is to be done at once, the most urgent and oldest first: those under
        way or queued, and resting ones that were answered or cancelled since they went to rest."""
        ...

    async def secrets(self, execution_id: str) -> Mapping[str, bytes]: ...

    async def begin_drive(self, execution_id: str, reason: str) -> Execution:
        """A process takes the execution up: status running, `drives` + 1, a `run` row. One that is to be held is not
        taken up: it is given back with status paused."""
        ...

    async def rest(
        self, execution_id: str, seen: int, status: ExecutionStatus, active_seconds: float, *, lingers: bool = False
    ) -> bool:
        """Go to rest, unless something was stored since `signal` was `seen`. False: look again.

        `lingers`: whoever drives it keeps it in memory, and its run goes on.
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
    ) -> None:
        """The end of an execution, with its records and what needs a person, in one transaction. Open waits of it are
        cancelled.

        Args:
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

    async def request_go_on(self, execution_id: str) -> Execution:
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
        reason: str,
    ) -> None:
        """Make an execution ready to go on from an earlier step: checkpoints gone, the named results superseded, waits
        of them closed, status queued. All in one transaction.

        Args:
            superseded: Paths whose results go with everything below them.
            superseded_alone: Paths whose own results go while those below stay: the composite steps around a step
                that is made anew (`orders`, where only `orders[3].charge` is).
            digest, version, pins, input: What the execution has from now on; None for what it has.
        """
        ...

    async def copy_results(
        self, source: str, target: str, *, leave_out: Sequence[str], leave_out_alone: Sequence[str] = ()
    ) -> None:
        """For a fork: the target starts with the source's results, without those paths and what is below them, and
        without the ones left out alone."""
        ...

    # -- dead letters ------------------------------------------------------------------------------------------

    async def dead_letters(
        self,
        *,
        status: str | None = "open",
        execution_id: str | None = None,
        tenant: str | None = None,
        before: int | None = None,
        limit: int = 1000,
    ) -> Sequence[DeadLetter]:
        """Newest first; without a status, closed ones too. `before` is the last one's number of the page before."""
        ...

    async def dead_letter(self, letter_id: int) -> DeadLetter | None: ...

    async def discard(self, letter_ids: Sequence[int], *, by: str | None, note: str | None) -> Sequence[DeadLetter]:
        """Close letters for good: all of them or none.

        Raises:
            NotFoundError, ConflictError: there is no such letter, or it is closed; the message names by whom.
        """
        ...

    async def redrive(self, letter_ids: Sequence[int], *, by: str | None) -> Sequence[str]:
        """Try again what letters are about: all of them or none. Their results are superseded, and their executions
        are queued again, with how they ended.

        Returns:
            The ids of these executions.

        Raises:
            NotFoundError, ConflictError: there is no such letter, it is closed, or its execution has not ended.
        """
        ...

    # -- records -----------------------------------------------------------------------------------------------

    def append(self, record: Record) -> None:
        """Hand over a record without waiting for its commit; it commits in order with everything else."""
        ...

    async def keep(self, record: Record) -> None:
        """Keep a record; it is durable when this returns."""
        ...

    async def records(self, execution_id: str, *, after: int = 0, limit: int = 100_000) -> Sequence[Record]: ...
    async def results(self, execution_id: str, prefix: str = "") -> Mapping[str, Result]:
        """The newest results that are not superseded, by path, in the order in which they were committed."""
        ...

    async def history(self, execution_id: str) -> Sequence[Happened]:
        """What the execution did, in the order in which it was committed; results that are superseded too."""
        ...

    # -- waits, events, signals --------------------------------------------------------------------------------

    async def open_wait(
        self,
        execution_id: str,
        path: str,
        generation: int,
        wait: Wait,
        since: datetime,
        *,
        records: Sequence[Record] = (),
    ) -> OpenWait:
        """Keep a wait, or give the one that is there.

        An event awaited may have come before: received at `since` or later, it answers the wait at once (X07), and
        each event answers one wait of an execution at most. The records are kept with a wait that stays open.
        """
        ...

    async def close_wait(
        self, execution_id: str, path: str, generation: int, status: Literal["elapsed", "cancelled"]
    ) -> OpenWait:
        """Close a wait that is still open; gives it as it then stands, so that the caller learns who won."""
        ...

    async def set_timer(
        self, execution_id: str, path: str, generation: int, wait: Wait, records: Sequence[Record] = ()
    ) -> None:
        """Keep a step's timer, in place of the one it had, and these records, in one transaction."""
        ...

    async def end_timer(self, execution_id: str, path: str) -> None:
        """Close the timer of a step, if there is an open one."""
        ...

    async def tried(self, execution_id: str) -> Mapping[str, Mapping[str, Any]]:
        """What the newest `step.retrying` or `step.held` record of each path says; not of steps to be made anew."""
        ...

    async def answer_wait(
        self, execution_id: str, path: str, answer: Answer, *, records: Sequence[Record] = ()
    ) -> OpenWait:
        """Answer the open wait at this path, and keep these records of it, in one transaction.

        Raises:
            NotFoundError: there is no such wait.
            ConflictError: it has been answered, is over or cancelled; the message names who won.
        """
        ...

    async def waits(self, execution_id: str | None = None, *, status: str | None = "open") -> Sequence[OpenWait]: ...
    async def approvals(self, which: InboxFilter) -> Sequence[Approval]: ...
    async def approval(self, execution_id: str, path: str) -> Approval | None:
        """The approval at a path: the open one, or the last that was there."""
        ...

    async def act_on(self, execution_id: str, path: str, act: Callable[[Approval], Turn]) -> OpenWait:
        """Do something about an open wait: judged by `act` as it stands in the transaction that keeps what comes of it.

        Raises:
            NotFoundError: there is no such wait.
            ConflictError: it has been answered, is over or cancelled; the message names who won. Or its link was used.
            BatonError: whatever `act` raises; nothing is kept then.
        """
        ...

    async def next_due(self) -> Sequence[tuple[str, datetime]]:
        """For each resting execution with an open wait that has an end: its id and its earliest one."""
        ...

    async def publish_event(
        self,
        kind: str,
        data: Any,
        *,
        key: str | None,
        source: str | None,
        id: str | None = None,  # noqa: A002 - the event's own word
        tenant: str | None = None,
    ) -> PublishedEvent:
        """Keep an event and answer every open wait it matches: of this tenant's executions, or of all without one.

        The same `key` (per type and tenant) or the same `id` again changes nothing.
        """
        ...

    async def signals(self, after: int) -> Sequence[Signal]:
        """What was stored for the driving engine after that one; empty when an engine begins to drive."""
        ...

    def changed(self) -> bool:
        """Whether signals were stored, by any process, since this was last asked; cheap enough for every 100 ms."""
        ...

    # -- sources of webhooks -----------------------------------------------------------------------------------

    async def add_source(self, source: Source) -> None:
        """Keep a new source.

        Raises:
            ConflictError: the tenant has one of that name.
        """
        ...

    def source(self, source_id: str) -> Source | None: ...
    async def sources(self, tenant: str) -> Sequence[Source]: ...
    async def change_source(self, source_id: str, tenant: str, secrets: bytes) -> None: ...
    async def remove_source(self, source_id: str, tenant: str) -> None: ...

    # -- targets of webhooks -----------------------------------------------------------------------------------

    async def add_target(self, target: Target) -> None:
        """Keep a target; it is told what comes from now on."""
        ...

    def target(self, target_id: str) -> Target | None: ...
    async def targets(self, tenant: str | None = None) -> Sequence[Target]: ...
    async def remove_target(self, target_id: str, tenant: str) -> None: ...
    async def news_for(self, target: Target, limit: int) -> Sequence[Record]:
        """Records it wants and does not know, oldest first."""
        ...

    async def told(self, target_id: str, seq: int) -> None: ...
    async def not_told(self, target_id: str, error: str, next_at: datetime) -> None: ...
    async def never_told(self, target_id: str, seq: int, error: str) -> None:
        """Put a record aside, and go on behind it."""
        ...

    async def tell_again(self, target_id: str, after: int) -> None: ...
    async def untold(self, target_id: str) -> Sequence[Untold]: ...

    # -- the audit trail ---------------------------------------------------------------------------------------

    def note(self, entry: AuditEntry) -> None:
        """Add to the audit trail, without waiting; it commits in order with everything else."""
        ...

    async def audit(self, which: AuditFilter) -> Sequence[AuditEntry]: ...
    async def verify_audit(self) -> AuditReport:
        """Go through the whole chain."""
        ...

    # -- keys of the gateway -----------------------------------------------------------------------------------

    def guarded(self) -> bool:
        """Whether a key was ever made. One that has expired or was revoked counts: its end opens nothing."""
        ...

    def key(self, key_id: str) -> Key | None:
        """The key of that id, whatever its state; cheap enough for every request."""
        ...

    async def add_key(self, key: Key) -> None: ...
    async def keys(self, tenant: str | None = None) -> Sequence[Key]:
        """All keys, or a tenant's, newest first."""
        ...

    async def revoke_key(self, key_id: str, *, by: str | None = None) -> Key:
        """End a key. Revoked again, the first time stays.

        Raises:
            NotFoundError: there is none of that id.
        """
        ...

    def key_used(self, key: Key) -> None:
        """Note that a key was used just now, without waiting for it."""
        ...

    # -- breakers ----------------------------------------------------------------------------------------------

    async def breakers(self) -> Sequence[KeptBreaker]:
        """Every breaker that has ever counted a failure."""
        ...

    async def breaker(self, name: str) -> KeptBreaker | None: ...
    def keep_breaker(self, name: str, breaker: Breaker, *, rings: bool) -> None:
        """Hand over where a breaker stands, without waiting for its commit. With `rings`, every step that waits for it
        is called in the same transaction."""
        ...

    async def reset_breaker(self, name: str) -> KeptBreaker:
        """Close a breaker by hand, and call everybody who waits for it.

        Raises:
            NotFoundError: it has never counted a failure.
        """
        ...

    # -- the file ----------------------------------------------------------------------------------------------

    def driving(self) -> AbstractAsyncContextManager[None]:
        """Be the one engine that drives this file.

        Raises:
            EngineBusyError: another process is; the message names it.
        """
        ...

    def driven(self) -> bool:
        """Whether an engine drives this file now, this one or another."""
        ...

    async def prune(self, *, before: datetime, keep: Sequence[ExecutionStatus] = (), dry_run: bool = False) -> int:
        """Delete final executions that ended before; gives how many."""
        ...

    async def backup(self, target: Path) -> None:
        """Copy the live file safely.

        Raises:
            ConflictError: the target exists.
        """
        ...

    async def close(self) -> None: ...
