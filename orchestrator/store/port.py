"""What Baton asks of a database. One protocol, so that a second one behind it is a parameter, not a rewrite."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver

from graphs.state import ExecutionStatus, Result
from graphs.steps import Answer, Wait

ENGINE_FORMAT = 1
"""How executions are laid out in checkpoints and tables. A file with another number is refused, not guessed at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One workflow carried out from start to end.

    Attributes:
        id: Also the LangGraph thread's id.
        digest: The definition it is pinned to.
        pins: Digests of the sub-workflows it may start, by name, fixed at its start.
        input: As given, secrets replaced by references.
        generation: Part of idempotency keys; raised by a retry that should act again.
        signal: Counts answers, events and commands; going to rest compares it (design rule: nothing is lost
            between the last look and parking).
        active_seconds: Time at work so far, waiting for the world outside left out (X33).
        drives: How often a process took it up; grows with every crash.
    """

    id: str
    workflow: str
    version: str
    digest: str
    status: ExecutionStatus
    input: Any = None
    output: Any = None
    error: dict[str, Any] | None = None
    pins: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    user_context: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    tenant: str = "default"
    parent: str | None = None
    forked_at: str | None = None
    idempotency_key: str | None = None
    engine_format: int = ENGINE_FORMAT
    generation: int = 0
    signal: int = 0
    active_seconds: float = 0.0
    drives: int = 0
    cancel_requested: dict[str, Any] | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A fact about an execution in its history.

    `kind` is in the past tense: `execution.started`, `step.completed`, `step.failed`, `step.skipped`,
    `step.waiting`, `approval.decided`, `execution.completed` … `seq` grows in the order of commits over the whole
    file; it is None for records that were never kept (`step.started`, `step.progress` seen live).
    """

    execution_id: str
    kind: str
    at: datetime
    path: str | None = None
    generation: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWait:
    """A wait as it is kept: an approval, an awaited event, a timer.

    `status` is `open`, `answered`, `elapsed` or `cancelled`; only one of the last three is ever written.
    """

    execution_id: str
    path: str
    generation: int
    wait: Wait
    status: Literal["open", "answered", "elapsed", "cancelled"]
    answer: Answer | None
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Signal:
    """Something another process (or a facade call) stored for the driving engine; `seq` grows."""

    seq: int
    execution_id: str
    kind: Literal["answer", "event", "cancel", "start", "resume"]
    path: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """An event that was stored. `matched` names the waits it answered; `repeated` says it was known by its key."""

    id: str
    matched: tuple[tuple[str, str], ...]
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWorkflow:
    """A version in the catalogue. `document` is the definition as JSON values."""

    name: str
    version: str
    digest: str
    status: Literal["published", "deprecated"]
    document: Mapping[str, Any]
    created_at: datetime
    created_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFilter:
    """Which executions to list, newest first.

    Attributes:
        before: The id of the last one of the page before.
        id_prefix: What their ids begin with: people type the first letters only.
        parent: The execution they were forked from.
    """

    status: Sequence[ExecutionStatus] = ()
    workflow: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    tenant: str | None = None
    before: str | None = None
    id_prefix: str | None = None
    parent: str | None = None
    limit: int = 50


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

    async def published(self, name: str, version: str | None = None) -> PublishedWorkflow | None:
        """One version, or the newest that is not deprecated (the newest of all when all are)."""
        ...

    async def catalogue(self, name: str | None = None) -> Sequence[PublishedWorkflow]: ...
    async def deprecate(self, name: str, version: str, *, deprecated: bool = True) -> PublishedWorkflow: ...

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
        """A process takes the execution up: status running, `drives` + 1, a `run` row."""
        ...

    async def rest(self, execution_id: str, seen: int, status: ExecutionStatus, active_seconds: float) -> bool:
        """Go to rest, unless something was stored since `signal` was `seen`. False: look again."""
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
    ) -> None:
        """The end of an execution, with its records, in one transaction. Open waits of it are cancelled."""
        ...

    async def request_cancel(self, execution_id: str, *, by: str | None, reason: str | None) -> Execution:
        """Ask for an end.

        Raises:
            NotFoundError, ConflictError: there is none, or it has ended.
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
        input: Any = None,  # noqa: A002 - the execution's own word
        reason: str,
    ) -> None:
        """Make an execution ready to go on from an earlier step: checkpoints gone, the named results superseded, waits
        of them closed, status queued. All in one transaction.

        Args:
            superseded: Paths whose results go with everything below them.
            superseded_alone: Paths whose own results go while those below stay: the composite steps around a step
                that is made anew (`orders`, where only `orders[3].charge` is).
        """
        ...

    async def copy_results(
        self, source: str, target: str, *, leave_out: Sequence[str], leave_out_alone: Sequence[str] = ()
    ) -> None:
        """For a fork: the target starts with the source's results, without those paths and what is below them, and
        without the ones left out alone."""
        ...

    # -- records -----------------------------------------------------------------------------------------------

    def append(self, record: Record) -> None:
        """Hand over a record without waiting for its commit; it commits in order with everything else."""
        ...

    async def records(self, execution_id: str, *, after: int = 0, limit: int = 100_000) -> Sequence[Record]: ...
    async def results(self, execution_id: str, prefix: str = "") -> Mapping[str, Result]:
        """The newest results that are not superseded, by path, in the order in which they were committed."""
        ...

    # -- waits, events, signals --------------------------------------------------------------------------------

    async def open_wait(self, execution_id: str, path: str, generation: int, wait: Wait, since: datetime) -> OpenWait:
        """Keep a wait, or give the one that is there. An event awaited may have come before: received at `since`
        or later, it answers the wait at once (X07), and each event answers one wait of an execution at most."""
        ...

    async def close_wait(
        self, execution_id: str, path: str, generation: int, status: Literal["elapsed", "cancelled"]
    ) -> OpenWait:
        """Close a wait that is still open; gives it as it then stands, so that the caller learns who won."""
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

    async def signals(self, after: int) -> Sequence[Signal]: ...

    # -- the file ----------------------------------------------------------------------------------------------

    def driving(self) -> AbstractAsyncContextManager[None]:
        """Be the one engine that drives this file.

        Raises:
            EngineBusyError: another process is; the message names it.
        """
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
