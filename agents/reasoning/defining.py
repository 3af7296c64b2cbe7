"""An agent of Python as a definition: what `kind: Agent` would say, with the same digest.

So agents that are registered are pinned as workflows are. Their instructions, model, limits and schema are values;
their tools are code, and are named. What else is Python (a chat model, a function that gives instructions) is in the
digest by its code and its settings, and cannot be read back: an execution that is pinned to it goes on where that code
is.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel

from agents.reasoning.agents import Agent, Agents, schema_of
from agents.tools.tool_use import ToolUse
from agents.tools.tools import Tool
from graphs.loading.agents import workflow_of
from graphs.spec import FromState, Workflow, plain


class Given:
    """A chat model that was handed over in Python, as a definition holds it."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.said = _settings(model)
        self.__module__, self.__qualname__ = type(model).__module__, type(model).__qualname__

    def __call__(self, state: Any) -> Any:
        return self.model


def definition_of(agent: Agent) -> Workflow:
    """The definition (`kind: Agent`) that says what the agent says."""
    given: dict[str, Any] = {key: getattr(agent, key) for key in _AS_THEY_ARE}
    given |= {
        "model": agent.model if isinstance(agent.model, str | None) else FromState(Given(agent.model)),
        "tools": [_named(tool) for tool in agent.tools],
        "output_schema": schema_of(agent.output_schema),
        "budget": None if agent.budget is None else agent.budget.model_dump(exclude_none=True),
    }
    who = {"name": agent.name, "version": agent.version, "description": agent.description}
    return Workflow.model_validate(workflow_of(given, who))


def own_tools(agents: Agents) -> Mapping[str, Tool]:
    """The tools that registered agents bring with them, by name."""
    return {tool.name: tool for agent in agents for tool in agent.tools if isinstance(tool, Tool)}


_AS_THEY_ARE = (
    "instructions",
    "capabilities",
    "max_turns",
    "max_calls_per_turn",
    "max_reasks",
    "context_tokens",
    "context_overflow",
    "temperature",
    "max_tokens",
    "retry",
)


def _named(tool: str | Tool | ToolUse) -> Any:
    if isinstance(tool, ToolUse):
        return tool.model_dump(exclude_defaults=True)
    return tool.name if isinstance(tool, Tool) else tool


def _settings(model: Any) -> str:
    """What tells it from another of its class."""
    if not isinstance(model, BaseModel):
        return ""
    said = plain(model.model_dump(mode="python", exclude_defaults=True, exclude_none=True))
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
