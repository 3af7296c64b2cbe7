"""How one step does its work: services, functions, tools, models, agents, and the built-in step types."""

from agents.events import EmitEvent
from agents.function import FunctionStep
from agents.functions import Functions
from agents.service_call import ServiceCall
from agents.services import Service, Services
from agents.validation import Validation
from agents.waits import Approval, Delay, WaitForEvent
from graphs.steps import StepType

__all__ = ["Functions", "Service", "Services", "step_types"]


def step_types() -> tuple[StepType, ...]:
    """The built-in step types without steps inside; the entry point `baton.step_types`."""
    return (
        ServiceCall(),
        Validation(),
        FunctionStep(),
        EmitEvent(),
        Approval(),
        WaitForEvent(),
        Delay(),
    )
