"""What is kept for the gateway's clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

RunStatus = Literal["pending", "running", "success", "error", "timeout", "interrupted"]
ThreadStatus = Literal["idle", "busy", "interrupted", "error"]
Multitask = Literal["enqueue", "reject", "interrupt", "rollback"]
Stop = Literal["interrupt", "rollback"]
"""How a run is cut off: what it did stays, or goes with it."""

OPEN: tuple[RunStatus, ...] = ("pending", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assistant:
    """A graph with a configuration; `graph` is the name of a user's graph or of a workflow."""

    id: str
    tenant: str = "default"
    graph: str
    name: str
    description: str | None = None
    version: int = 1
    config: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """What runs share: a conversation, or one execution of a workflow.

    Attributes:
        state: The values as the last run left them; None before the first.
        interrupts: By task, what is asked.
        ttl: `{"ttl": minutes, "strategy": "delete"}`, or None.
    """

    id: str
    tenant: str = "default"
    status: ThreadStatus = "idle"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    state: Any = None
    interrupts: Mapping[str, Any] = field(default_factory=dict)
    error: Any = None
    ttl: Any = None
    expires_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    state_updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One drive of a graph on a thread, as a client asked for it.

    Attributes:
        seq: Grows in the order in which runs were asked for; 0 before it is kept.
        request: What was asked, as JSON values.
        begun_at: When the run began (`at`), and where the thread stood then, so that a crash does not apply its input
            twice.
        attempts: How often a process took it up; grows with every crash.
        fingerprint: Of what was asked for with the idempotency key.
        stop: That it is to be cut off, and how.
    """

    seq: int = 0
    id: str
    thread_id: str
    tenant: str = "default"
    assistant_id: str
    graph: str
    status: RunStatus = "pending"
    request: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    multitask: Multitask = "enqueue"
    priority: int = 0
    attempts: int = 0
    begun_at: Any = None
    stop: Stop | None = None
    error: Any = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    due_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.status in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended, and what it left on its thread. `state` is None where the thread's values stay as they are."""

    status: RunStatus
    thread: ThreadStatus
    state: Any = None
    interrupts: Mapping[str, Any] = field(default_factory=dict)
    error: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which rows to list.

    Attributes:
        metadata: They must hold these, nested ones too.
        only: Conditions on fields of their metadata, as langgraph_sdk.Auth has them: a value, `{"$eq": …}`, or
            `{"$contains": …}` for fields that are lists.
        fields: Columns and the values they must have.
        among: Columns and the values of which they must have one.
        holding: Columns and the text that they must hold somewhere, in capitals or not.
        sort_by: A column; the caller has checked that it is one.
    """

    tenant: str = "default"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    only: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    among: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    holding: Mapping[str, str] = field(default_factory=dict)
    sort_by: str = "created_at"
    descending: bool = True
    limit: int = 10
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Runs that time starts.

    Attributes:
        next_at: None once there is no next time.
        owner: Who made it, or changed it last; None where nobody knows.
        failure: Why it started nothing when it was last due; None where it did.
    """

    id: str
    tenant: str = "default"
    assistant_id: str
    thread_id: str | None = None
    schedule: str
    timezone: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    on_run_completed: str | None = None
    enabled: bool = True
    end_at: datetime | None = None
    next_at: datetime | None = None
    owner: Any = None
    failure: Any = None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    """Where a conversation of a chat client goes on.

    Attributes:
        thread_id, run_id: The thread, and the run that said the last of it.
        checkpoint_id: The thread's state it goes on from, where that is a graph's.
        asked: Ids of the questions it ended with.
    """

    thread_id: str
    run_id: str | None = None
    checkpoint_id: str | None = None
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredItem:
    """A value under a namespace and a key. `ttl` is in minutes, renewed when it is written, or read with a wish."""

    tenant: str = "default"
    namespace: Sequence[str]
    key: str
    value: Mapping[str, Any]
    ttl: float | None = None
    expires_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
