"""Steps that wait for the world outside without asking it: `wait_for_event` (I04), `delay` (T16)."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from graphs.durations import Duration, format_duration
from graphs.errors import StepError, StepTimeoutError
from graphs.expressions import contains_secret
from graphs.steps import Answer, StepConfig, StepContext, Wait, Waiting


class WaitForEventConfig(StepConfig):
    """What a `wait_for_event` is told.

    Attributes:
        event_type: The type awaited.
        filter: Fields of the event's data and the values they must have.
        timeout: Seconds until the wait is over; an hour when nothing else is said (P09).
        on_timeout: `fail`, or `continue` with `{"event_data": null, "timed_out": true}`.
        lookback: Seconds before the execution's start from which events that came early still count (X07).
    """

    event_type: str = Field(min_length=1)
    filter: dict[str, Any] = Field(default_factory=dict)
    timeout: Duration | None = 3600.0
    on_timeout: Literal["fail", "continue"] = "fail"
    lookback: Duration = 0.0


class WaitForEvent(Waiting):
    """Waits for an event from outside; the response is `{"event_data": …}` (M17)."""

    name = "wait_for_event"
    summary = "waits until an event of a type, with given data, is published"
    Config = WaitForEventConfig
    gives = frozenset({"event_data", "timed_out"})

    def wait(self, context: StepContext, config: WaitForEventConfig) -> Wait:
        refuse_secrets(config.filter, "filter", "What is awaited is kept in the clear")
        return Wait(
            kind="event",
            question={"event_type": config.event_type, "filter": config.filter},
            event_type=config.event_type,
            match=config.filter,
            due=due_in(context, config.timeout),
            lookback=config.lookback,
            on_timeout=config.on_timeout,
        )

    def settle(self, context: StepContext, config: WaitForEventConfig, wait: Wait, answer: Answer) -> Any:
        if answer.outcome != "elapsed":
            return {"event_data": answer.data}
        if wait.on_timeout == "continue":
            return {"event_data": None, "timed_out": True}
        raise StepTimeoutError(
            f"no event '{config.event_type}' that fits the filter came within {format_duration(config.timeout or 0)}.",
            event_type=config.event_type,
        )


class DelayConfig(StepConfig):
    """What a `delay` is told: `duration` (or `seconds`) from when it begins, or `until` when.

    `until` is a time in ISO 8601; without a zone it is in UTC (X19).
    """

    duration: Duration | None = None
    seconds: Duration | None = None
    until: datetime | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(value is not None for value in (self.duration, self.seconds, self.until)) != 1:
            raise ValueError("give one of 'duration', 'seconds' and 'until'")
        return self


class Delay(Waiting):
    """Waits for a time. It survives the process; the response is `{"until": …}`."""

    name = "delay"
    summary = "waits for a while, or until a time"
    Config = DelayConfig
    gives = frozenset({"until"})

    def wait(self, context: StepContext, config: DelayConfig) -> Wait:
        if config.until is not None:
            until = config.until if config.until.tzinfo else config.until.replace(tzinfo=UTC)
            due: datetime | None = until.astimezone(UTC)
        else:
            due = due_in(context, config.duration if config.duration is not None else config.seconds)
        return Wait(kind="timer", question={"until": due.isoformat() if due else None}, due=due)

    def settle(self, context: StepContext, config: DelayConfig, wait: Wait, answer: Answer) -> Any:
        return {"until": wait.due.isoformat() if wait.due else None}


def due_in(context: StepContext, seconds: float | None) -> datetime | None:
    """The time so many seconds from now; None for no time limit."""
    return None if seconds is None else context.clock.now() + timedelta(seconds=seconds)


def refuse_secrets(value: Any, key: str, why: str) -> None:
    """Keep secrets out of what is stored in the clear.

    Raises:
        StepError: `secret_not_allowed`.
    """
    if contains_secret(value):
        raise StepError(
            f"'{key}' holds a secret. {why}.",
            category="validation",
            code="secret_not_allowed",
            hint="Use an id, or a hash of it, in its place.",
        )
