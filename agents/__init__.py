"""How one step does its work: services, functions, tools, models, agents, and the built-in step types.

services     what is called over HTTP by name, and `service_call`
tools        functions and tools, in this process or over MCP; the step types `function` and `tool`
models       chat models: real, scripted, recorded; what they cost
reasoning    agents: who acts, what was said and done, what is next; the composite step type `agent`
planning     a request that names no workflow: looked at, matched, planned
approval, waits, events, validation    the other step types
loading      the one door to what is slow to import (httpx, jsonschema, LangChain), opened by the first use
"""

from agents.approval import Approval
from agents.events import EmitEvent
from agents.models.cassettes import Cassette
from agents.models.models import Models
from agents.models.scripts import Call, Failure, Rule, Script, Turn
from agents.reasoning.agents import Agent, Agents
from agents.services.service_call import ServiceCall
from agents.services.services import Service, Services
from agents.tools.endpoint_call import EndpointCall
from agents.tools.function_call import FunctionStep
from agents.tools.functions import Functions
from agents.tools.mcp_servers import McpServer, McpServers, McpTool
from agents.tools.service_tool import service_tool
from agents.tools.tool_call import ToolStep
from agents.tools.tools import Tool, Tools, tool
from agents.validation import Validation
from agents.waits import Delay, WaitForEvent
from graphs.steps import StepType

__all__ = [
    "Agent",
    "Agents",
    "Call",
    "Cassette",
    "Failure",
    "Functions",
    "McpServer",
    "McpServers",
    "McpTool",
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
        EndpointCall(),
        EmitEvent(),
        Approval(),
        WaitForEvent(),
        Delay(),
    )
