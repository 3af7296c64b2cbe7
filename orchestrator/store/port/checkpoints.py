"""LangGraph's checkpoints, and the commit of everything: what is asked of a database."""

from typing import Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver


class Checkpoints(Protocol):
    """LangGraph's checkpoints, and the commit of everything. See `Store`."""

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
