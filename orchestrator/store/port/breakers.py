"""Circuit breakers: what is asked of a database."""

from collections.abc import Sequence
from typing import Protocol

from graphs.policies.breaker import Breaker
from orchestrator.store.values import KeptBreaker


class Breakers(Protocol):
    """Circuit breakers. See `Store`."""

    async def breakers(self) -> Sequence[KeptBreaker]:
        """Every breaker that has ever counted a failure."""
        ...

    def keep_breaker(self, name: str, breaker: Breaker, *, rings: bool) -> None:
        """Hand over where a breaker stands, without waiting for its commit. With `rings`, every step that waits for it
        is called in the same transaction."""
        ...

    async def reset_breaker(self, name: str) -> KeptBreaker:
        """Close a breaker by hand, and call everybody who waits for it.

        Raises:
            NotFoundError: it has never counted a failure.
        """
        ...
