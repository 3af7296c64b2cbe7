"""Circuit breakers: who is not well is left alone for a while (E09, P05). A pure state machine; time is handed in.

    closed      everybody may call; so many failures in a row open it
    open        nobody may call until its time is over
    half-open   one caller probes: it goes well, and the breaker closes; it does not, and it opens again

Own code: purgatory and aiobreaker (the async ones that are kept up, more or less) read the clock themselves, keep
their state in memory or Redis and refuse by raising from inside the call, while ours must survive the process in the
tables, run on a clock that is handed in, and say until when to rest.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from graphs.durations import Duration
from graphs.errors import StepError
from graphs.policies.classify import MAX_RETRY_AFTER
from graphs.policies.responses import COUNTED

State = Literal["closed", "open", "half_open"]


class BreakerPolicy(BaseModel):
    """When a breaker opens, and for how long.

    Attributes:
        failure_threshold: So many failures in a row open it.
        open_for: Seconds until it may be probed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    failure_threshold: int = Field(default=5, ge=1)
    open_for: Duration = Field(default=30.0, gt=0)


@dataclass(frozen=True, slots=True)
class Breaker:
    """Where a breaker stands.

    Attributes:
        failures: How many there have been in a row.
        opened_at: When it was opened; None while it is closed.
        until: From when it may be probed.
        probe: Who probes it.
        reason: What the last failure said.
    """

    failures: int = 0
    opened_at: datetime | None = None
    until: datetime | None = None
    probe: str | None = None
    reason: str | None = None

    @property
    def state(self) -> State:
        if self.until is None:
            return "closed"
        return "open" if self.probe is None else "half_open"

    def refuses(self, policy: BreakerPolicy, now: datetime) -> datetime | None:
        """Until when nobody may call; None when somebody may."""
        if self.until is None:
            return None
        if self.probe is not None:
            return now + timedelta(seconds=policy.open_for)  # its end will be heard of before, most likely
        # A clock that was set back must not keep it open.
        over = now >= self.until or (self.opened_at is not None and now < self.opened_at)
        return None if over else self.until

    def admits(self, who: str) -> "Breaker":
        """It lets somebody call whom it does not refuse: when it is open, to probe."""
        return self if self.until is None else replace(self, probe=who)

    def succeeded(self, who: str) -> "Breaker":
        """A call went well. One that began before it opened says nothing about now."""
        if self.until is None:
            return self if not self.failures else CLOSED
        return CLOSED if self.probe == who else self

    def failed(self, policy: BreakerPolicy, now: datetime, who: str, error: StepError) -> "Breaker":
        """A call failed in a way that counts."""
        if self.until is not None and self.probe != who:
            return self
        failures = self.failures + 1
        if self.until is None and failures < policy.failure_threshold:
            return Breaker(failures, reason=error.message)
        seconds = max(policy.open_for, min(error.retry_after or 0.0, MAX_RETRY_AFTER))
        return Breaker(failures, now, now + timedelta(seconds=seconds), reason=error.message)

    def undecided(self, who: str) -> "Breaker":
        """A call ended without saying how the other side is: another may probe."""
        return replace(self, probe=None) if self.probe == who else self


CLOSED: Final = Breaker()


def judged(error: BaseException | None) -> Literal["well", "ill", "unknown"]:
    """What the end of a call says about the other side."""
    if error is None:
        return "well"
    if not isinstance(error, StepError):
        return "unknown"
    if error.category in COUNTED:
        return "ill"
    return "well" if "status" in error.details else "unknown"  # it answered, though not what was wanted


class BreakerOpenError(StepError):
    """A step met an open breaker.

    Args:
        name: Whose.
        until: From when it may be looked at again.
        now: What time it is.
        reason: What the last failure said.
    """

    code = "breaker_open"

    def __init__(self, name: str, until: datetime, now: datetime, reason: str | None) -> None:
        super().__init__(
            f"'{name}' is left alone until {until.isoformat(timespec='seconds')}: its circuit breaker is open"
            + (f" ({reason.rstrip('.')})." if reason else "."),
            category="dependency",
            retry_after=max((until - now).total_seconds(), 0.0),
            hint=f"When it is well again: baton breakers reset {name}",
            breaker=name,
        )
        self.name = name
        self.until = until
