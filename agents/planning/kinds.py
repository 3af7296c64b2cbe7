"""The step types of the ad-hoc assistant."""

from agents.planning.check import CheckPlan
from agents.planning.given import CheckGiven
from agents.planning.outcome import CheckOutcome
from agents.planning.survey import Survey
from graphs.steps import StepType


def step_types() -> tuple[StepType, ...]:
    """All of them."""
    return (Survey(), CheckPlan(), CheckGiven(), CheckOutcome())
