"""What the ad-hoc assistant may use of all that an application has."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from graphs.spec import Budget

ASSISTANT: Final = "baton"
"""What the ad-hoc assistant is called: as a workflow, as an assistant of the gateway, as a model."""


class AssistantBounds(BaseModel):
    """What the ad-hoc assistant may use; a resource. Names may hold `*`.

    Attributes:
        workflows: Published ones it may run.
        agents: Agents it may ask.
        tools: Tools it may call. By itself it only calls those with `effect="none"`; others stand in plans, and plans
            that change anything are put before a person.
        services, functions: What the steps of its plans may name.
        budget: What an answer of the agent that chats (`agent`) may cost; beyond it, a person is asked.
        breaker: What such an answer does while the circuit breaker of its model's provider is open: `fail` says so at
            once, since somebody sits and waits; `wait` goes on when the provider is called again.
        replans: How often what is left of a plan that failed while it ran is planned anew; 0: never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    workflows: tuple[str, ...] = ("*",)
    agents: tuple[str, ...] = ("*",)
    tools: tuple[str, ...] = ("*",)
    services: tuple[str, ...] = ("*",)
    functions: tuple[str, ...] = ("*",)
    budget: Budget | None = None
    breaker: Literal["wait", "fail"] = "fail"
    replans: int = Field(default=2, ge=0, le=10)

    @field_validator("workflows", "agents", "tools", "services", "functions", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


def within(names: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """Those names that one of the patterns allows."""
    allowed = list(patterns)
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in allowed)]
