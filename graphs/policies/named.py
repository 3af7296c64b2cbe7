"""Limits by name: of services, of model providers, and of whatever else steps share and say so (`limits: [gpu]`)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from graphs.durations import parse_duration
from graphs.policies.breaker import BreakerPolicy
from graphs.policies.limits import Limit, Rate

EVERY: Final = "*"
"""In place of a name: what holds where nothing else is said."""

_RATE: Final = re.compile(r"(?P<calls>[1-9]\d*)\s*/\s*(?P<number>\d+(\.\d+)?)?(?P<unit>ms|[smhd])")


class Bounds(BaseModel):
    """What bounds the use of one thing that steps share.

    Attributes:
        max_concurrency: How many steps may use it at once, over all executions of the engine.
        rate: How many may begin in any span of time: `100/m`, `5/s`, `1000/15m`.
        breaker: When its circuit breaker opens, and for how long: `{"failure_threshold": 5, "open_for": "30s"}`, which
            is what services and model providers have when nothing is said. False: it has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    max_concurrency: int | None = Field(default=None, ge=1)
    rate: str | None = None
    breaker: BreakerPolicy | bool | None = None

    @field_validator("rate")
    @classmethod
    def _rate_is_one(cls, value: str | None) -> str | None:
        if value is not None:
            parse_rate(value)
        return value


def parse_rate(text: str) -> Rate:
    """`100/m` as a rate.

    Raises:
        ValueError: it is none.
    """
    found = _RATE.fullmatch(text.strip())
    per = parse_duration(f"{found['number'] or 1}{found['unit']}") if found else 0.0
    if found is None or per <= 0:
        raise ValueError(f"a rate is a number of calls in a time, such as 100/m, 5/s or 1000/15m, not {text!r}")
    return Rate(int(found["calls"]), per)


def declared(bounds: Mapping[str, Bounds], services: Iterable[str]) -> frozenset[str]:
    """Names that steps may give under `limits`: those that settings bound, and services, whose limits they share."""
    return frozenset({*bounds, *services} - {EVERY})


class NamedLimits:
    """The named limits of an engine.

    `openai:gpt-5` is known under that name, or as its provider's, `openai`.

    Args:
        bounds: By name; `*` for every one that is not named.
    """

    def __init__(self, bounds: Mapping[str, Bounds]) -> None:
        self._bounds = bounds
        self._limits: dict[str, Limit | None] = {}

    def key(self, name: str) -> str:
        """The name it is kept under."""
        return name if name in self._bounds else name.partition(":")[0]

    def bounds(self, name: str) -> Bounds:
        """What is said of it."""
        return self._bounds.get(self.key(name)) or self._bounds.get(EVERY) or _NOTHING

    def breaker(self, name: str, *, named: bool) -> BreakerPolicy | None:
        """The policy of its circuit breaker; None when it has none.

        Args:
            named: Steps name it; that alone does not give it one, since nobody knows what it stands for.
        """
        policy = self.bounds(name).breaker
        if isinstance(policy, BreakerPolicy):
            return policy
        if policy is None:
            policy = not named
        return _USUAL if policy else None

    def of(self, names: Sequence[str]) -> list[Limit]:
        """The limits there are under these names."""
        limits = dict.fromkeys(self.limit(name) for name in names)
        return [limit for limit in limits if limit is not None]

    def limit(self, name: str) -> Limit | None:
        """The limit its users share; None when there is none."""
        key = self.key(name)
        if key not in self._limits:
            bounds = self.bounds(name)
            rate = parse_rate(bounds.rate) if bounds.rate is not None else None
            bounded: Any = bounds.max_concurrency is not None or rate is not None
            self._limits[key] = Limit(key, bounds.max_concurrency, rate, named=True) if bounded else None
        return self._limits[key]


_NOTHING = Bounds()
_USUAL = BreakerPolicy()
