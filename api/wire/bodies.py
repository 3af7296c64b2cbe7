"""What clients send, as far as it is read. Fields that clients may send and that mean nothing here are let by."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.v1.common import Priority

Json = dict[str, Any]
Limit = Field(default=10, ge=1, le=1000)
Offset = Field(default=0, ge=0, le=2**31)
Multitask = Literal["reject", "interrupt", "rollback", "enqueue"]
IfExists = Literal["raise", "do_nothing"]


class Body(BaseModel):
    """The base of all."""

    model_config = ConfigDict(extra="ignore")


class CheckpointPlace(Body):
    """A checkpoint. Clients send its thread too, which is the one they ask about."""

    checkpoint_id: str | None = None
    checkpoint_ns: str | None = None
    checkpoint_map: Json | None = None


class ConfigBody(BaseModel):
    """A run's config. What is not named here is handed on as it is."""

    model_config = ConfigDict(extra="allow")

    configurable: Json | None = None
    metadata: Json | None = None
    tags: list[str] | None = None
    recursion_limit: int | None = Field(default=None, ge=1, le=1_000_000)


def listed(given: Sequence[str] | None) -> list[str]:
    """What a query parameter lists: clients repeat it, separate by commas, or write a list as JSON."""
    found: list[str] = []
    for text in given or ():
        try:
            value = orjson.loads(text) if text.startswith("[") else text.split(",")
        except orjson.JSONDecodeError:
            value = [text]
        found += [each for each in value if isinstance(each, str) and each]
    return found


_STREAM_MODES: Final = (
    *("values", "updates", "messages", "messages-tuple", "custom", "events"),
    *("tasks", "checkpoints", "debug", "tools", "lifecycle"),
)


def known_modes(given: str | Sequence[str] | None) -> Any:
    """Stream modes as they were given: of one that is not there, nothing would ever be heard.

    Raises:
        ValueError: one is not there.
    """
    for mode in [given] if isinstance(given, str) else given or ():
        if mode not in _STREAM_MODES:
            raise ValueError(f"there is no stream mode '{mode[:60]}'; there are {', '.join(_STREAM_MODES)}")
    return given


StreamModes = Annotated[str | list[str] | None, AfterValidator(known_modes)]
Webhook = Annotated[str, Field(max_length=2000)] | None
"""Whom to tell how a run ended; whether they can be told is judged where the networks are known."""


class RunBody(Body):
    """A run that is wanted."""

    assistant_id: str
    input: Any = None
    command: Json | None = None
    config: ConfigBody | None = None
    context: Json | None = None
    metadata: Json | None = None
    stream_mode: StreamModes = None
    stream_subgraphs: bool | None = None
    stream_resumable: bool | None = None
    interrupt_before: Literal["*"] | list[str] | None = None
    interrupt_after: Literal["*"] | list[str] | None = None
    webhook: Webhook = None
    checkpoint: CheckpointPlace | None = None
    checkpoint_id: str | None = None
    checkpoint_during: bool | None = None
    durability: Literal["sync", "async", "exit"] | None = None
    multitask_strategy: Multitask | None = None
    if_not_exists: Literal["create", "reject"] | None = None
    on_disconnect: Literal["cancel", "continue"] | None = None
    on_completion: Literal["delete", "keep"] | None = None
    after_seconds: float | None = Field(default=None, ge=0, le=10 * 365 * 86400)
    strict_resume: bool | None = None
    priority: Priority | None = None

    def request(self) -> Json:
        """What is kept of it for the run."""
        return self.model_dump(exclude_none=True, exclude={"assistant_id", "metadata", "priority"})


class ThreadBody(Body):
    """A new thread."""

    thread_id: str | None = Field(default=None, min_length=1, max_length=255)
    metadata: Json | None = None
    if_exists: IfExists | None = None
    ttl: Json | float | None = None
    supersteps: list[Json] | None = None


class ThreadPatch(Body):
    """Changes to a thread."""

    metadata: Json | None = None
    ttl: Json | float | None = None


class ThreadSearch(Body):
    """Which threads."""

    metadata: Json | None = None
    values: Json | None = None
    ids: list[str] | None = Field(default=None, max_length=1000)
    status: Literal["idle", "busy", "interrupted", "error"] | None = None
    limit: int = Limit
    offset: int = Offset
    sort_by: Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"] | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None
    extract: dict[str, str] | None = None


class StateBody(Body):
    """A change to a thread's state."""

    values: Any = None
    as_node: str | None = None
    checkpoint: CheckpointPlace | None = None
    checkpoint_id: str | None = None


class CheckpointBody(Body):
    """A state at a checkpoint."""

    checkpoint: CheckpointPlace
    subgraphs: bool = False
    select: list[str] | None = None


class HistoryBody(Body):
    """Part of a thread's history."""

    limit: int = Limit
    before: str | Json | None = None
    metadata: Json | None = None
    checkpoint: CheckpointPlace | None = None
    select: list[str] | None = None


class AssistantBody(Body):
    """A new assistant."""

    graph_id: str
    assistant_id: str | None = Field(default=None, min_length=1, max_length=255)
    config: Json | None = None
    context: Json | None = None
    metadata: Json | None = None
    if_exists: IfExists | None = None
    name: str | None = None
    description: str | None = None


class AssistantPatch(Body):
    """Changes to an assistant."""

    graph_id: str | None = None
    config: Json | None = None
    context: Json | None = None
    metadata: Json | None = None
    name: str | None = None
    description: str | None = None


class AssistantSearch(Body):
    """Which assistants."""

    metadata: Json | None = None
    graph_id: str | None = None
    name: str | None = None
    limit: int = Limit
    offset: int = Offset
    sort_by: Literal["assistant_id", "graph_id", "name", "created_at", "updated_at"] | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None


class VersionsBody(Body):
    """Which versions of an assistant."""

    metadata: Json | None = None
    limit: int = Limit
    offset: int = Offset


class LatestBody(Body):
    """The version of an assistant to use."""

    version: int = Field(ge=1, le=2**31)


class CancelBody(Body):
    """Which runs to cancel."""

    thread_id: str | None = None
    run_ids: list[str] | None = Field(default=None, max_length=1000)
    status: Literal["pending", "running", "all"] | None = None


class PruneBody(Body):
    """Which threads to prune."""

    thread_ids: list[str] = Field(max_length=1000)
    strategy: Literal["delete", "keep_latest"] = "delete"
