"""What an agent step works on: looked up once, when it opens, and kept with its plan as JSON.

What JSON cannot hold (a model or tools that were handed over in Python) is found again where it was found first: in
the definition, in the registered agent, among the registered tools.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NotRequired, TypedDict

from agents.loading import load
from agents.models.models import Models, model_name
from agents.reasoning.agent_config import AgentConfig
from agents.reasoning.agents import Agent, Agents, ContextOverflow, schema_of
from agents.reasoning.picking import pick
from agents.reasoning.trimming import Message
from agents.tools.offers import Offer, offers
from agents.tools.service_tool import endpoint_tool
from agents.tools.tool_use import ToolUse
from agents.tools.tools import Tool, Tools
from graphs.composites.base import Opening
from graphs.errors import StepError
from graphs.expressions import mask
from graphs.spec import Budget, FromState, Step
from graphs.steps import StepContext
from graphs.values import json_value

ANSWER_TOOL: Final = "final_answer"
"""What an agent calls to answer in a form."""


class Assignment(TypedDict):
    """What an agent is to do. JSON values.

    Attributes:
        messages: In assignments that older versions kept, pairs of role and content.
        registered: The agent is found under its name among the registered ones.
        model: `provider:model`; None where Python gave a model as it is.
        model_name: What the model is called in records.
        retry: The agent's own word on calls that failed.
        context_overflow, max_calls_per_turn: Not in assignments that older versions kept.
        budgets: By scope: "" for the execution's, paths for those of the sub-workflows around and the step's own.
    """

    agent: str
    registered: bool
    model: str | None
    model_name: str
    temperature: float | None
    max_tokens: int | None
    instructions: str
    messages: list[Message]
    tools: list[Offer]
    schema: dict[str, Any] | None
    budgets: dict[str, dict[str, Any]]
    max_turns: int
    max_calls_per_turn: NotRequired[int]
    max_reasks: int
    context_tokens: int | None
    context_overflow: NotRequired[ContextOverflow]
    stream: bool | None
    retry: NotRequired[dict[str, Any]]


async def assign(opening: Opening) -> Assignment:
    """Look up agent, model and tools, and put the prompt together.

    Raises:
        StepError: something named is not there, or there is nothing to do.
    """
    opening = _with_others(opening)
    context, config, step = opening.context, opening.config, opening.step
    agent, registered = await pick(opening)

    def said(key: str, otherwise: Any = None) -> Any:
        """The step's own word, else its agent's."""
        own = getattr(config, key) if key in config.model_fields_set else None
        return next((value for value in (own, getattr(agent, key), otherwise) if value is not None), None)

    models = context.resource(Models)
    wanted = config.model if config.model is not None else agent.model
    instructions = config.instructions if config.instructions is not None else agent.instructions
    schema = schema_of(agent.output_schema if config.output_schema is None else config.output_schema)
    if schema is not None:
        (await load("agents.schemas")).check_schema(schema)
    assignment = Assignment(
        agent=agent.name,
        registered=registered,
        model=wanted if isinstance(wanted, str) else None if wanted is not None else models.default,
        model_name=model_name(wanted if wanted is not None else models.default) or "",
        temperature=said("temperature"),
        max_tokens=said("max_tokens"),
        instructions=instructions(context.state) if callable(instructions) else instructions,
        messages=_conversation(context, config),
        tools=_offered(opening, agent, schema),
        schema=schema,
        budgets=_budgets(opening, said("budget")),
        max_turns=said("max_turns", config.max_turns),
        max_calls_per_turn=said("max_calls_per_turn", config.max_calls_per_turn),
        max_reasks=said("max_reasks", config.max_reasks),
        context_tokens=said("context_tokens"),
        context_overflow=said("context_overflow", config.context_overflow),
        stream=config.stream,
    )
    if agent.retry is not None:
        assignment["retry"] = agent.retry.model_dump(mode="json", exclude_defaults=True)
    await open_model(context, assignment, step)  # so that what cannot work is known before anything is done
    return assignment


def _offered(opening: Opening, agent: Agent, schema: dict[str, Any] | None) -> list[Offer]:
    offered = offers(opening.context, _wanted(opening.config, agent), opening.step.steps, opening.workflow)
    if schema is not None and any(offer["name"] == ANSWER_TOOL for offer in offered):
        raise StepError(
            f"the agent is given a tool called '{ANSWER_TOOL}', which is how it answers in a form.",
            category="validation",
            code="tool_twice",
            hint="Give the tool another 'name', or leave 'output_schema' out.",
        )
    return offered


def _wanted(config: AgentConfig, agent: Agent) -> Sequence[str | Tool | ToolUse]:
    """The step's own tools, else its agent's. What is said of the steps inside takes no tool of the agent's away."""
    if config.tools is None:
        return agent.tools
    of_steps = [one for one in config.tools if isinstance(one, ToolUse) and one.step is not None]
    return [*agent.tools, *of_steps] if of_steps and len(of_steps) == len(config.tools) else config.tools


def _with_others(opening: Opening) -> Opening:
    """As a replay wants it: with another model, agent or prompt than the step says."""
    if not opening.instead:
        return opening
    update: dict[str, Any] = dict(opening.instead)
    if "agent" in update:
        update["agent_capability"] = None
    return replace(opening, config=opening.config.model_copy(update=update))


def _budgets(opening: Opening, own: Budget | None) -> dict[str, dict[str, Any]]:
    found = {**opening.context.budgets, opening.context.path: own}
    return {scope: budget.model_dump(exclude_none=True) for scope, budget in found.items() if budget is not None}


async def open_model(context: StepContext, assignment: Assignment, step: Step) -> Any:
    """The LangChain chat model of an assignment.

    Raises:
        StepError: it is not there, has no credentials, or real models are switched off.
    """
    model: Any = assignment["model"]
    if model is None:
        model = _from_python(step.config.get("model"), context)
        model = None if isinstance(model, str) else model  # an expression, which came to nothing
        if model is None and (agent := _agent_again(context, assignment, step)) is not None:
            model = agent.model
    return await context.resource(Models).open(
        model, temperature=assignment["temperature"], max_tokens=assignment["max_tokens"]
    )


def find_tool(context: StepContext, assignment: Assignment, step: Step, name: str) -> Tool:
    """The tool behind an offer.

    Raises:
        StepError: it is there no more.
    """
    for offer in assignment["tools"]:
        if offer["target"] == name and "endpoint" in offer:
            return endpoint_tool(ToolUse.model_validate(offer["endpoint"]))
    for tool in _tools_of_python(context, assignment, step):
        if tool.name == name:
            return tool
    return context.resource(Tools).get(name)


def _tools_of_python(context: StepContext, assignment: Assignment, step: Step) -> Iterator[Tool]:
    # It may be registered no more: its execution is pinned to what it said, and here is only asked what it brought.
    there = not assignment["registered"] or assignment["agent"] in context.resource(Agents)
    agent = _agent_again(context, assignment, step) if there else None
    for given in (_from_python(step.config.get("tools"), context), agent.tools if agent is not None else ()):
        several = given if isinstance(given, list | tuple) else (given,)
        yield from (tool for one in several if isinstance(tool := _from_python(one, context), Tool))


def _from_python(value: Any, context: StepContext) -> Any:
    return value.function(context.state) if isinstance(value, FromState) else value


def _agent_again(context: StepContext, assignment: Assignment, step: Step) -> Agent | None:
    given = _from_python(step.config.get("agent"), context)
    if isinstance(given, Agent) and given.name == assignment["agent"]:
        return given
    return context.resource(Agents).get(assignment["agent"]) if assignment["registered"] else None


def _conversation(context: StepContext, config: AgentConfig) -> list[Message]:
    """Prompts hold `***` where a secret stands: a model's provider is no place of use."""
    earlier: list[Message] = [one.told() for one in config.messages]
    question = context.input if config.message is None else config.message
    asked = [] if question is None else [as_text(question)]
    if config.context is not None:
        asked.append(f"Context:\n{as_text(config.context)}")
    if not asked and not earlier:
        raise StepError(
            "the agent is asked nothing: the step has neither a message nor an input.",
            category="validation",
            code="message_missing",
            hint="Give it a 'message'.",
        )
    return [*earlier, {"role": "user", "content": "\n\n".join(asked)}] if asked else earlier


def as_text(value: Any) -> str:
    """A value as a model reads it: text as it is, anything else as JSON; secrets masked."""
    shown = json_value(mask(value))
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
