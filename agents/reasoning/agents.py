"""Agents: who acts in an `agent` step. A value: name, instructions, model, tools, abilities."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, field_validator

from agents.registry import Registry
from agents.tools.tool_use import ToolUse
from agents.tools.tools import Tool
from graphs.errors import InputError
from graphs.spec import Budget, RetryPolicy, Version

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
ContextOverflow = Literal["summarize", "trim"]


class Agent(BaseModel):
    """An agent (I05, A25).

    Attributes:
        name: What steps call it.
        version: An execution stays with what the agent said when it started; a step may ask for one by its number
            (`clerk@1.2`).
        instructions: The system prompt, or (from Python) a callable from the state to it.
        model: `provider:model`, or (from Python) a LangChain chat model.
        tools: Names of registered tools, a `ToolUse` where more is to be said, or (from Python) tools. It can call
            these and no others.
        capabilities: What it is good at; a step can ask for one (I10).
        output_schema: JSON Schema, or (from Python) a pydantic model: the answer is then a value of that form.
        max_turns, max_calls_per_turn, max_reasks, budget, context_tokens, context_overflow, temperature, max_tokens: As
            in a step's `config`, where the step itself says nothing.
        retry: How often a call of its model that failed is made again, where the step that asks it does not say.
        description: For people, and for models that choose among agents.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)

    name: str = Field(default="agent", min_length=1)
    version: Version = "1.0"
    instructions: str | Callable[[Mapping[str, Any]], str] = ""
    model: Any = None
    tools: tuple[str | InstanceOf[Tool] | ToolUse, ...] = ()
    capabilities: tuple[str, ...] = ()
    output_schema: dict[str, Any] | type[BaseModel] | None = None
    max_turns: int | None = Field(default=None, ge=1, le=1000)
    max_calls_per_turn: int | None = Field(default=None, ge=1, le=1000)
    max_reasks: int | None = Field(default=None, ge=0, le=100)
    budget: Budget | None = None
    context_tokens: int | None = Field(default=None, ge=500)
    context_overflow: ContextOverflow | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    retry: RetryPolicy | None = None
    description: str = ""

    @field_validator("tools", "capabilities", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Tool | Mapping | ToolUse) else value


class Agents(Registry[Agent]):
    """The agents of an application; a resource."""

    word = "agent"
    remedy = "Agents are registered: Agents([Agent(name=..., instructions=...)])."

    def add(self, entry: Agent) -> None:
        """Offer one more.

        Raises:
            ConflictError: the name is taken.
            InputError: it cannot be the name of a definition, so that no execution could be pinned to it.
        """
        if _NAME.fullmatch(entry.name) is None:
            raise InputError(
                f"agent name '{entry.name}' has other characters than letters, digits, '_', '-' and '.', or more than "
                "128, or does not begin with a letter.",
                hint="Put what is for people into its 'description'.",
                code="agent_name_invalid",
            )
        super().add(entry)

    @property
    def capabilities(self) -> list[str]:
        """What any of them can do."""
        return sorted({one for agent in self for one in agent.capabilities})


def schema_of(output_schema: Any) -> dict[str, Any] | None:
    """The JSON Schema that an agent's or a step's `output_schema` means."""
    if isinstance(output_schema, type) and issubclass(output_schema, BaseModel):
        return output_schema.model_json_schema()
    return output_schema if output_schema is None else dict(output_schema)
