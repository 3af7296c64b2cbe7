"""Keys of the gateway: what is asked of a database."""

from collections.abc import Collection, Sequence
from typing import Protocol

from orchestrator.store.values import Key


class Keys(Protocol):
    """Keys of the gateway. See `Store`."""

    def guarded(self) -> bool:
        """Whether a key was ever made. One that has expired or was revoked counts: its end opens nothing."""
        ...

    def key(self, key_id: str) -> Key | None:
        """The key of that id, whatever its state; cheap enough for every request."""
        ...

    async def add_key(self, key: Key) -> None: ...
    async def keys(self, tenant: str | None = None) -> Sequence[Key]:
        """All keys, or a tenant's, newest first."""
        ...

    async def revoke_key(self, key_id: str, *, by: str | None = None) -> Key:
        """End a key. Revoked again, the first time stays.

        Raises:
            NotFoundError: there is none of that id.
        """
        ...

    def revoked(self, key_ids: Collection[str]) -> frozenset[str]:
        """Which of these were revoked."""
        ...

    def key_used(self, key: Key) -> None:
        """Note that a key was used just now, without waiting for it."""
        ...
