"""Circuit breakers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBreaker:
    """A circuit breaker as it is kept. `waiting` steps rest until it may be probed or closes."""

    name: str
    state: Literal["closed", "open", "half_open"]
    failures: int
    opened_at: datetime | None
    until: datetime | None
    reason: str | None
    updated_at: datetime | None
    waiting: int = 0
