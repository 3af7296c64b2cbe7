"""Which agent a step gets: one it names, one that has the capability it asks for, or one of its own."""

from collections.abc import Iterable, Mapping
from typing import Any

from agents.models.models import Models, model_name
from agents.models.prices import Prices
from agents.reasoning.agents import Agent, Agents
from agents.reasoning.capability import CHOSEN, AgentRouting, choose
from agents.reasoning.defining import definition_of
from agents.reasoning.expecting import by_price
from agents.tools.tools import Tool
from graphs.composites.base import Opening
from graphs.errors import StepError
from graphs.loading.names import listing
from graphs.spec import AGENT_LABEL, FromState, Workflow
from graphs.steps import StepContext


async def pick(opening: Opening) -> tuple[Agent, bool]:
    """The agent, and whether it is a registered one.

    Raises:
        StepError: it is not there, or nobody has the capability.
    """
    context, config = opening.context, opening.config
    if isinstance(config.agent, Agent):
        return config.agent, False
    if config.agent_capability is not None:
        return await _capable(opening, config.agent_capability)
    if config.agent is None:
        return Agent(name=_own_name(opening)), False
    registered = context.resource(Agents)
    name = config.agent.partition("@")[0]
    if (pinned := _pinned(opening, config.agent, name in registered)) is not None:
        return _with_tools(pinned, registered), name in registered
    return registered.get(config.agent), True


def _with_tools(agent: Agent, registered: Agents) -> Agent:
    """An execution is pinned to what its agent says; the tools that the agent brings with it are code, and are those of
    the engine."""
    if agent.name not in registered:
        return agent
    own = {tool.name: tool for tool in registered.get(agent.name).tools if isinstance(tool, Tool)}
    tools = tuple(own.get(one, one) if isinstance(one, str) else one for one in agent.tools)
    return agent.model_copy(update={"tools": tools})


async def _capable(opening: Opening, capability: str) -> tuple[Agent, bool]:
    """One of those that have a capability; why it is this one is kept with the execution (I10)."""
    context = opening.context
    registered, workflows = context.resource(Agents), context.workflows()
    found, later = _who_can(capability, registered, workflows)
    if not found:
        raise _nobody(opening, capability, workflows)
    routing = context.resources.get(AgentRouting) or AgentRouting()
    tracks = await opening.tracks() if opening.tracks is not None and routing.adaptive and len(found) > 1 else {}
    choice = choose(list(found), tracks, routing, context.idempotency_key, _priced(context, found.values()))
    context.note(CHOSEN, choice.as_record(capability) | ({"came_later": later} if later else {}))
    return found[choice.agent], choice.agent in registered


def _who_can(
    capability: str, registered: Agents, workflows: Mapping[str, Workflow]
) -> tuple[dict[str, Agent], list[str]]:
    """Those that have the capability, in the order of their registration: the agents that were there when the execution
    began, as they were then. Whoever came later is asked only where nobody else has it; otherwise: their names."""
    pinned = {name: one for name, one in workflows.items() if _is_agent(one) and "@" not in name}
    agents = {agent.name: agent for agent in registered}
    agents |= {name: _with_tools(agent_of(one, name), registered) for name, one in pinned.items()}
    found = {name: agent for name, agent in agents.items() if capability in agent.capabilities}
    # An agent that holds code cannot be pinned, and so nobody can say since when it is there.
    stay = {name: one for name, one in found.items() if name in pinned or definition_of(one).callables()}
    return (stay, [name for name in found if name not in stay]) if stay else (found, [])


def _priced(context: StepContext, agents: Iterable[Agent]) -> dict[str, float]:
    """What a step of each agent would cost by its model's price."""
    default = context.resource(Models).default
    models = {agent.name: model_name(agent.model if agent.model is not None else default) for agent in agents}
    return by_price(context.resources.get(Prices) or Prices({}), models)


def _nobody(opening: Opening, capability: str, workflows: Mapping[str, Workflow]) -> StepError:
    registered = opening.context.resource(Agents)
    known = {one for agent in registered for one in agent.capabilities}
    known |= {tag for workflow in workflows.values() if _is_agent(workflow) for tag in workflow.metadata.tags}
    return StepError(
        f"no agent has the capability '{capability}'.",
        category="validation",
        code="capability_unknown",
        hint=listing(sorted(known), "Capabilities here"),
    )


def _own_name(opening: Opening) -> str:
    """An agent that was published is called by its name where it is started itself, and others by their step's."""
    around = opening.around
    return around.name if around is not None and _is_agent(around) else opening.context.name


def _is_agent(workflow: Workflow) -> bool:
    return AGENT_LABEL in workflow.metadata.labels


def _pinned(opening: Opening, wanted: str, is_registered: bool) -> Agent | None:
    """The agent of a definition that the execution is pinned to, written as `kind: Agent` or registered in Python."""
    name, _, version = wanted.partition("@")
    try:
        workflow = opening.workflow(name, version or None)
    except StepError:
        return None
    if _is_agent(workflow):
        return agent_of(workflow, name)
    if is_registered:
        return None
    raise StepError(
        f"'{wanted}' is a workflow, and no agent.",
        category="validation",
        code="agent_unknown",
        hint="A step of type 'workflow' runs it; an agent may have it as a tool.",
    )


def agent_of(workflow: Workflow, name: str) -> Agent:
    """The agent that a definition (`kind: Agent`) describes."""
    (step,) = workflow.spec.steps
    given: dict[str, Any] = {key: value for key, value in step.config.items() if key in Agent.model_fields}
    if isinstance(given.get("model"), FromState):  # a chat model that Python gave
        given["model"] = given["model"].function(None)
    own = {
        "retry": step.retry,
        "name": name,
        "version": workflow.version,
        "description": workflow.metadata.description,
        "capabilities": workflow.metadata.tags,
    }
    return Agent.model_validate({**given, **own})
