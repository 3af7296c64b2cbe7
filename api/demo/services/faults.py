"""Failures that can be switched on, per service or per route, and how it is decided whether one strikes.

A fault says *how* a request fails (`down`, `hang`, `malformed`, or else a `status`), *when* (the next n, a share of
all, or every one) and *on which side of the effect*: before it, or after it was committed. The last is the lost
answer, which only an idempotency key makes harmless.
"""

import random
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.demo.services.store import Json

Manner = Literal["down", "hang", "malformed", "status"]


class FaultSettings(BaseModel):
    """One fault as it is switched on over HTTP."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    route: str = Field("", description="Only paths that begin so, without the service's name: /api/users")
    method: str | None = Field(None, description="Only this HTTP method")
    latency_ms: int = Field(0, ge=0, le=600_000, description="Every request waits so long, whether it fails or not")
    fail_next: int | None = Field(None, ge=0, description="So many requests fail, the ones after them do not")
    fail_rate: float | None = Field(None, ge=0, le=1, description="This share of the requests fails")
    seed: int = Field(0, description="Makes fail_rate strike the same requests each time")
    status: int | None = Field(None, ge=400, le=599, description="Fail with this status; 503 where nothing is said")
    retry_after: float | None = Field(None, ge=0, description="Seconds, sent as Retry-After with a status")
    down: bool = Field(False, description="Fail by closing the connection without a response")
    hang: bool = Field(False, description="Fail by never answering; the caller has to give up")
    malformed: bool = Field(False, description="Fail by a 200 whose body is cut-off JSON")
    after_effect: bool = Field(False, description="Wait and fail after the effect was committed, not before it")

    @model_validator(mode="after")
    def _is_one_failure(self) -> Self:
        manners = [name for name in ("down", "hang", "malformed") if getattr(self, name)]
        if len(manners) > 1 or (manners and self.status is not None):
            given = " and ".join([*manners, *(["status"] if self.status is not None else [])])
            raise ValueError(f"a request fails in one way, not by {given}")
        if self.route and not self.route.startswith("/"):
            raise ValueError("route begins with a slash and without the service's name: /api/users")
        return self

    @property
    def manner(self) -> Manner | None:
        """How a request fails; None where this fault only slows down."""
        if self.down:
            return "down"
        if self.hang:
            return "hang"
        if self.malformed:
            return "malformed"
        if self.status is not None or self.fail_next is not None or self.fail_rate is not None:
            return "status"
        return None


@dataclass(frozen=True, slots=True)
class Trip:
    """What happens to one request."""

    latency: float = 0.0
    manner: Manner | None = None
    status: int = 503
    retry_after: float | None = None
    after_effect: bool = False

    @property
    def label(self) -> str:
        """As the request log names it: `503`, `down`, `hang after effect`."""
        name = str(self.status) if self.manner == "status" else str(self.manner)
        return f"{name} after effect" if self.after_effect else name


class Fault:
    """A fault that is switched on, and what it has done so far."""

    def __init__(self, settings: FaultSettings) -> None:
        self.settings = settings
        self.remaining = settings.fail_next or 0
        self.fired = 0
        self.delayed = 0
        self._random = random.Random(settings.seed)

    def covers(self, method: str, route: str) -> bool:
        return self.settings.method in (None, method) and route.startswith(self.settings.route)

    def next_trip(self) -> Trip:
        settings = self.settings
        if settings.latency_ms:
            self.delayed += 1
        manner = settings.manner if self._strikes() else None
        if manner is not None:
            self.fired += 1
        status = settings.status if settings.status is not None else 503
        return Trip(settings.latency_ms / 1000, manner, status, settings.retry_after, settings.after_effect)

    def _strikes(self) -> bool:
        settings = self.settings
        if self.remaining > 0:
            self.remaining -= 1
            return True
        if settings.fail_rate is not None:
            return self._random.random() < settings.fail_rate
        # Neither a number nor a share: a manner alone means every request. A number used up means none.
        return settings.fail_next is None

    def as_dict(self, service: str) -> Json:
        counts = {"remaining": self.remaining, "fired": self.fired, "delayed": self.delayed}
        return {"service": service, **self.settings.model_dump(), **counts}


class FaultBoard:
    """All the faults that are switched on. They are kept in memory: a restarted process is a healthy one."""

    def __init__(self) -> None:
        self._faults: dict[tuple[str, str, str | None], Fault] = {}

    def set(self, service: str, settings: FaultSettings) -> Fault:
        """Switch a fault on, in place of the one for the same service, route and method."""
        if settings.method is not None:
            settings = settings.model_copy(update={"method": settings.method.upper()})
        fault = Fault(settings)
        self._faults[service, settings.route, settings.method] = fault
        return fault

    def clear(self, service: str | None = None, route: str | None = None) -> int:
        """Switch off: all, those of a service, or those of one route. Returns how many there were."""
        gone = [key for key in self._faults if service in (None, key[0]) and route in (None, key[1])]
        for key in gone:
            del self._faults[key]
        return len(gone)

    def all(self) -> list[Json]:
        return [fault.as_dict(key[0]) for key, fault in self._faults.items()]

    def trip(self, service: str, method: str, route: str) -> Trip:
        """What happens to this request. The most exact fault decides alone: longest route, then with a method."""
        covering = [
            (len(key[1]), key[2] is not None, fault)
            for key, fault in self._faults.items()
            if key[0] == service and fault.covers(method, route)
        ]
        if not covering:
            return Trip()
        _, _, fault = max(covering, key=lambda entry: entry[:2])
        return fault.next_trip()
