"""Agents that cannot go on for want of the same budget: one question is asked, and its answer is everybody's."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents import Call, Models, Rule, Script, Tool, Tools, Turn
from graphs.budget import RAISED
from graphs.clock import ManualClock
from orchestrator.cli.support.following import read_story
from orchestrator.cli.support.tree import node_text
from orchestrator.cli.support.wording import open_waits
from orchestrator.driving.together import ALONG
from orchestrator.engine import Orchestrator
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import engine, finished, rested, turns, workflow

pytestmark = pytest.mark.capability("security-A19")
STOPS = Script("s", rules=(Rule(r"\Astop", Turn("Done.")), Rule(".", Turn(calls=(Call("go"),)))))


def _resources(stop_after: int = 3) -> list[Any]:
    """A tool that says for each agent how far it is: the model stops when it has been called so often."""
    called: dict[str, int] = {}

    def go(context: Any) -> str:
        agent = context.path.partition("[")[0]
        called[agent] = called.get(agent, 0) + 1
        return "stop" if called[agent] >= stop_after else "on"

    return [Models(allow_real=False, scripts=[STOPS]), Tools([Tool("go", "Goes on.", go)])]


def _agent(name: str, **more: Any) -> dict[str, Any]:
    config = {"model": "scripted:s", "message": "Go", "tools": ["go"], "max_turns": 100}
    return {"name": name, "type": "agent", "config": config, **more}


def _three(**more: Any) -> Any:
    return workflow("w", [_agent(f"a{number}", **more) for number in range(3)], config={"budget": {"calls": 5}})


async def _one(baton: Orchestrator, execution: Any) -> Any:
    execution = await rested(baton, execution)
    assert execution.status == "budget_exceeded"
    (wait,) = await baton.waits(execution.id)
    return wait


async def _raised(baton: Orchestrator, execution_id: str) -> list[Any]:
    return [record.data for record in await baton.records(execution_id) if record.kind == RAISED]


@pytest.mark.parametrize("restarted", [False, True])
async def test_one_answer_releases_all_who_wait(database: Path, restarted: bool) -> None:
    """Also those that a process before this one left waiting; the raise counts once."""
    given = _resources()
    async with engine(database, resources=given) as baton:
        wait = await _one(baton, await baton.start(_three(), execution_id="e"))
        if not restarted:
            await baton.decide("e", wait.path, "edit", by="ann", data={"raise_by": 100})
            execution = await finished(baton, "e")
    if restarted:
        async with engine(database, resources=given, drive=False) as other:
            await other.decide("e", wait.path, "edit", by="ann", data={"raise_by": 100})
        async with engine(database, resources=given) as baton:
            execution = await finished(baton, "e")
    assert execution.status == "completed", execution.error
    async with engine(database, resources=given) as baton:
        assert await _raised(baton, "e") == [{"scope": "", "what": "calls", "limit": 5, "by": 100}]
        assert len(await baton.store.waits("e", status=None)) == 1


@pytest.mark.capability("security-A19", "O21")
async def test_who_waits_along_is_seen_to_wait_and_for_what(database: Path) -> None:
    """Only one of the three has a wait of its own; the others are at work as little as it is."""
    given = _resources()
    async with engine(database, resources=given) as baton:
        wait = await _one(baton, await baton.start(_three(), execution_id="e"))
        heard = await _told_along(baton)
    async with engine(database, resources=given) as baton:  # which takes it up, and says nothing twice
        assert (await _one(baton, "e")).path == wait.path
        assert await _told_along(baton) == heard
        for story in (await read_story(baton, "e"), await _left(baton)):
            tops = [node.as_document() for node in story.root.children.values()]
            assert [(one["path"], one["status"], one["waits_for"]) for one in tops] == [
                (f"a{number}", "waiting", [wait.path]) for number in range(3)
            ]
            along = [node for node in story.steps() if node.along]
            assert len(along) == 2 and all(f"with {wait.path}: " in node_text(node, _NOW).plain for node in along)
            assert [one.path for one in open_waits(story)] == [wait.path], "it is one question"
        await baton.decide("e", wait.path, "edit", by="ann", data={"raise_by": 100})
        assert (await finished(baton, "e")).status == "completed"
        assert all(node.shown_status == "completed" for node in (await read_story(baton, "e")).root.children.values())
    assert sorted(record.path for record in heard) == sorted(node.path for node in along)
    assert {record.data["with"] for record in heard} == {wait.path}


_NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def _told_along(baton: Orchestrator) -> list[Any]:
    return [record for record in await baton.records("e") if record.kind == ALONG]


async def _left(baton: Orchestrator) -> Any:
    """As a command tells it that looks on."""
    story = await read_story(baton, "e")
    story.settle(story.execution)
    return story


async def test_what_is_not_enough_for_all_is_asked_for_again(database: Path) -> None:
    """Once more, and again once: not by each."""
    async with engine(database, resources=_resources()) as baton:
        asked = 0
        execution = await rested(baton, await baton.start(_three()))
        while not execution.status.final:
            wait = await _one(baton, execution)
            asked += 1
            await baton.decide(execution.id, wait.path, "edit", by="ann", data={"raise_by": 2})
            execution = await rested(baton, execution)
        raised = await _raised(baton, execution.id)
    assert execution.status == "completed"
    assert [fact["limit"] for fact in raised] == [5, 7, 9, 11][:asked]
    assert asked == 4, "twelve calls are made, five are allowed, two are added each time"


async def test_a_refusal_is_told_to_all_who_wait_and_may_be_reconsidered(database: Path) -> None:
    """Nobody is asked the same again, until the execution is tried anew."""
    definition = _three(on_failure={"action": "continue"})
    async with engine(database, resources=_resources()) as baton:
        execution = await baton.start(definition)
        wait = await _one(baton, execution)
        await baton.decide(execution.id, wait.path, "reject", by="ann", reason="no")
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
        assert {results[f"a{n}"]["error"]["code"] for n in range(3)} == {"budget_exceeded"}
        assert len(await baton.store.waits(execution.id, status=None)) == 1

        await baton.retry(execution.id, from_step="a0")
        again = await _one(baton, execution)
        assert again.path.startswith("a0[")
        await baton.decide(execution.id, again.path, "edit", by="ann", data={"raise_by": 100})
        await finished(baton, execution)
        assert (await baton.results(execution.id))["a0"]["status"] == "completed"


@pytest.mark.parametrize("linger", [0, 30])
async def test_when_who_asked_is_stopped_another_asks(database: Path, linger: int) -> None:
    """It runs out of time while a person thinks about it; while the execution is in memory, and while it is not."""
    clock = ManualClock()
    steps = [
        _agent("first", timeout=60, on_timeout={"action": "continue"}),
        {"name": "ready", "type": "approval"},
        _agent("second", depends_on=["ready"]),
        _agent("third", depends_on=["ready"]),
    ]
    definition = workflow("w", steps, config={"budget": {"calls": 2}})
    async with engine(database, resources=_resources(), clock=clock, linger=linger) as baton:
        execution = await baton.start(definition)
        await _asks(baton, execution, "first[2].budget", "ready")
        await baton.decide(execution.id, "ready", "approve", by="ann")
        await rested(baton, execution)
        await _asks(baton, execution, "first[2].budget")
        clock.advance(61)
        await _asks(baton, execution, "second[0].budget")
        await baton.decide(execution.id, "second[0].budget", "edit", by="ann", data={"raise_by": 100})
        execution = await finished(baton, execution)
        found = {path: one["status"] for path, one in (await baton.results(execution.id)).items() if "[" not in path}
    assert found == {"first": "timed_out", "ready": "completed", "second": "completed", "third": "completed"}


async def _asks(baton: Orchestrator, execution: Any, *paths: str) -> None:
    """Wait until these, and no others, are asked."""
    async with asyncio.timeout(60):
        while {wait.path for wait in await baton.waits(execution.id)} != set(paths):
            await turns(baton, 1)


async def test_an_execution_that_is_cancelled_while_all_wait_asks_nobody_else(database: Path) -> None:
    async with engine(database, resources=_resources()) as baton:
        execution = await baton.start(_three())
        await _one(baton, execution)
        await baton.cancel(execution.id)
        execution = await finished(baton, execution)
        assert execution.status == "cancelled"
        assert len(await baton.store.waits(execution.id, status=None)) == 1


@pytest.mark.capability("D01")
async def test_one_question_and_one_raise_wherever_the_process_dies(tmp_path: Path) -> None:
    """After one commit after the other; the person answers whatever is asked."""

    async def live(database: Path, given: list[Any]) -> str:
        async with engine(database, resources=given) as baton:
            if await baton.store.execution("e") is None:
                await baton.start(_three(), {}, execution_id="e")
            execution = await rested(baton, "e")
            for wait in await baton.waits("e"):
                await baton.decide("e", wait.path, "edit", by="ann", data={"raise_by": 100})
            execution = await finished(baton, execution)
            assert len(await baton.store.waits("e", status=None)) == 1
            assert {fact["limit"] for fact in await _raised(baton, "e")} == {5}
            return str(execution.status)

    for point in range(4, 60, 5):
        crash, given = Crash(point), _resources()
        with crashing(crash):
            await either(live(tmp_path / f"{point}.db", given), crash)
        assert await asyncio.wait_for(live(tmp_path / f"{point}.db", given), 60) == "completed", (
            f"after {point} commits"
        )
        if not crash.happened.is_set():
            break
    assert point > 20
