"""Keys for tests: whoever is to knock at a gateway."""

from collections.abc import Sequence
from datetime import datetime

import httpx

from api.security.keys import new_key
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Key


async def make_key(
    baton: Orchestrator,
    role: str,
    *,
    tenant: str = "default",
    name: str | None = None,
    scopes: Sequence[str] = (),
    groups: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> str:
    """A new key of the gateway, as text."""
    key_id, text, hashed = new_key()
    await baton.store.add_key(
        Key(
            id=key_id,
            hash=hashed,
            name=name or role,
            tenant=tenant,
            role=role,
            scopes=tuple(scopes),
            groups=tuple(groups),
            created_at=baton.clock.now(),
            expires_at=expires_at,
        )
    )
    return text


def caller(url: str, key: str | None = None) -> httpx.AsyncClient:
    """A client that sends the key."""
    return httpx.AsyncClient(base_url=url, headers={"x-api-key": key} if key else {}, timeout=60)
