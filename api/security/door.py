"""The door: finds out who asks. One for each gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Scope

from api.security.custom import Acts, Custom, RunConsent
from api.security.hosts import refuse_strangers
from api.security.keys import NotAuthenticatedError, admitted, looks_like_a_key, parse_key
from api.security.lasting import Lasting
from api.security.needs import Needs
from api.security.principal import Principal
from api.security.rates import Rates
from api.security.tokens import Tokens
from api.security.watch import Watch
from api.settings import GatewaySettings
from graphs.clock import Clock
from orchestrator.ids import shown_id
from orchestrator.store.port import AuditEntry, Store

_SECRET = frozenset({"token"})
_CHOSEN = frozenset({"thread_id", "execution_id", "other_id"})


class Door:
    """Knows keys and tokens, and whether there are any.

    Args:
        store: Where the keys are; looked at for every request, so that a revoked one opens nothing more.
        settings: The provider of tokens, and the pages that may call an open gateway.
        clock: When keys expire.
        custom: The application's own auth, asked where no key of ours is shown.
    """

    def __init__(self, store: Store, settings: GatewaySettings, clock: Clock, custom: Custom | None = None) -> None:
        self.settings = settings
        self.custom = custom
        self.rates = Rates(settings, clock)
        self.watch = Watch(store, clock, lambda: self.guarded)
        self._store = store
        self._clock = clock
        self._tokens = Tokens(settings, clock) if settings.oidc_issuer is not None else None

    @property
    def guarded(self) -> bool:
        """Whether somebody must say who they are: a key was ever made, a provider of tokens is set, or the application
        has its own auth."""
        return self._tokens is not None or self.custom is not None or self._store.guarded()

    async def admit(self, connection: HTTPConnection) -> Principal:
        """Who asks.

        Raises:
            NotAuthenticatedError: nobody we know.
            NotAllowedError: not from this machine, at an open gateway.
        """
        if not self.guarded:
            refuse_strangers(connection, self.settings.origins)
            return Principal()
        shown = _shown(connection)
        for text in shown:
            if looks_like_a_key(text):
                return self._by_key(text)
        if self.custom is not None:
            user = await self.custom.admit(connection)
            return replace(user, consent=RunConsent(self.custom, user))
        if self._tokens is not None and (token := _bearer(connection)) is not None:
            return await self._tokens.admitted(token)
        raise NotAuthenticatedError(
            "This needs a key." if not shown else "The key is not known.",
            hint="Send it as 'x-api-key', or as 'Authorization: Bearer …'.",
        )

    def allowed(self, who: Principal, needed: Sequence[Needs], what: Acts | None) -> Principal:
        """Whoever asks with the rights they have for what they want to do; `what` is that in the words of handlers.

        Raises:
            NotAllowedError: their rights do not suffice.
        """
        if self.custom is not None and who.user is not None and what is not None:
            return self.custom.allowed(who, needed, what)
        for each in needed:
            each.check(who)
        return who

    def lasting(
        self, who: Principal, connection: HTTPConnection, needed: Sequence[Needs], what: Acts | None
    ) -> Lasting:
        """What whoever asks will be sent, for as long as they may hear it."""

        async def again() -> Principal:
            return self.allowed(await self.admit(connection), needed, what)

        return Lasting(who, again, self.watch, self._clock, connection.scope)

    def own_id(self, name: str, given: str, who: Principal) -> str:
        """What a name in a path or an answer stands for: ids that callers choose are their tenant's own."""
        return self._store.own_id(given, who.tenant) if name in _CHOSEN else given

    def entry(self, who: Principal, action: str, named: Mapping[str, Any]) -> AuditEntry:
        """An entry of the audit trail: who does what, now. What is a secret in a path is left out."""
        target = " ".join(_readable(value) for name, value in named.items() if name not in _SECRET)
        return AuditEntry(
            at=self._clock.now(),
            tenant=who.tenant,
            actor=who.name,
            action=action,
            target=target or None,
            detail={"source": who.source},
        )

    def note(self, who: Principal, action: str, scope: Scope, status: int) -> None:
        """Add to the audit trail how a request was answered."""
        entry = self.entry(who, action, scope.get("path_params", {}))
        self._store.note(replace(entry, outcome=str(status)))

    def _by_key(self, text: str) -> Principal:
        key_id, secret = parse_key(text) or ("", "")
        key = self._store.key(key_id)
        who = admitted(key, secret, self._clock.now())
        assert key is not None
        self._store.key_used(key)
        return who


def _readable(name: Any) -> str:
    text = ".".join(map(str, name)) if isinstance(name, list) else str(name)
    return shown_id(text)[:200]


def _shown(connection: HTTPConnection) -> list[str]:
    candidates = (connection.headers.get("x-api-key"), _bearer(connection))
    return [text for text in candidates if text]


def _bearer(connection: HTTPConnection) -> str | None:
    scheme, _, text = connection.headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" and text.strip() else None
