"""What the graph needs of the checkpointer besides LangGraph's own interface, and whom the checkpointer tells."""

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

from graphs.state import Result


class CommitListener(Protocol):
    """The live side of one plan, as the checkpointer sees it.

    The checkpointer calls `committed` on the event loop right after the transaction that holds the results (and
    their step records) has committed, and `lost` when it could not be. When that transaction found that somebody has
    asked for the execution's end, or holds it, it calls `asked` before: nothing begins that comes after the asking.
    """

    @property
    def path(self) -> str:
        """Where the plan stands in its execution; the record of step `x` is kept under `join_path(path, "x")`."""
        ...

    @property
    def generation(self) -> int: ...

    def committed(self, results: Mapping[str, Result]) -> None: ...

    def asked(self, end: Mapping[str, Any] | None, *, held: bool) -> None:
        """Somebody has asked for the execution's end, in these words, or that it be `held`."""
        ...

    def lost(self, error: BaseException) -> None: ...


class Saved(Protocol):
    """A plan's checkpoint, with the results written since."""

    @property
    def dispatched(self) -> list[str]: ...

    @property
    def results(self) -> dict[str, Result]: ...

    @property
    def values(self) -> Mapping[str, object]: ...


class Checkpoints(Protocol):
    """What the graph needs of the checkpointer besides LangGraph's own interface."""

    def listen(self, thread_id: str, namespace: str, listener: CommitListener) -> None: ...

    def forget(self, thread_id: str, namespace: str) -> None: ...

    def expect_new(self, thread_id: str, namespace: str, given: Mapping[str, Any]) -> None:
        """There is no checkpoint yet: the graph's next read of it gets the one that this input makes."""
        ...

    def keep(self, thread_id: str, listener: CommitListener, results: Mapping[str, Result]) -> Awaitable[object]:
        """Keep results of a body that goes on: in their records, from where they are read when the plan is taken up
        again. The listener is told as for any other; awaited, it is durable.

        Raises:
            CommitError: they cannot be kept.
        """
        ...

    async def saved(self, thread_id: str, namespace: str) -> Saved | None:
        """What the newest checkpoint of a plan holds; the graph's own next read of it is free."""
        ...
