"""What the tests of the faces share: a clock that does not make anybody wait, models that speak a script."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from agents import Agents, Models, Rule, Script, Tools, Turn
from graphs.clock import SystemClock
from orchestrator.faces.running import Means, using


class PromptClock(SystemClock):
    """The machine's clock, but nobody who sleeps waits; it tells for how long they would have."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(0)


@pytest.fixture
def clock() -> PromptClock:
    return PromptClock()


def scripted(**said: str) -> Models:
    """Models of which the default answers what is asked by what is found in the question."""
    rules = tuple(Rule(pattern.replace("_", " "), Turn(text)) for pattern, text in said.items())
    return Models(allow_real=False, default="scripted:said", scripts=[Script("said", rules=rules, otherwise="echo")])


Equip = Callable[..., AbstractContextManager[Means]]


@pytest.fixture
def equip(clock: PromptClock) -> Equip:
    """`with equip(*tools, agents=…):` lays out what the faces use within the block, with the test's clock."""

    def lay_out(
        *tools: Any, agents: tuple[Any, ...] = (), models: Models | None = None, **more: Any
    ) -> AbstractContextManager[Means]:
        return using(resources=(Tools(tools), Agents(agents), models or scripted()), clock=clock, **more)

    return lay_out
