"""The file: what is asked of a database."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from graphs.state import ExecutionStatus


class File(Protocol):
    """The file. See `Store`."""

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
        """Delete final executions that ended before, but for those with open dead letters; gives how many."""
        ...

    async def backup(self, target: Path) -> None:
        """Copy the live file safely.

        Raises:
            ConflictError: the target exists.
        """
        ...

    async def close(self) -> None: ...
