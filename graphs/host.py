"""Ports between the graph and whoever keeps executions alive: the graph asks, the orchestrator's room answers."""

from collections.abc import Mapping
from typing import Protocol

from graphs.state import Result


class CommitListener(Protocol):
    """The live side of one plan, as the checkpointer sees it.

    The checkpointer calls `committed` on the event loop right after the transaction that holds the results (and
    their step records) has committed, and `lost` when it could not be.
    """

    @property
    def path(self) -> str:
        """Where the plan stands in its execution; the record of step `x` is kept under `join_path(path, "x")`."""
        ...

    @property
    def generation(self) -> int: ...

    def committed(self, results: Mapping[str, Result]) -> None: ...

    def lost(self, error: BaseException) -> None: ...


class Checkpoints(Protocol):
    """What the graph needs of the checkpointer besides LangGraph's own interface."""

    def listen(self, thread_id: str, namespace: str, listener: CommitListener) -> None: ...

    def forget(self, thread_id: str, namespace: str) -> None: ...

    def expect_new(self, thread_id: str, namespace: str) -> None:
        """There is no checkpoint yet: the next read of it need not ask the database."""
        ...

    async def saved(self, thread_id: str, namespace: str) -> "Saved | None":
        """What the newest checkpoint of a plan holds; the graph's own next read of it is free."""
        ...


class Saved(Protocol):
    """A plan's checkpoint, with the results written since."""

    @property
    def dispatched(self) -> list[str]: ...

    @property
    def results(self) -> dict[str, Result]: ...

    @property
    def values(self) -> Mapping[str, object]: ...
