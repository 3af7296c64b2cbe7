"""What the examples of the JAF document are tried with: an agent, a tool that remembers what it was given."""

from collections.abc import Callable, Mapping
from typing import Any

from agents import Agent, Tool


def instructions(state: Mapping[str, Any]) -> str:
    return "You are a helpful customer service agent."


def agent(name: str) -> Agent:
    return Agent(name=name, instructions=instructions, tools=[])


def recorder(name: str, answer: Callable[..., Any] = lambda **given: {}) -> tuple[Tool, list[dict[str, Any]]]:
    """A tool that takes anything, and what it was given."""
    calls: list[dict[str, Any]] = []

    def run(**given: Any) -> Any:
        calls.append(given)
        return answer(**given)

    return Tool(name=name, description=f"{name}, recorded", function=run), calls


def boom(**given: Any) -> Any:
    raise ValueError("boom")
