"""What an `agent` step is told."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, Field, InstanceOf, field_validator, model_validator

from agents.reasoning.agents import Agent, ContextOverflow
from agents.tools.tool_use import ToolUse
from agents.tools.tools import Tool
from graphs.spec import Budget
from graphs.steps import StepConfig

MAX_CALLS_PER_TURN: Final = 32
"""More than models have good reason to call at once; one that has lost its way asks for hundreds."""


class Message(StepConfig):
    """A message of a conversation so far.

    Attributes:
        content: Text, or blocks as providers take them (`{"type": "image_url", …}`).
        ai: The whole of what a model said, as LangChain keeps it: with its calls, for the results that come after it.
        tool_call_id, name, status: Of a tool's result.
    """

    role: Literal["user", "assistant", "system", "tool"]
    content: str | list[str | dict[str, Any]] = ""
    ai: dict[str, Any] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    status: Literal["success", "error"] = "success"

    @model_validator(mode="after")
    def _a_result_is_one_of_a_call(self) -> Self:
        if self.role == "tool" and self.tool_call_id is None:
            raise ValueError("a message with the role 'tool' needs 'tool_call_id'")
        if self.ai is not None and self.role != "assistant":
            raise ValueError("'ai' is what an 'assistant' said")
        return self

    def told(self) -> dict[str, Any]:
        """As `agents.reasoning.trimming.Message` has it."""
        if self.ai is not None:
            return {"ai": self.ai}
        if self.role == "tool":
            return self.model_dump(include={"role", "content", "tool_call_id", "name", "status"})
        return {"role": self.role, "content": self.content}


class AgentConfig(StepConfig):
    """What an `agent` step is told. What the step says wins over what its agent says.

    Attributes:
        agent: A registered agent's name, the name of a published one (`kind: Agent`; `clerk@1.2` for that version), an
            agent written out, or (from Python) an `Agent`.
        agent_capability: In place of `agent`: the first registered agent that has it.
        model: `provider:model`, or (from Python) a LangChain chat model.
        instructions: The system prompt.
        message: What is asked; `prompt` is the same. Without it, the step's input.
        messages: A conversation that goes before the message.
        context: Further facts, handed to the model as JSON after the message.
        tools: Names of registered tools, a `ToolUse` where more is to be said (also for workflows, endpoints and the
            steps inside as tools), or (from Python) tools. The agent can call these and the steps inside, and no
            others.
        output_schema: JSON Schema (or, from Python, a pydantic model) of the answer.
        max_turns: How often the model may be asked; then the step fails with category `budget`.
        max_calls_per_turn: How many tools the model may call at once; it is told of those beyond, which are not made.
        max_reasks: How often an answer that does not fit `output_schema` is sent back.
        budget: What this step's models may spend; besides, the workflow's own `config.budget` holds. Reaching either
            asks a person for more.
        context_tokens: When the conversation is longer than this, its older part is summed up or left out; without
            it, the model is told everything.
        context_overflow: `summarize`: the model sums the older part up, in a call of its own. `trim`: it is left out.
            The question and the last two turns stay either way.
        temperature, max_tokens: Handed to the model.
        stream: Hand the model's words to `context.progress` as they come, or never; without it, while somebody
            follows them, and, where a budget is in tokens or money, the model's server counts them in streams too.
    """

    agent: str | Agent | None = None
    agent_capability: str | None = None
    model: Any = None
    instructions: str | None = None
    message: Any = None
    messages: tuple[Message, ...] = ()
    context: Any = None
    tools: tuple[str | InstanceOf[Tool] | ToolUse, ...] | None = None
    output_schema: dict[str, Any] | type[BaseModel] | None = None
    max_turns: int = Field(default=10, ge=1, le=1000)
    max_calls_per_turn: int = Field(default=MAX_CALLS_PER_TURN, ge=1, le=1000)
    max_reasks: int = Field(default=3, ge=0, le=100)
    budget: Budget | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    context_tokens: int | None = Field(default=None, ge=500)
    context_overflow: ContextOverflow = "summarize"
    stream: bool | None = None

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
        return (value,) if isinstance(value, str | Tool | Mapping | ToolUse) else value

    @model_validator(mode="after")
    def _one_way_to_name_the_agent(self) -> Self:
        if self.agent is not None and self.agent_capability is not None:
            raise ValueError("give either 'agent' or 'agent_capability'")
        return self
