"""The values a store keeps and gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from graphs.state import ExecutionStatus
from graphs.steps import Answer, Wait

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
        drives: How often a process took it up; grows with every crash.
        deaths: How often in a row a process died while it drove it, and it got no further in between.
        concluded: How it ended, `{"status", "step", "error", "compensate"}`, once it is being undone or its `finally`
            steps run.
        pause_requested: Who wants it held, since when and why.
        replay: For a replay: `{"of", "perform"}`, whose record its side effects are served from, and the names of the
            steps that are performed all the same.
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
    idempotency_key: str | None = None
    engine_format: int = ENGINE_FORMAT
    generation: int = 0
    signal: int = 0
    active_seconds: float = 0.0
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


LetterKind = Literal["failure", "poisoned", "compensation", "finally"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """Something that failed for good and needs a person.

    Attributes:
        id: Its number; 0 for one that has not been kept yet.
        path: Where it stands: `charge`, `~compensation.refund`; empty for the execution as a whole.
        kind: `failure`: the execution ended by it, or it was gone on from. `compensation`: something was not undone.
            `finally`: a step that runs in any case failed. `poisoned`: processes died again and again over it.
        error: Why, as in the step's result.
        about: More facts: `undoes`, the path of what was to be undone; `attempts`; of failures `paths`, all steps that
            failed, and `undone`, those that were undone since.
        escalated: People have to see to it.
        edit: Changes to the execution's input with which it is to be tried again: `{"input", "by", "at"}`.
        status: `open`; then `redriven` (it was tried again) or `discarded`.
        closed_by, note: Who closed it, and why.
    """

    id: int = 0
    execution_id: str
    path: str
    kind: LetterKind
    workflow: str
    tenant: str = "default"
    error: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    status: Literal["open", "redriven", "discarded"] = "open"
    escalated: bool = False
    edit: Mapping[str, Any] | None = None
    created_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which dead letters; None for any.

    Attributes:
        before: The number of the last one of the page before.
    """

    status: str | None = "open"
    execution_id: str | None = None
    workflow: str | None = None
    kind: LetterKind | None = None
    code: str | None = None
    escalated: bool | None = None
    tenant: str | None = None
    before: int | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Signal:
    """Something another process (or a facade call) stored for the driving engine; `seq` grows."""

    seq: int
    execution_id: str
    kind: Literal["answer", "event", "cancel", "pause", "start", "resume", "breaker"]
    path: str | None = None
    """The wait's; the breaker's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBreaker:
    """A circuit breaker as it is kept. `waiting` steps rest until it may be probed or closes."""

    name: str
    state: Literal["closed", "open", "half_open"]
    failures: int
    opened_at: datetime | None
    until: datetime | None
    reason: str | None
    updated_at: datetime | None
    waiting: int = 0


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
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of the gateway.

    Attributes:
        id: Its public part, which finds it.
        hash: SHA-256 of its secret part, which is kept nowhere.
        name: Who uses it: what is kept beside decisions and cancels.
        scopes: The rights it has of its role's; all of them when empty.
        groups: Groups whose approvals its user may decide.
        used_at: When it was last used, to the minute.
    """

    id: str
    hash: bytes
    name: str
    tenant: str
    role: str
    scopes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    created_at: datetime
    created_by: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Somebody outside who may send us messages.

    Attributes:
        id: Where they are sent: a part of the path.
        event_type: The type of the events they become.
        secrets: What they are signed with; encrypted.
    """

    id: str
    tenant: str
    name: str
    event_type: str
    secrets: bytes
    created_at: datetime
    created_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Somebody outside who is told what happens.

    Attributes:
        kinds: Kinds of records.
        secret: What messages are signed with; encrypted.
        told: The last record they know.
        failures, next_at, error: Attempts that failed in a row, when the next one is, and what went wrong.
    """

    id: str
    tenant: str
    url: str
    kinds: tuple[str, ...]
    secret: bytes
    told: int = 0
    failures: int = 0
    next_at: datetime | None = None
    error: str | None = None
    created_at: datetime
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class Untold:
    """A record that a target could not be told."""

    seq: int
    error: str
    given_up_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A row of the audit trail.

    Attributes:
        actor: Who; None where nobody is known.
        action: What: a request (`POST /v1/executions`), or an act (`approval.decided`, `key.created`).
        target: On what.
        outcome: How it ended: a status code, or `done`.
        seq, hash: Its place in the chain; given when it is kept.
    """

    at: datetime
    tenant: str
    action: str
    actor: str | None = None
    target: str | None = None
    outcome: str = "done"
    detail: Mapping[str, Any] = field(default_factory=dict)
    seq: int | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which rows of the audit trail to list, oldest first; `after` is the last one's of the page before."""

    tenant: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    after: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Whether the chain holds. `head` is the hash of the last row that does; `broken_at` the first that does not."""

    ok: bool
    rows: int
    head: str
    broken_at: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxFilter:
    """Which approvals to list, oldest first.

    Attributes:
        due_before: Only those whose time is over before then.
        after: When the last one of the page before was opened, and its number.
    """

    tenant: str | None = None
    execution_id: str | None = None
    workflow: str | None = None
    due_before: datetime | None = None
    status: Literal["open", "answered", "elapsed", "cancelled"] = "open"
    after: tuple[datetime, int] | None = None
    limit: int = 50


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
