"""What an application has to answer requests with, and how models are told of it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.planning.bounds import AssistantBounds, within
from agents.reasoning.agents import Agent, Agents
from agents.reasoning.picking import agent_of
from agents.services.services import Services
from agents.tools.functions import Functions
from agents.tools.tools import Tool, Tools
from agents.values import shorten
from graphs.inputs import secret_paths
from graphs.spec import AGENT_LABEL, Workflow
from graphs.steps import StepContext

MOST_WORKFLOWS: Final = 25
"""Workflows a model is told of; of more, those whose words are most like the request's."""
_MOST_OTHERS: Final = 100
_DESCRIPTION: Final = 300


@dataclass(frozen=True, slots=True)
class Offered:
    """What there is, within the assistant's bounds. By name.

    Attributes:
        workflows: Those a model can start: it must not be given what is secret.
    """

    workflows: Mapping[str, Workflow]
    agents: Mapping[str, Agent]
    tools: Mapping[str, Tool]
    services: tuple[str, ...]
    functions: tuple[str, ...]

    barred: frozenset[str] = frozenset()
    """Capabilities that agents out of bounds have: who is asked for one cannot be said."""

    @property
    def capabilities(self) -> list[str]:
        return sorted({one for agent in self.agents.values() for one in agent.capabilities} - self.barred)


def offered(context: StepContext) -> Offered:
    """What this execution may use: workflows and agents as it is pinned to them, and what is registered."""
    bounds = context.resources.get(AssistantBounds) or AssistantBounds()
    pinned = {name: workflow for name, workflow in context.workflows().items() if "@" not in name}
    workflows = {
        name: one for name, one in pinned.items() if not _is_agent(one) and not secret_paths(one.spec.input.schema_)
    }
    registered = {agent.name: agent for agent in context.resource(Agents)}
    agents = registered | {name: agent_of(one, name) for name, one in pinned.items() if _is_agent(one)}
    tools = {tool.name: tool for tool in context.resource(Tools)}
    inside = set(within(agents, bounds.agents))
    return Offered(
        workflows={name: workflows[name] for name in within(workflows, bounds.workflows)},
        agents={name: agent for name, agent in agents.items() if name in inside},
        barred=frozenset(one for name, agent in agents.items() if name not in inside for one in agent.capabilities),
        tools={name: tools[name] for name in within(tools, bounds.tools)},
        services=tuple(within(context.resource(Services).names(), bounds.services)),
        functions=tuple(within(context.resource(Functions).names(), bounds.functions)),
    )


def _is_agent(workflow: Workflow) -> bool:
    return AGENT_LABEL in workflow.metadata.labels


def likely(workflows: Mapping[str, Workflow], request: str) -> dict[str, Workflow]:
    """The workflows whose words are most like a request's; all of them where there are few."""
    if len(workflows) <= MOST_WORKFLOWS:
        return dict(workflows)
    asked = _words(request)

    def likeness(name: str) -> int:
        workflow = workflows[name]
        properties = (workflow.spec.input.schema_ or {}).get("properties", {})
        told = " ".join([name, workflow.metadata.description, *workflow.metadata.tags, *properties])
        return len(asked & _words(told))

    best = sorted(workflows, key=likeness, reverse=True)[:MOST_WORKFLOWS]
    return {name: workflows[name] for name in best}


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"[^\W_]+", text.casefold()) if len(word) > 2}


def told_of_workflows(workflows: Mapping[str, Workflow]) -> str:
    """The workflows, as a model reads them."""
    return _listed("Workflows", (_workflow_line(name, one) for name, one in workflows.items()))


def told_of_all(offer: Offered, workflows: Mapping[str, Workflow]) -> str:
    """Everything a plan may name, as a model reads it."""
    agents = (_line(name, one.description, _can(one)) for name, one in offer.agents.items())
    tools = (_line(name, one.description, _arguments(one)) for name, one in offer.tools.items())
    parts = [
        told_of_workflows(workflows),
        _listed("Agents (type agent, config.agent)", agents),
        _listed("Tools (type tool, config.tool; or config.tools of an agent)", tools),
        _listed("Services (type service_call, config.service)", (f"- {name}" for name in offer.services)),
        _listed("Functions (type function, config.function)", (f"- {name}" for name in offer.functions)),
    ]
    return "\n\n".join(part for part in parts if part)


def _listed(title: str, lines: Iterable[str]) -> str:
    found = list(lines)
    more = [f"- and {len(found) - _MOST_OTHERS} more"] if len(found) > _MOST_OTHERS else []
    return "\n".join([f"{title}:", *found[:_MOST_OTHERS], *more]) if found else ""


def _workflow_line(name: str, workflow: Workflow) -> str:
    schema = workflow.spec.input.schema_ or {}
    return _line(name, workflow.metadata.description, f"input {_compact(schema)}" if schema else "no input")


def _line(name: str, description: str, more: str) -> str:
    about = shorten(" ".join(description.split()), _DESCRIPTION)
    return f"- {name}: {'. '.join(part for part in (about.rstrip('.'), more) if part)}"


def _can(agent: Agent) -> str:
    return f"capabilities: {', '.join(agent.capabilities)}" if agent.capabilities else ""


def _arguments(tool: Tool) -> str:
    effect = "changes nothing" if tool.effect == "none" else "may change the world outside"
    return f"{effect}. args {_compact(tool.parameters)}"


def _compact(schema: Mapping[str, Any]) -> str:
    return shorten(json.dumps(schema, ensure_ascii=False, separators=(",", ":")), 2 * _DESCRIPTION)


def harmless(offer: Offered) -> Iterator[str]:
    """Tools that change nothing, by what they say themselves: an agent may call these as it likes."""
    return (name for name, tool in offer.tools.items() if tool.effect == "none")
