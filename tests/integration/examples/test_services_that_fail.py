"""Real services that are busy, slow or gone: how often they are asked, and when they are asked again."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.demo.services.process import Services
from graphs.clock import ManualClock
from graphs.spec import Workflow
from tests.integration.examples.support import World, finished, opened, rested, run
from tests.integration.examples.test_command_line import WAITS, Baton, command

__all__ = ["command"]

SERVICE, PATH = "user-service", "/api/users"


def asking(name: str, *, retry: dict[str, Any] | None = None, count: int = 1, **config: Any) -> Workflow:
    """A workflow that asks the service so many times, one call after the other."""
    call = {"name": "ask", "config": {"service": SERVICE, "endpoint": PATH, **config}, "retry": retry}
    step: dict[str, Any] = call
    if count > 1:
        group = {"items": list(range(count)), "max_concurrency": 1, "min_success": 0}
        step = {"name": "all", "type": "map", "config": group, "steps": [call]}
    return Workflow.model_validate({"metadata": {"name": name}, "spec": {"steps": [step]}})


@pytest.mark.capability("E01", "E03", "E21")
@pytest.mark.parametrize(("asked", "cap", "pause"), [(90, "5m", 90), (3000, "5m", 3000), (0, "5m", 1)])
async def test_a_busy_service_says_when_it_is_asked_again(
    asked: int, cap: str, pause: int, tmp_path: Path, services: Services, world: World
) -> None:
    """Also beyond the policy's cap, and never sooner than the policy's own pause. Nobody but the engine tries again."""
    clock = ManualClock()
    await world.fault(SERVICE, fail_next=1, status=429, retry_after=asked)
    retry = {"max_attempts": 2, "initial_delay": 1, "max_delay": cap, "jitter": 0}
    async with opened(tmp_path / "b.db", services.service_urls, [], clock=clock) as baton:
        execution = await rested(baton, await baton.start(asking("busy", retry=retry)))
        assert execution.status == "waiting" and len(await world.requests(SERVICE)) == 1
        [timer] = await baton.waits(execution.id)
        assert timer.wait.due == clock.now() + timedelta(seconds=pause)
        clock.advance(pause)
        execution = await finished(baton, execution)
        assert (await baton.results(execution.id))["ask"]["attempts"] == 2
    assert execution.status == "completed" and len(await world.requests(SERVICE)) == 2


@pytest.mark.capability("E09", "P05", "E21")
@pytest.mark.parametrize("manner", [{"down": True}, {"status": 503}])
async def test_a_service_that_is_down_is_left_alone_until_one_call_finds_it_well(
    manner: dict[str, Any], tmp_path: Path, services: Services, world: World
) -> None:
    """Five calls find out; nobody else asks; then one does, and everybody goes on."""
    clock = ManualClock()
    await world.fault(SERVICE, **manner)
    async with opened(tmp_path / "b.db", services.service_urls, [], clock=clock) as baton:
        await run(baton, asking("many", count=5))
        assert len(await world.requests(SERVICE)) == 5
        executions = [await rested(baton, await baton.start(asking("one"))) for _ in range(4)]
        assert {execution.status for execution in executions} == {"waiting"}
        assert len(await world.requests(SERVICE)) == 5
        await world.mend(SERVICE)
        clock.advance(30)
        for execution in executions:
            assert (await finished(baton, execution)).status == "completed"
        assert len(await world.requests(SERVICE)) == 9
        [breaker] = await baton.breakers()
        assert (breaker.name, breaker.state) == (SERVICE, "closed")


@pytest.mark.capability("E07", "E09", "Q03")
async def test_a_service_that_is_slow_is_not_well_either(tmp_path: Path, services: Services, world: World) -> None:
    """What does not answer in time counts, and a refusal does not: that is an answer."""
    clock = ManualClock()
    async with opened(tmp_path / "b.db", services.service_urls, [], clock=clock) as baton:
        await run(baton, asking("refused", count=6, endpoint="/api/nothing"))
        assert await baton.breakers() == []
        await world.fault(SERVICE, latency_ms=5000)
        await run(baton, asking("slow", count=5, timeout=0.05))
        [breaker] = await baton.breakers()
    assert (breaker.state, breaker.failures) == ("open", 5)


@pytest.mark.capability("E09")
async def test_breakers_are_seen_and_reset_by_another_process(command: Baton, world: World, tmp_path: Path) -> None:
    """The engine of the first process is gone; its breaker is open in the second, until somebody resets it."""
    await world.fault(SERVICE, status=500)
    files = {name: tmp_path / f"{name}.json" for name in ("many", "one")}
    files["many"].write_text(json.dumps(asking("many", count=5).as_document()))
    files["one"].write_text(json.dumps(asking("one").as_document()))
    assert (await command("run", str(files["many"]), "--json")).code == 0
    said = await command("run", str(files["one"]), "--id", "one", "--until-rest", "--json")
    assert said.code == WAITS, said.err
    [breaker] = json.loads((await command("breakers", "--json")).out)["breakers"]
    assert (breaker["name"], breaker["state"], breaker["waiting"]) == (SERVICE, "open", 1)
    await world.mend(SERVICE)
    said = await command("breakers", "reset", SERVICE)
    assert said.out == f"The circuit breaker of {SERVICE} is closed; 1 waiting step called.\n"
    said = await command("resume", "one", "--json")
    assert said.execution["status"] == "completed", said.err


@pytest.mark.capability("E01", "D05")
async def test_a_pause_is_taken_up_by_another_process(command: Baton, world: World, tmp_path: Path) -> None:
    """With its attempt and what is left of the time."""
    await world.fault(SERVICE, fail_next=1, status=503, retry_after=2)
    file = tmp_path / "patient.json"
    retry = {"max_attempts": 3, "initial_delay": 1, "jitter": 0}
    file.write_text(json.dumps(asking("patient", retry=retry).as_document()))
    said = await command("run", str(file), "--id", "patient", "--until-rest", "--json")
    assert said.code == WAITS, said.err
    said = await command("resume", "patient", "--until-end", "--json")
    assert said.execution["status"] == "completed", said.err
    said = await command("show", "patient", "--json")
    [step] = json.loads(said.out)["steps"]
    assert step["attempts"] == 2 and len(await world.requests(SERVICE)) == 2
