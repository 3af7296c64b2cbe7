"""How one step does its work: services, functions, tools, models, agents, and the built-in step types.

values and resources    Service(s), Functions, Tool(s), Agent(s), Models with Scripts
step types              service_call, validation, function, tool, emit_event, approval, wait_for_event, delay;
                        and `agent` (agents.agent), which is composite: the composites are slow to import
behind `loading`        http, schemas, providers, react, routing: slow to import, loaded by the first use
"""

from agents.events import EmitEvent
from agents.models.cassettes import Cassette
from agents.models.models import Models
from agents.models.scripts import Call, Failure, Rule, Script, Turn
from agents.reasoning.agents import Agent, Agents
from agents.services.service_call import ServiceCall
from agents.services.services import Service, Services
from agents.tools.function_call import FunctionStep
from agents.tools.functions import Functions
from agents.tools.service_tool import service_tool
from agents.tools.tool_call import ToolStep
from agents.tools.tools import Tool, Tools, tool
from agents.validation import Validation
from agents.waits import Approval, Delay, WaitForEvent
from graphs.steps import StepType

__all__ = [
    "Agent",
    "Agents",
    "Call",
    "Cassette",
    "Failure",
    "Functions",
    "Models",
    "Rule",
    "Script",
    "Service",
    "Services",
    "Tool",
    "Tools",
    "Turn",
    "service_tool",
    "step_types",
    "tool",
]


def step_types() -> tuple[StepType, ...]:
    """The built-in step types that act or wait by themselves; the entry point `baton.step_types`."""
    return (
        ServiceCall(),
        Validation(),
        FunctionStep(),
        ToolStep(),
        EmitEvent(),
        Approval(),
        WaitForEvent(),
        Delay(),
    )
