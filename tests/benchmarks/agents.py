"""What the engine adds to each call of an agent's model and of its tools: records, commits, going on."""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from langchain.agents import create_agent

from agents import Call, Models, Script, Tools, Turn
from agents.models.scripted import ScriptedModel
from graphs.spec import Workflow
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from tests.benchmarks import ours
from tests.benchmarks.case import Case, Side, at_most

TURNS = 30
LOOKS = {"model": "scripted:looks", "message": "Go", "tools": ["look"], "max_turns": TURNS + 1}


def _agent(**config: Any) -> Workflow:
    return ours.workflow("agent", [{"name": "ask", "type": "agent", "config": LOOKS | config}])


FREE, HELD = _agent(), _agent(budget={"calls": 10 * TURNS})
"""With a budget, what a call may take is kept before the call is made."""


class Marks:
    """When the model was asked and when its tool was called."""

    def __init__(self) -> None:
        self._marks: list[tuple[str, float]] = []

    def mark(self, what: str) -> None:
        self._marks.append((what, time.perf_counter()))

    def clear(self) -> None:
        self._marks.clear()

    def after(self) -> Mapping[str, float]:
        """Milliseconds from the one to the other, medians: neither the model nor the tool takes any of them."""
        gaps: defaultdict[str, list[float]] = defaultdict(list)
        for (what, began), (_, ended) in zip(self._marks, self._marks[1:], strict=False):
            gaps[what].append((ended - began) * 1000)
        return {what: statistics.median(found) for what, found in gaps.items()}

    def script(self) -> Script:
        marks = self

        class Looks(Script):
            def turn(self, spoken: int, asked: str, form: Any) -> Turn:
                marks.mark("model")
                return Turn("Done.") if spoken >= TURNS else Turn(calls=(Call("look", {"n": spoken}),))

        return Looks("looks")

    def look(self) -> Callable[..., Any]:
        async def look(n: int) -> dict[str, int]:
            """Look."""
            self.mark("tool")
            return {"n": n}

        return look


def ours_after(what: str, agent: Workflow = FREE) -> Side:
    async def side(folder: Path) -> float:
        marks = Marks()
        given = [Models(allow_real=False, scripts=[marks.script()]), Tools([marks.look()])]
        async with Orchestrator.open(Settings(database=folder / "a.db"), resources=given) as baton:
            await ours.run_once(baton, agent)  # warm, as plain's agent is
            marks.clear()
            execution = await ours.run_once(baton, agent)
            assert execution.status == "completed", execution.error
        return marks.after()[what]

    return side


def plain_after(what: str) -> Side:
    """LangChain's own agent, which keeps nothing."""

    async def side(folder: Path) -> float:
        marks = Marks()
        agent = create_agent(ScriptedModel(script=marks.script()), tools=[marks.look()])
        for _ in range(2):
            marks.clear()
            await agent.ainvoke({"messages": [("user", "Go")]}, {"recursion_limit": 1000})
        return marks.after()[what]

    return side


def added(mine: float, other: float | None) -> float:
    return mine - (other or 0.0)


def _case(name: str, what: str, agent: Workflow = FREE) -> Case:
    side = ours_after(what, agent)
    return Case(name, "ms a call", side, plain_after(what), None, added, "<= 3 ms more", at_most(3.0))


MODEL_CALL = _case("agent-model-call", "model")
"""From the model's answer, which is committed, to the call of the tool that it asked for."""
TOOL_CALL = _case("agent-tool-call", "tool")
"""From the tool's result, which is committed, to the model's being asked again."""
HELD_CALL = _case("agent-held-call", "tool", HELD)
"""The same under a budget: what the next call may take is committed as well."""
