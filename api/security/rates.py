"""How often one may ask: a bucket of tokens for each tenant, each key, each stranger's address."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from api.security.principal import Principal
from api.settings import GatewaySettings
from graphs.clock import Clock
from graphs.errors import BatonError

_BURST: Final = 2.0
"""Seconds' worth of requests that may come at once."""

_EVERYBODY: Final = 100.0
"""Requests a second to what is everybody's (health, documents, links), from one address."""

_ROUNDING: Final = 1e-6

_KNOWN: Final = 50_000
"""Buckets remembered; the longest unused is forgotten first, and is full when it comes again."""


class TooManyError(BatonError):
    """Asked too often; `retry_after` says when again."""

    code = "too_many_requests"


@dataclass(slots=True)
class Bucket:
    """So many tokens a second, and a few at once."""

    rate: float
    tokens: float
    at: float

    def take(self, now: float) -> float:
        """Take a token: 0, or how many seconds until there is one."""
        self.tokens = min(self.rate * _BURST, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1 - _ROUNDING:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


class Rates:
    """Counts. Nothing at an open gateway: whoever asks there is on this machine.

    Args:
        settings: How often.
        clock: How time goes.
    """

    def __init__(self, settings: GatewaySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._open: dict[str, int] = {}

    def count(self, who: Principal) -> None:
        """Count one request.

        Raises:
            TooManyError: the key, or its whole tenant, asks too often.
        """
        if who.open:
            return
        self._take(who.source, self._settings.key_rate, f"'{who.name}' asks")
        self._take(f"tenant:{who.tenant}", self._settings.tenant_rate, f"Tenant '{who.tenant}' asks")

    def refused(self, address: str) -> None:
        """Count an attempt of somebody who was not let in.

        Raises:
            TooManyError: too many came from there.
        """
        self._take(f"address:{address}", self._settings.stranger_rate, "Whoever has no key asks")

    def stranger(self, address: str) -> None:
        """Count a request to what is everybody's.

        Raises:
            TooManyError: too many came from there.
        """
        self._take(f"stranger:{address}", _EVERYBODY, "Whoever asks does so")

    @contextmanager
    def under_way(self, who: Principal) -> Iterator[None]:
        """A request, from its beginning to its end; streams last long.

        Raises:
            TooManyError: the tenant has too many under way.
        """
        under_way = self._open.get(who.tenant, 0)
        if under_way >= self._settings.max_open:
            raise TooManyError(
                f"Tenant '{who.tenant}' has {under_way} requests and streams under way, which is as many as it may.",
                hint="Close some of them.",
                retry_after=1.0,
            )
        self._open[who.tenant] = under_way + 1
        try:
            yield
        finally:
            self._open[who.tenant] -= 1
            if not self._open[who.tenant]:
                del self._open[who.tenant]

    def _take(self, name: str, rate: float, whoever_asks: str) -> None:
        if not rate:
            return
        now = self._clock.monotonic()
        bucket = self._buckets.pop(name, None) or Bucket(rate, rate * _BURST, now)
        self._buckets[name] = bucket
        if len(self._buckets) > _KNOWN:
            self._buckets.popitem(last=False)
        if wait := bucket.take(now):
            raise TooManyError(
                f"{whoever_asks} more often than {rate:g} times a second.",
                hint="Wait as 'Retry-After' says.",
                retry_after=round(wait, 3),
            )
