"""Dead letters: what is asked of a database."""

from collections.abc import Sequence
from typing import Protocol

from orchestrator.store.values import DeadLetter


class Letters(Protocol):
    """Dead letters. See `Store`."""

    async def dead_letters(
        self,
        *,
        status: str | None = "open",
        execution_id: str | None = None,
        tenant: str | None = None,
        before: int | None = None,
        limit: int = 1000,
    ) -> Sequence[DeadLetter]:
        """Newest first; without a status, closed ones too. `before` is the last one's number of the page before."""
        ...

    async def dead_letter(self, letter_id: int) -> DeadLetter | None: ...

    async def discard(self, letter_ids: Sequence[int], *, by: str | None, note: str | None) -> Sequence[DeadLetter]:
        """Close letters for good: all of them or none.

        Raises:
            NotFoundError, ConflictError: there is no such letter, or it is closed; the message names by whom.
        """
        ...

    async def redrive(self, letter_ids: Sequence[int], *, by: str | None) -> Sequence[str]:
        """Try again what letters are about: all of them or none. Their results are superseded, and their executions
        are queued again, with how they ended.

        Returns:
            The ids of these executions.

        Raises:
            NotFoundError, ConflictError: there is no such letter, it is closed, or its execution has not ended.
        """
        ...
