"""`agent`: let a model reason and act with tools until it has an answer (I05, I07, T07).

A light shell: the loop itself is in `agents.react`, which imports LangChain and is loaded by the first agent step.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from agents.agents import Agent, Agents, schema_of
from agents.loading import load
from agents.models import Models, model_name
from agents.tools import Tool, Tools
from graphs.errors import StepError
from graphs.expressions import mask
from graphs.steps import Action, Node, StepConfig, StepContext
from graphs.values import json_value


class Message(StepConfig):
    """A message of a conversation so far."""

    role: Literal["user", "assistant", "system"]
    content: str


class AgentConfig(StepConfig):
    """What an `agent` step is told. What the step says wins over what its agent says.

    Attributes:
        agent: A registered agent's name, an agent written out, or (from Python) an `Agent`.
        agent_capability: In place of `agent`: the first registered agent that has it.
        model: `provider:model`, or (from Python) a LangChain chat model.
        instructions: The system prompt.
        message: What is asked; `prompt` is the same. Without it, the step's input.
        messages: A conversation that goes before the message.
        context: Further facts, handed to the model as JSON after the message.
        tools: Names of registered tools, or (from Python) tools. The agent can call these and no others.
        output_schema: JSON Schema (or, from Python, a pydantic model) of the answer.
        max_turns: How often the model may be asked; then the step fails with category `budget`.
        temperature, max_tokens: Handed to the model.
        stream: Hand the model's words to `context.progress` as they come.
    """

    agent: str | Agent | None = None
    agent_capability: str | None = None
    model: Any = None
    instructions: str | None = None
    message: Any = None
    messages: tuple[Message, ...] = ()
    context: Any = None
    tools: tuple[str | Tool, ...] | None = None
    output_schema: dict[str, Any] | type[BaseModel] | None = None
    max_turns: int = Field(default=10, ge=1, le=1000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    stream: bool = False

    @model_validator(mode="before")
    @classmethod
    def _a_message_may_be_called_a_prompt(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and "prompt" in value:
            if "message" in value:
                raise ValueError("'message' and 'prompt' are the same; give one")
            return {("message" if key == "prompt" else key): item for key, item in value.items()}
        return value

    @field_validator("tools", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Tool) else value

    @model_validator(mode="after")
    def _one_way_to_name_the_agent(self) -> Self:
        if self.agent is not None and self.agent_capability is not None:
            raise ValueError("give either 'agent' or 'agent_capability'")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What an agent is to do, with everything looked up: the argument of `agents.react.react`."""

    agent: str
    model: Any
    model_name: str
    instructions: str
    messages: tuple[tuple[str, str], ...]
    tools: tuple[Tool, ...]
    schema: Mapping[str, Any] | None
    max_turns: int
    stream: bool


class AgentStep(Action):
    """Runs an agent.

    The response is `{"answer", "structured", "messages", "tool_calls", "usage", "turns", "agent", "model"}`.
    """

    name = "agent"
    summary = "lets a model reason and act with tools until it has an answer"
    node: ClassVar[Node] = "react_agent"
    Config = AgentConfig

    def limit(self, config: AgentConfig) -> str | None:
        own = config.agent.model if isinstance(config.agent, Agent) else None
        return model_name(config.model or own)

    async def run(self, context: StepContext, config: AgentConfig) -> Any:
        react = await load("agents.react")
        return await react.react(context, await assign(context, config))


async def assign(context: StepContext, config: AgentConfig) -> Assignment:
    """Look up agent, model and tools, and put the prompt together.

    Raises:
        StepError: something named is not there.
    """
    agent = _agent(context, config)
    models = context.resource(Models)
    wanted = config.model if config.model is not None else agent.model
    instructions = config.instructions if config.instructions is not None else agent.instructions
    return Assignment(
        agent=agent.name,
        model=await models.open(wanted, temperature=config.temperature, max_tokens=config.max_tokens),
        model_name=model_name(wanted if wanted is not None else models.default) or "",
        instructions=instructions(context.state) if callable(instructions) else instructions,
        messages=_conversation(context, config),
        tools=_tools(context, agent.tools if config.tools is None else config.tools),
        schema=schema_of(agent.output_schema if config.output_schema is None else config.output_schema),
        max_turns=config.max_turns,
        stream=config.stream,
    )


def _agent(context: StepContext, config: AgentConfig) -> Agent:
    if isinstance(config.agent, Agent):
        return config.agent
    if config.agent is not None:
        return context.resource(Agents).get(config.agent)
    if config.agent_capability is not None:
        return context.resource(Agents).with_capability(config.agent_capability)
    return Agent(name=context.name)


def _tools(context: StepContext, wanted: tuple[str | Tool, ...]) -> tuple[Tool, ...]:
    registry = context.resource(Tools) if any(isinstance(one, str) for one in wanted) else Tools()
    tools = registry.select(wanted)
    names = [tool.name for tool in tools]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise StepError(f"the agent is given two tools called '{twice[0]}'.", category="validation", code="tool_twice")
    return tuple(tools)


def _conversation(context: StepContext, config: AgentConfig) -> tuple[tuple[str, str], ...]:
    """Prompts hold `***` where a secret stands: a model's provider is no place of use."""
    earlier = tuple((one.role, one.content) for one in config.messages)
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
    return (*earlier, ("user", "\n\n".join(asked))) if asked else earlier


def as_text(value: Any) -> str:
    """A value as a model reads it: text as it is, anything else as JSON; secrets masked."""
    shown = json_value(mask(value))
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
