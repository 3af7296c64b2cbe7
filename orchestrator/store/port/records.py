"""What happened, and what came of it: what is asked of a database."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from graphs.state import Happened, Result
from orchestrator.store.values import Asked, Execution, Record


class Records(Protocol):
    """What happened, and what came of it. See `Store`."""

    def append(self, record: Record) -> None:
        """Hand over a record without waiting for its commit; it commits in order with everything else."""
        ...

    async def keep(self, record: Record) -> None:
        """Keep a record; it is durable when this returns."""
        ...

    async def records(self, execution_id: str, *, after: int = 0, limit: int = 100_000) -> Sequence[Record]: ...
    async def last_record(self, execution_id: str) -> Record | None:
        """The newest of them."""
        ...

    async def asked_last(self, execution_id: str) -> Asked | None:
        """What people asked of it last; None when nothing ever was."""
        ...

    async def check_as_seen(self, seen: Execution) -> None:
        """Whether an execution is still as it was seen.

        Raises:
            ConflictError: it has moved on; the error names who asked for that.
        """
        ...

    async def results(self, execution_id: str, prefix: str = "") -> Mapping[str, Result]:
        """The newest results that are not superseded, by path, in the order in which they were committed."""
        ...

    async def history(self, execution_id: str) -> Sequence[Happened]:
        """What the execution did, in the order in which it was committed; results that are superseded too."""
        ...
