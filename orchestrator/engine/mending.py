"""What needs a person: dead letters, and circuit breakers that are open."""

from collections.abc import Sequence

from orchestrator.engine.base import Base
from orchestrator.store.dead_letters import no_letter
from orchestrator.store.port import DeadLetter, KeptBreaker


class Mending(Base):
    """Seeing to what failed for good."""

    async def dead_letters(
        self, *, status: str | None = "open", execution_id: str | None = None, limit: int = 1000
    ) -> Sequence[DeadLetter]:
        """What failed for good and needs a person, newest first; without a status, what is closed too."""
        return await self.store.dead_letters(status=status, execution_id=execution_id, limit=limit)

    async def dead_letter(self, letter_id: int) -> DeadLetter:
        """One of them.

        Raises:
            NotFoundError: there is none of that number.
        """
        letter = await self.store.dead_letter(letter_id)
        if letter is None:
            raise no_letter(letter_id)
        return letter

    async def redrive(self, letter_ids: Sequence[int], *, by: str | None = None) -> Sequence[str]:
        """Try again what dead letters are about; what else was done or undone is not done again.

        Returns:
            Ids of the executions that go on.

        Raises:
            NotFoundError, ConflictError: there is none, it is closed, or its execution has not ended.
        """
        redriven = await self.store.redrive(letter_ids, by=by)
        for execution_id in redriven:
            self._driver_takes(execution_id, "redrive")
        return redriven

    async def discard(
        self, letter_ids: Sequence[int], *, by: str | None = None, note: str | None = None
    ) -> Sequence[DeadLetter]:
        """Close dead letters for good: somebody saw to it.

        Raises:
            NotFoundError, ConflictError: there is none, or it is closed.
        """
        return await self.store.discard(letter_ids, by=by, note=note)

    async def breakers(self) -> Sequence[KeptBreaker]:
        """Every circuit breaker that has ever counted a failure, by name."""
        return await self.store.breakers()

    async def reset_breaker(self, name: str) -> KeptBreaker:
        """Close a circuit breaker: what it guards is well again. Every step that waits for it goes on.

        Raises:
            NotFoundError: it has never counted a failure; the message names those that have.
        """
        reset = await self.store.reset_breaker(name)
        if self._driver is not None:
            await self._driver.breaker_reset(name)
        return reset
