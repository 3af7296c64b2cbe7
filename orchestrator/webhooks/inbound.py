"""Messages from outside that are signed by whoever may send them (Standard Webhooks), and become events."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from orchestrator.store.port import Message, Source
from orchestrator.store.sources import no_source
from orchestrator.tenancy import TenantView
from orchestrator.webhooks.signing import Secret, SignatureError, new_secret, verified


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The sources of one tenant; anybody's for what arrives.

    Attributes:
        view: The tenant's view of the orchestrator.
    """

    view: TenantView

    async def add(self, name: str, event_type: str) -> tuple[Source, str]:
        """A new source, and its secret, which is not shown again.

        Raises:
            ConflictError: there is one of that name.
        """
        secret = new_secret()
        source = Source(
            id=uuid.uuid4().hex,
            tenant=self.view.tenant,
            name=name,
            event_type=event_type,
            secrets=self._sealed([Secret(secret)]),
            created_at=self.view.baton.clock.now(),
            created_by=self.view.by,
        )
        await self.view.baton.store.add_source(source)
        return source, secret

    async def list(self) -> Sequence[Source]:
        """The tenant's sources."""
        return await self.view.baton.store.sources(self.view.tenant)

    async def rotate(self, source_id: str, overlap: timedelta) -> str:
        """A new secret; the ones there are count for so long besides.

        Raises:
            NotFoundError: there is no such source, or it is another tenant's.
        """
        source = self._own(source_id)
        now = self.view.baton.clock.now()
        secret, until = new_secret(), now + overlap
        kept = [each for each in self._opened(source) if each.until is None or each.until > now]
        old = [replace(each, until=min(each.until or until, until)) for each in kept]
        sealed = self._sealed([Secret(secret), *old])
        await self.view.baton.store.change_source(source.id, source.tenant, sealed)
        return secret

    async def remove(self, source_id: str) -> None:
        """Take nothing from it any more.

        Raises:
            NotFoundError: there is no such source, or it is another tenant's.
        """
        await self.view.baton.store.remove_source(source_id, self.view.tenant)

    def _own(self, source_id: str) -> Source:
        source = self.view.baton.store.source(source_id)
        if source is None or source.tenant != self.view.tenant:
            raise no_source(source_id)
        return source

    def _opened(self, source: Source) -> Sequence[Secret]:
        return opened(self.view, source)

    def _sealed(self, secrets: Sequence[Secret]) -> bytes:
        kept = [{"text": each.text, "until": each.until.isoformat() if each.until else None} for each in secrets]
        return self.view.baton.catalogue.cipher().encrypt(kept)


def opened(view: TenantView, source: Source) -> Sequence[Secret]:
    """A source's secrets."""
    kept: Sequence[Mapping[str, Any]] = view.baton.catalogue.cipher().decrypt(source.secrets)
    return [Secret(one["text"], datetime.fromisoformat(one["until"]) if one["until"] else None) for one in kept]


def arrived(view: TenantView, source_id: str, headers: Mapping[str, str], body: bytes) -> tuple[Source, Message]:
    """A message and whose it is, when it was signed as it should be. The body has not been looked into.

    Raises:
        SignatureError: it was not, or there is no such source: that is not told apart.
    """
    source = view.baton.store.source(source_id)
    if source is None:
        raise SignatureError("The message's signature is not right.", hint="Check the secret on both sides.")
    return source, verified(opened(view, source), headers, body, view.baton.clock.now())
