"""How long things may take."""

from datetime import datetime

from graphs.durations import format_duration
from graphs.errors import StepError, StepTimeoutError
from graphs.spec import Config, Step
from graphs.steps import StepType


def attempt_timeout(step: Step, config: Config, kind: StepType) -> float | None:
    """Seconds one attempt may take: the step's own limit, the workflow's, the type's (P02). None: no limit."""
    if step.timeout is not None:
        return step.timeout
    return config.step_timeout if config.step_timeout is not None else kind.default_timeout


def out_of_time(path: str, step: Step, end: datetime, next_at: datetime, failure: StepError) -> StepError | None:
    """The failure of a step whose deadline is over before it could be tried again; None while there is time.

    Args:
        end: When its deadline is over.
        next_at: When the next attempt could begin; when none is to be made, the time it is now.
        failure: Of the attempt before.
    """
    if next_at < end:
        return None
    limit = format_duration(step.deadline or 0.0)
    return StepTimeoutError(
        f"step '{path}': its deadline of {limit} leaves no time for another attempt. The last one: {failure.message}",
        code="step_deadline",
        limit=step.deadline,
    )
