"""Dead letters: what is asked of a database."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from orchestrator.store.values import DeadLetter, LetterFilter


class Letters(Protocol):
    """Dead letters. See `Store`."""

    async def dead_letters(self, which: LetterFilter = LetterFilter()) -> Sequence[DeadLetter]:  # noqa: B008 - frozen
        """Newest first."""
        ...

    async def dead_letter(self, letter_id: int) -> DeadLetter | None: ...

    async def edit_letter(self, letter_id: int, edit: Mapping[str, Any] | None) -> DeadLetter:
        """With which changes to the input it is to be tried again; None: with none.

        Raises:
            NotFoundError, ConflictError: there is no such letter, or it is closed.
        """
        ...

    async def discard(self, letter_ids: Sequence[int], *, by: str | None, note: str | None) -> Sequence[DeadLetter]:
        """Close letters for good: all of them or none.

        Raises:
            NotFoundError, ConflictError: there is no such letter, or it is closed; the message names by whom.
        """
        ...

    async def undo(self, letter_ids: Sequence[int], *, by: str | None, note: str | None) -> Sequence[str]:
        """Close letters for good, and have undone what their executions did: nothing more of these is begun. All of
        them or none.

        Returns:
            The ids of these executions.

        Raises:
            NotFoundError, ConflictError: there is no such letter, it is closed, or its execution has not ended, went
                well, or was undone already.
        """
        ...

    async def redrive(self, letter_ids: Sequence[int], *, by: str | None) -> Sequence[str]:
        """Try again what letters are about that are not failures (`rewind` does that for these): all of them or none.
        Their results are superseded, and their executions are queued again, with how they ended; those that processes
        died over go on where they were.

        Returns:
            The ids of these executions.

        Raises:
            NotFoundError, ConflictError: there is no such letter, it is closed, or its execution has not ended.
        """
        ...
