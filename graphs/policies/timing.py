"""How long things may take."""

from graphs.spec import Config, Step
from graphs.steps import StepType


def attempt_timeout(step: Step, config: Config, kind: StepType) -> float | None:
    """Seconds one attempt may take: the step's own limit, the workflow's, the type's (P02). None: no limit."""
    if step.timeout is not None:
        return step.timeout
    return config.step_timeout if config.step_timeout is not None else kind.default_timeout
