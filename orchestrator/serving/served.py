"""What a graph must offer to be served on threads, whatever it is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestrator.approvals.values import Person
from orchestrator.queue.port import Ticket
from orchestrator.serving.consent import Consent
from orchestrator.store.port import DEFAULT_TENANT
from orchestrator.store.served.values import Assistant, Ended, Run, Thread
from orchestrator.store.units import Beside

Say = Callable[[str, Any], None]
"""Say something on a run's stream: the event's name on the wire, and any value."""

Document = dict[str, Any]
"""JSON values, or what `encoding.to_bytes` makes of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever asks.

    Attributes:
        person: As approvals know them.
        reads: Whether they may see all there is; else what asks them.
        runs: Whether they may run things; else they may only answer what is asked.
        decides: Whether they may answer approvals at all.
        redrives: Whether they may let what was done be done anew.
        consent: The application's own word about each of their runs, where it has one.
        shown: The id of the question they last saw in front on the thread that they answer on.
    """

    person: Person = field(default_factory=Person)
    tenant: str = DEFAULT_TENANT
    reads: bool = True
    runs: bool = True
    decides: bool = True
    redrives: bool = True
    consent: Consent | None = None
    shown: str | None = None

    async def sees(self, thread: Thread) -> bool:
        """Whether they may look at a thread of their tenant."""
        return self.consent is None or await self.consent.sees(thread.id, thread.metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A checkpoint, as clients name it.

    Attributes:
        thread_id: Its thread, where that is another than the one that was asked for.
    """

    checkpoint_id: str | None = None
    checkpoint_ns: str = ""
    checkpoint_map: Mapping[str, Any] | None = None
    thread_id: str | None = None

    def configurable(self, thread_id: str) -> dict[str, Any]:
        """As LangGraph wants it."""
        where: dict[str, Any] = {"thread_id": self.thread_id or thread_id, "checkpoint_ns": self.checkpoint_ns}
        if self.checkpoint_id is not None:
            where["checkpoint_id"] = self.checkpoint_id
        if self.checkpoint_map:
            where["checkpoint_map"] = dict(self.checkpoint_map)
        return where


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change to a thread's state from outside."""

    values: Any = None
    as_node: str | None = None
    place: Place = field(default_factory=Place)
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which part of a thread's history to show, newest first."""

    limit: int = 10
    before: Place | None = None
    place: Place | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Served(Protocol):
    """A graph that clients can run."""

    name: str
    description: str | None
    copied: bool
    """Whether a thread's copy is a thread of its own: an execution is not a matter of checkpoints alone."""

    lasting: bool
    """Whether a thread takes one input after the other: an execution takes one."""

    def of_assistant(self, assistant: Assistant) -> "Served":
        """The same as an assistant has it, to be described."""
        ...

    def speaks(self, names: Mapping[str, Any]) -> bool:
        """Whether what a model says is meant for whoever asked; `names` are what streams show beside its words."""
        ...

    async def admit(self, run: Run, by: Caller) -> Sequence[Beside]:
        """Refuse what cannot be, before the run is kept.

        Returns:
            What must be durable before it is driven: it is kept together with the run, or not at all.

        Raises:
            InputError, ConflictError, NotFoundError: why not.
        """
        ...

    def sealed(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """What may be kept of a request: what is secret in its input is encrypted."""
        ...

    def fingerprint(self, wish: Mapping[str, Any]) -> str:
        """What tells a wish from others that come with the same idempotency key; `input` in it may hold secrets."""
        ...

    async def perform(self, ticket: Ticket, say: Say) -> Ended:
        """Carry a run as far as it goes. See `Performer.perform`."""
        ...

    async def after_stop(self, ticket: Ticket) -> Ended:
        """How a run ended that was cut off, whether it had begun or not."""
        ...

    async def left(self, run: Run) -> Ended:
        """What there is on a run's thread, after the run broke."""
        ...

    async def state(self, thread: Thread, place: Place, *, subgraphs: bool) -> Document:
        """A thread's state, now or at a checkpoint.

        Raises:
            NotFoundError: there is no such checkpoint.
        """
        ...

    async def history(self, thread: Thread, window: Window) -> Sequence[Document]:
        """States of a thread, newest first."""
        ...

    async def edit(self, thread: Thread, edits: Sequence[Sequence[Edit]]) -> Place:
        """Change a thread's state, one superstep after the other; gives the newest checkpoint."""
        ...

    async def current(self, thread: Thread) -> Thread:
        """The thread with its state, interrupts and status as they are now."""
        ...

    async def drawing(self, xray: bool | int) -> Document:
        """Nodes and edges."""
        ...

    async def schemas(self) -> Document:
        """JSON Schemas of what it takes and gives; each may be null."""
        ...

    async def subgraphs(self, namespace: str | None, *, recurse: bool) -> Mapping[str, Document]:
        """The schemas of the graphs inside, by namespace."""
        ...
