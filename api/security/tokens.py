"""JWTs of an OIDC provider: signature, issuer, audience and times are checked by PyJWT; what we read is said here."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
import orjson

from api.security.keys import NotAuthenticatedError
from api.security.principal import Principal
from api.security.rights import rights_of
from api.settings import GatewaySettings
from graphs.clock import Clock
from graphs.errors import BatonError, SettingsError
from orchestrator.store.port import DEFAULT_TENANT

_LEEWAY: Final = 30
"""Seconds that two machines' clocks may differ."""

_LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC).timestamp()

_AGE: Final = 3600.0
"""Seconds after which the provider's keys are read again."""

_PAUSE: Final = 30.0
"""Seconds between two readings for keys that are not there: whoever sends made-up key ids must not make us ask on."""

_RETRY: Final = 5.0
"""Seconds after a reading that failed until the next one; meanwhile its failure is the answer."""

_TIMEOUT: Final = 5.0
_MAX_BYTES: Final = 1_000_000


class ProviderUnreachableError(BatonError):
    """The provider's keys cannot be read, so nobody's token can be checked."""

    code = "provider_unreachable"


class Tokens:
    """Checks tokens of one provider.

    Args:
        settings: Issuer, audience, algorithms, where the keys are, the names of claims.
        clock: For the age of the provider's keys.

    Raises:
        SettingsError: it is not said whom tokens must be meant for.
    """

    def __init__(self, settings: GatewaySettings, clock: Clock) -> None:
        if settings.oidc_audience is None:
            raise SettingsError(
                "BATON_OIDC_ISSUER is set, and BATON_OIDC_AUDIENCE is not.",
                hint="Name the audience: a token that is meant for another service must open nothing here.",
            )
        self._settings = settings
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at: float | None = None
        self._failed: tuple[float, ProviderUnreachableError] | None = None
        self._reading: asyncio.Task[None] | None = None

    async def admitted(self, token: str) -> Principal:
        """Who comes with a token.

        Raises:
            NotAuthenticatedError: it is not to be trusted.
            ProviderUnreachableError: its signature cannot be checked.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in self._settings.oidc_algorithms:
                raise NotAuthenticatedError("The token is signed in a way that is not accepted here.")
            key = await self._key(str(header.get("kid", "")))
            claims = jwt.decode(
                token,
                key,
                algorithms=list(self._settings.oidc_algorithms),
                audience=self._settings.oidc_audience,
                issuer=self._settings.oidc_issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise NotAuthenticatedError(f"The token is not accepted: {error}.") from error
        return self._principal(claims)

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        settings = self._settings
        tenant = DEFAULT_TENANT
        if settings.oidc_tenant_claim is not None:
            tenant = _at(claims, settings.oidc_tenant_claim)
            if not isinstance(tenant, str) or not tenant:
                raise NotAuthenticatedError(f"The token does not say its tenant ('{settings.oidc_tenant_claim}').")
        name = _at(claims, settings.oidc_name_claim)
        return Principal(
            name=name if isinstance(name, str) and name else str(claims["sub"]),
            tenant=tenant,
            rights=rights_of(_words(_at(claims, settings.oidc_roles_claim))),
            groups=frozenset(_words(_at(claims, settings.oidc_groups_claim))),
            source=f"token:{tenant}:{claims['sub']}",
            until=datetime.fromtimestamp(min(float(claims["exp"]), _LATEST) + _LEEWAY, UTC),
        )

    # -- the provider's keys -----------------------------------------------------------------------------------

    async def _key(self, key_id: str) -> jwt.PyJWK:
        if not self._fresh(_AGE) or (key_id not in self._keys and not self._fresh(_PAUSE)):
            await self._renewed()
        if not key_id and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if key_id not in self._keys:
            raise NotAuthenticatedError("The token is signed with a key its issuer does not name.")
        return self._keys[key_id]

    def _fresh(self, seconds: float) -> bool:
        return self._read_at is not None and self._clock.monotonic() - self._read_at < seconds

    async def _renewed(self) -> None:
        """Read the keys, once for everybody who waits for them, and not again soon where that has failed."""
        if self._reading is None:
            if self._failed is not None and self._clock.monotonic() - self._failed[0] < _RETRY:
                raise self._failed[1].with_traceback(None)
            self._reading = asyncio.create_task(self._read(), name="provider's keys")
            self._reading.add_done_callback(self._was_read)
        await asyncio.shield(self._reading)  # who waits may leave; the others still wait

    def _was_read(self, reading: asyncio.Task[None]) -> None:
        self._reading = self._failed = None
        if not reading.cancelled() and isinstance(error := reading.exception(), ProviderUnreachableError):
            self._failed = self._clock.monotonic(), error

    async def _read(self) -> None:
        where = self._settings.oidc_jwks
        try:
            if where is not None and "://" not in where:
                document = orjson.loads(await asyncio.to_thread(Path(where).read_bytes))
            else:
                document = await self._fetched(where)
            keys = jwt.PyJWKSet.from_dict(document).keys
        except (OSError, httpx.HTTPError, ValueError, TypeError, AttributeError, jwt.PyJWTError) as error:
            raise ProviderUnreachableError(
                f"The keys of '{self._settings.oidc_issuer}' cannot be read: {type(error).__name__}: {error}.",
                hint="Check BATON_OIDC_ISSUER and BATON_OIDC_JWKS.",
            ) from error
        self._keys = {key.key_id or "": key for key in keys}
        self._read_at = self._clock.monotonic()

    async def _fetched(self, where: str | None) -> Any:
        async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client:
            if where is None:
                issuer = str(self._settings.oidc_issuer).rstrip("/")
                discovered = await _get(client, f"{issuer}/.well-known/openid-configuration")
                where = str(discovered["jwks_uri"])
            return await _get(client, where)


async def _get(client: httpx.AsyncClient, url: str) -> Any:
    async with client.stream("GET", url) as response:
        response.raise_for_status()
        body = b""
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _MAX_BYTES:
                raise ValueError(f"{url} answers with more than {_MAX_BYTES} bytes")
    return orjson.loads(body)


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by a dotted path into it (`realm_access.roles`)."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _words(value: Any) -> list[str]:
    """A list of words, or one text of words with spaces between them, as `scope` is."""
    if isinstance(value, str):
        return value.split()
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
