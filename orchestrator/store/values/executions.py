"""Executions, what they did, and which of them are asked for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from graphs.state import ExecutionStatus

ENGINE_FORMAT = 1
"""How executions are laid out in checkpoints and tables. A file with another number is refused, not guessed at."""


DEFAULT_TENANT = "default"
"""Whose everything is where nobody says otherwise: the command line's, and that of a gateway without keys."""


TIMEOUT_BY = "baton:timeout"
"""Who asks for an end when an execution's time is over."""


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
        pausing: While it rests between two attempts, which is time at work: `{"since", "until"}`.
        wake_at: While it rests: when it is to be taken up again at the latest, whatever its waits say.
        compensation: What became of undoing what it did: `compensated`, `compensation_failed`, or nothing.
        drives: How often a process took it up; grows with every crash.
        deaths: How often in a row a process died while it drove it, and it got no further in between.
        concluded: How it ended, `{"status", "step", "error", "compensate"}`, once it is being undone or its `finally`
            steps run.
        pause_requested: Who wants it held, since when and why.
        fingerprint: Of what was asked for with the idempotency key.
        replay: For a replay: `{"of", "perform"}`, whose record its side effects are served from, and the names of the
            steps that are performed all the same.
        changes: What its steps are given in place of what they say, since a retry or a fork: `model`, for every model
            that is asked; `inputs`, by path: what is merged into a step's input.
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
    tenant: str = DEFAULT_TENANT
    parent: str | None = None
    forked_at: str | None = None
    replay: dict[str, Any] | None = None
    changes: dict[str, Any] | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    engine_format: int = ENGINE_FORMAT
    generation: int = 0
    signal: int = 0
    active_seconds: float = 0.0
    pausing: dict[str, str] | None = None
    compensation: str | None = None
    wake_at: datetime | None = None
    drives: int = 0
    deaths: int = 0
    cancel_requested: dict[str, Any] | None = None
    concluded: dict[str, Any] | None = None
    pause_requested: dict[str, Any] | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a new execution is given of an older one.

    Attributes:
        of: The older one.
        leave_out: Paths it does not get, with what is below them.
        leave_out_alone: Paths it does not get alone: what is below them it does.
        as_of: The last record of it that counts; None for the newest.
        owners: Executions that must not have begun to undo what they did, nor have gone back, since that record.
        undone: Paths of what it gets and has been undone, with a part that was gone on from.
    """

    of: str
    leave_out: Sequence[str] = ()
    leave_out_alone: Sequence[str] = ()
    as_of: int | None = None
    owners: Sequence[str] = ()
    undone: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Inherited:
    """What an execution was given of another: a path, whose it is, since which record (its number), and whether it had
    been undone by then."""

    path: str
    owner: str
    since: int
    undone: bool = False


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
class ExecutionFilter:
    """Which executions to list, newest first.

    Attributes:
        workflow: `NAME`, or `NAME@VERSION`.
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
