"""The file: pruning, copying, and leaving it."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from graphs.state import ExecutionStatus
from orchestrator.engine.base import Base


class File(Base):
    """What is done to all of it."""

    async def prune(self, older_than: timedelta, *, keep: Sequence[ExecutionStatus] = (), dry_run: bool = False) -> int:
        """Delete executions that ended longer ago than that; gives how many."""
        return await self.store.prune(before=self.clock.now() - older_than, keep=keep, dry_run=dry_run)

    async def backup(self, target: Path) -> None:
        """Copy the live database safely."""
        await self.store.backup(target)

    async def drain(self) -> None:
        """Stop taking work up; what runs may finish within the grace time."""
        if self._driver is not None:
            await self._driver.drain()
