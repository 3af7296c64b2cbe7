"""What an agent's tool, a `tool` step and a model that chooses a route use outside is under the same limits, and behind
the same breaker, as what a service step uses."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents import Call, Failure, Models, Script, Tools, Turn, tool
from agents.models.router import Router
from graphs.clock import ManualClock
from graphs.errors import StepError
from graphs.policies.named import Bounds
from orchestrator.engine import Orchestrator
from tests.engine.test_limits import TYPES, dial
from tests.support.engine.engines import act, engine, finished, rested, run, turns, until, workflow
from tests.support.engine.steps import Effects, Gates

AGENT = {"name": "ask", "type": "agent", "config": {"message": "hi", "tools": ["look"]}}
LOOK = {"name": "look", "type": "tool", "config": {"tool": "look"}}
ROUTE = {
    "name": "route",
    "type": "switch",
    "config": {"model": "scripted:r", "prompt": "which?"},
    "cases": [{"name": "left", "steps": [act("l")]}, {"name": "right", "steps": [act("r")]}],
}


class Line:
    """What the tool uses; it may be down."""

    def __init__(self) -> None:
        self.down = False
        self.called = 0

    def resources(self) -> list[Any]:
        """An agent that looks once, and its tool."""

        @tool(name="look", uses="lines:two")
        def look() -> str:
            """Look."""
            self.called += 1
            if self.down:
                raise StepError("nobody answers", category="dependency")
            return "seen"

        calls = Turn(calls=(Call("look", {}),))
        models = Models(allow_real=False, default="scripted:s", scripts=[Script("s", turns=(calls, Turn("done")))])
        return [models, Tools([look])]


async def _ill(baton: Orchestrator) -> None:
    bad = {**act("d", fail=True, category="dependency"), "type": "dial"}
    for _ in range(5):
        assert (await run(baton, workflow("bad", [bad]))).status == "failed"


@pytest.mark.capability("E09", "P05", "I06")
@pytest.mark.parametrize(("step", "path"), [(AGENT, "ask[0].look"), (LOOK, "look")], ids=["agent", "tool"])
async def test_a_tool_rests_while_the_service_behind_it_is_left_alone(
    database: Path, step: dict[str, Any], path: str
) -> None:
    """Service steps have found that it is not well; a tool that uses it does not call, and goes on when it may."""
    clock, line = ManualClock(), Line()
    async with engine(database, clock=clock, types=TYPES, resources=line.resources()) as baton:
        await _ill(baton)
        execution = await rested(baton, await baton.start(workflow("w", [step])))
        [timer] = await baton.waits(execution.id)
        assert (execution.status, timer.wait.question["breaker"], line.called) == ("waiting", "lines", 0)
        assert timer.path.startswith(path)
        clock.advance(30)
        assert (await finished(baton, execution)).status == "completed"
        assert line.called == 1


@pytest.mark.capability("E09", "I06")
async def test_tools_that_fail_open_the_breaker_for_service_steps(database: Path) -> None:
    """Whoever finds out that it is not well, finds out for all."""
    clock, line = ManualClock(), Line()
    line.down = True
    async with engine(database, clock=clock, types=TYPES, resources=line.resources()) as baton:
        for _ in range(5):
            assert (await run(baton, workflow("w", [LOOK]))).status == "failed"
        execution = await rested(baton, await baton.start(workflow("calls", [dial("d")])))
        assert execution.status == "waiting"


@pytest.mark.capability("P06", "Q05", "I06")
async def test_a_tool_takes_a_place_of_the_service_behind_it(database: Path, effects: Effects, gates: Gates) -> None:
    """And waits for one, which its result says."""
    clock, line = ManualClock(), Line()
    limits = {"lines": Bounds(max_concurrency=1)}
    async with engine(
        database, clock=clock, effects=effects, gates=gates, types=TYPES, limits=limits, resources=line.resources()
    ) as baton:
        first = await baton.start(workflow("first", [dial("d", gate="g")]))
        await gates.reached("g")
        second = await baton.start(workflow("second", [AGENT]))
        await until(lambda: baton._driver._works.places.turnstile._number > 0)  # type: ignore[union-attr]
        assert line.called == 0
        clock.advance(7)
        gates.open("g")
        assert (await finished(baton, second)).status == "completed"
        assert (await finished(baton, first)).status == "completed"
        [looked] = [one for path, one in (await baton.results(second.id)).items() if ".look" in path]
        assert looked["queued"] == 7


def _chooser(*failures: Failure) -> list[Any]:
    script = Script("r", turns=(Turn("right", failures=failures),))
    return [Models(allow_real=False, scripts=[script]), Router()]


@pytest.mark.capability("F17", "E01", "I05")
async def test_a_model_that_chooses_a_route_is_asked_again(database: Path) -> None:
    """By the step's policy or the workflow's, and when the provider said; the choice is one attempt of the step."""
    clock = ManualClock()
    step = {**ROUTE, "retry": {"max_attempts": 2, "jitter": 0}}
    async with engine(database, clock=clock, resources=_chooser(Failure("rate_limit", retry_after=90))) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [step])))
        [timer] = await baton.waits(execution.id)
        assert (timer.path, timer.wait.due) == ("route[0].model", clock.now() + timedelta(seconds=90))
        clock.advance(90)
        assert (await finished(baton, execution)).status == "completed"
        assert list(await baton.results(execution.id)) == ["route[0].model", "route.r", "route"]


@pytest.mark.capability("F17", "E09", "P05")
async def test_a_model_that_chooses_is_behind_its_providers_breaker(database: Path) -> None:
    """Five failures, by routes, leave it alone for everybody; a step may say that it would rather fail."""
    clock = ManualClock()
    async with engine(database, clock=clock, resources=_chooser(*[Failure("server")] * 5)) as baton:
        for _ in range(5):
            assert (await run(baton, workflow("w", [ROUTE]))).status == "failed"
        refused = await run(baton, workflow("w", [{**ROUTE, "breaker": "fail"}]))
        assert refused.error is not None and refused.error["code"] == "breaker_open"
        execution = await rested(baton, await baton.start(workflow("w", [ROUTE])))
        assert execution.status == "waiting"
        clock.advance(31)  # the second that was sent away comes back a second after the first
        assert (await finished(baton, execution)).status == "completed"


@pytest.mark.capability("F17", "P06")
async def test_a_model_that_chooses_is_under_its_providers_limits(database: Path) -> None:
    """One question in ten seconds: the second execution waits for its turn."""
    clock = ManualClock()
    limits = {"scripted": Bounds(rate="1/10s")}
    async with engine(database, clock=clock, limits=limits, resources=_chooser()) as baton:
        assert (await run(baton, workflow("w", [ROUTE]))).status == "completed"
        second = await baton.start(workflow("w", [ROUTE]))
        await turns(baton)
        assert (await baton.results(second.id)) == {}
        clock.advance(10)
        assert (await finished(baton, second)).status == "completed"
        assert (await baton.results(second.id))["route[0].model"]["queued"] == 10


async def test_the_choice_of_a_route_can_be_cancelled_while_it_rests(database: Path) -> None:
    """And nothing inside of it runs."""
    clock = ManualClock()
    step = {**ROUTE, "retry": {"max_attempts": 2, "jitter": 0}}
    async with engine(database, clock=clock, resources=_chooser(Failure("rate_limit", retry_after=90))) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [step])))
        await baton.cancel(execution.id)
        assert (await finished(baton, execution)).status == "cancelled"
        assert {path: one["status"] for path, one in (await baton.results(execution.id)).items()} == {
            "route[0].model": "cancelled",
            "route": "cancelled",
        }
