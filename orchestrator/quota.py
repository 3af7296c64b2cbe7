"""How much of a tenant's may be waiting or at work at once, so that none fills the place that is everybody's."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from graphs.errors import BatonError, InputError

_AGAIN: Final = 5.0
"""Seconds after which it may be worth while to ask again."""

_LATER: Final = 60.0
"""The same of events: what has to happen first is that somebody takes some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a tenant may have at once; 0 is any number.

    Attributes:
        runs: Runs of threads that have not ended, and executions that are queued or running.
        events: Events from outside that nothing has taken yet.
        event_bytes: Of their data, all together.
        event_age: How old they are at least when they make room for new ones. What an execution that goes on may still
            take is kept, however old.
    """

    runs: int = 0
    events: int = 0
    event_bytes: int = 0
    event_age: timedelta = timedelta(days=30)


UNLIMITED: Final = Quota()


class TooManyRunsError(BatonError):
    """A tenant has as much waiting and at work as it may; `retry_after` says when to ask again."""

    code = "too_many_runs"


class TooManyEventsError(BatonError):
    """A tenant has as many events as it may that nothing has taken; `retry_after` says when to ask again."""

    code = "too_many_events"


def too_many_runs(tenant: str, most: int, what: str) -> TooManyRunsError:
    """The error for one more than a tenant may have."""
    return TooManyRunsError(
        f"Tenant '{tenant}' has {most} {what} waiting or at work, which is as many as it may.",
        hint="Wait until some have ended, or raise BATON_MAX_TENANT_RUNS.",
        retry_after=_AGAIN,
    )


def judge_event(quota: Quota, tenant: str, events: int, held: int, size: int) -> BatonError | None:
    """Whether one more event may be kept that nothing takes; why not.

    Args:
        events: How many there are.
        held: Bytes of their data.
        size: Bytes of the new one's.
    """
    if quota.event_bytes and size > quota.event_bytes:
        return InputError(
            f"The event has {size} bytes of data; all that nothing has taken may have {quota.event_bytes}.",
            hint="Send less, or raise BATON_MAX_TENANT_EVENT_BYTES.",
            code="event_too_large",
        )
    if quota.events and events >= quota.events:
        found, setting = f"{events} events", "BATON_MAX_TENANT_EVENTS"
    elif quota.event_bytes and held + size > quota.event_bytes:
        found, setting = f"{held} bytes of events", "BATON_MAX_TENANT_EVENT_BYTES"
    else:
        return None
    return TooManyEventsError(
        f"Tenant '{tenant}' has {found} that nothing has taken, which is as many as it may.",
        hint=f"Check whether what they are for still runs and waits for this type, or raise {setting}.",
        retry_after=_LATER,
    )
