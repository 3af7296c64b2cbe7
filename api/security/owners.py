"""Whose something is that starts runs later, and whether they still could.

A key is looked at each time: it may have been revoked, or have expired. Tokens, and what users of the application's own
auth showed when they came, are not kept: nobody can ask with these again. So their owners are known by when they last
came with the right to run; after `BATON_OWNER_AGE` without that, what is theirs starts nothing any more. Users of the
application's own auth are judged by its handlers besides, each time, as they were when they last came.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from api.security.custom import Custom, RunConsent, User
from api.security.keys import principal_of, refuse_ended
from api.security.needs import Needs
from api.security.principal import Principal
from api.security.rights import Right
from api.settings import GatewaySettings
from graphs.clock import Clock
from graphs.errors import NotAllowedError, StoreError
from orchestrator.approvals.values import Person
from orchestrator.sealing import Cipher
from orchestrator.serving.consent import Consent
from orchestrator.serving.served import Caller
from orchestrator.store.served.values import Cron
from orchestrator.store.sqlite import SqliteStore

_PATIENCE: Final = 10.0
"""Seconds for the application's auth to say something about a run: other crons wait meanwhile."""

_NOTED_EVERY: Final = timedelta(hours=1)
"""How exactly it is known when somebody last came; more exactly where they may be away for less than ten hours."""

_MOST: Final = 10_000
"""Owners whose coming was noted lately: of more, some are noted again too early."""

_HINT: Final = "Let somebody who may change it (PATCH), which makes it theirs; or delete it."


class Owners:
    """Knows owners, and judges what is to start by whose it is.

    Args:
        store: Where keys and crons are.
        clock: For ages.
        settings: Whether tokens are accepted, and how long an owner may stay away.
        custom: The application's own auth, if it has one.
        cipher: Encrypts what that auth says of its users, some of which may be secret.
    """

    def __init__(
        self,
        store: SqliteStore,
        clock: Clock,
        settings: GatewaySettings,
        custom: Custom | None,
        cipher: Callable[[], Cipher],
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._custom = custom
        self._cipher = cipher
        self._came: dict[tuple[str, str], tuple[datetime, Mapping[str, Any]]] = {}

    def kept(self, who: Principal) -> Mapping[str, Any]:
        """What is kept of whoever makes something."""
        owner = {"name": who.name, "key": who.key}
        return owner if who.key is not None or who.open else {**owner, **self._fresh(who, _plain(who.user))}

    async def came(self, who: Principal) -> None:
        """Somebody was let in: what is theirs goes on for another while."""
        if who.key is not None or who.open or (who.user is None and Right.RUN not in who.rights):
            return
        now, fields, source = self._clock.now(), _plain(who.user), (who.tenant, who.source)
        when, before = self._came.get(source, (None, None))
        if when is not None and now - when < self._noted_every and fields == before:
            return
        if len(self._came) >= _MOST:
            del self._came[next(iter(self._came))]
        self._came[source] = (now, fields)
        if self._store.owns_crons(who.source, who.tenant):
            with suppress(StoreError):  # it says so where it matters; they come again
                await self._store.renew_crons(who.source, who.tenant, self._fresh(who, fields))

    def judge(self, cron: Cron) -> Caller:
        """In whose name a cron starts what it starts.

        Raises:
            NotAllowedError: its owner no longer could.
        """
        owner = cron.owner or {}
        consent: Consent | None = None
        try:
            if owner.get("key") is not None:
                self._judge_key(owner["key"])
            elif "source" in owner and self._guarded:
                consent = self._judge_absent(owner)
        except Exception as error:
            raise _refused(owner, error) from error
        return Caller(
            person=Person(owner.get("name")), tenant=cron.tenant, decides=False, redrives=False, consent=consent
        )

    @property
    def _noted_every(self) -> timedelta:
        age = self._settings.owner_age
        return min(_NOTED_EVERY, timedelta(seconds=age / 10)) if age else _NOTED_EVERY

    @property
    def _guarded(self) -> bool:
        return self._custom is not None or self._settings.oidc_issuer is not None or self._store.guarded()

    def _judge_key(self, key_id: str) -> None:
        key = self._store.key(key_id)
        if key is None:
            raise NotAllowedError("The key is gone.")
        refuse_ended(key, self._clock.now())
        Needs(Right.RUN).check(principal_of(key))

    def _judge_absent(self, owner: Mapping[str, Any]) -> Consent | None:
        came, age = datetime.fromisoformat(owner["came"]), self._settings.owner_age
        if age and self._clock.now() - came > timedelta(seconds=age):
            raise NotAllowedError(f"They last came on {came:%Y-%m-%d}, and BATON_OWNER_AGE is over.")
        if "user" not in owner:
            if self._settings.oidc_issuer is None:
                raise NotAllowedError("No tokens are accepted any more.")
            return None
        if self._custom is None:
            raise NotAllowedError("The application has no auth any more that knows them.")
        user = User(self._cipher().decrypt(base64.b64decode(owner["user"])))
        who = self._custom.principal_of(user)
        if who.rights:
            Needs(Right.RUN).check(who)
        return _Absent(RunConsent(self._custom, who), owner)

    def _fresh(self, who: Principal, fields: Mapping[str, Any]) -> dict[str, Any]:
        seen: dict[str, Any] = {"source": who.source, "came": self._clock.now().isoformat()}
        if who.user is not None:
            seen["user"] = base64.b64encode(self._cipher().encrypt(fields)).decode()
        return seen


@dataclass(frozen=True, slots=True)
class _Absent:
    """Asks the application's auth about a user who is not there. Implements orchestrator.serving.consent.Consent."""

    asks: RunConsent
    owner: Mapping[str, Any]

    @property
    def user(self) -> Mapping[str, Any]:
        """See the port."""
        return self.asks.user

    async def run(self, value: dict[str, Any]) -> Mapping[str, Any]:
        """See the port. Whatever a team's code raises, or says nothing within the time, is a no."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self.asks.run(value)
        except Exception as error:
            raise _refused(self.owner, error) from error

    async def sees(self, thread_id: str, metadata: Mapping[str, Any]) -> bool:
        """See the port."""
        return await self.asks.sees(thread_id, metadata)


def _refused(owner: Mapping[str, Any], why: Exception) -> NotAllowedError:
    name, reason = owner.get("name"), getattr(why, "message", None) or getattr(why, "detail", None)
    reason = reason or f"{type(why).__name__}: {why}"
    return NotAllowedError(
        f"The cron belongs to '{name}', who may start nothing now: {reason}",
        hint=_HINT,
        code="owner_not_allowed",
    )


def _plain(user: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of a user can be kept: JSON values."""
    kept = {}
    for name, value in (user or {}).items():
        value = list(value) if isinstance(value, tuple | set | frozenset) else value
        with suppress(TypeError):
            orjson.dumps(value)
            kept[name] = value
    return kept
