"""Going back by step: retry from a step in the same execution, fork at a step with an edited input."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.errors import ConflictError, NotFoundError
from tests.support.engine.engines import (
    act,
    ask,
    chain,
    engine,
    finished,
    rested,
    run,
    statuses,
    turns,
    until,
    values,
    workflow,
)
from tests.support.engine.steps import Effects, Gates


def _twice(effects: Effects, first: int) -> list[str]:
    return effects.began[first:]


@pytest.mark.capability("D03")
async def test_retry_without_a_step_does_again_what_failed_and_what_hung_on_it(
    database: Path, effects: Effects
) -> None:
    """What completed is not paid for again, and keeps its key."""
    steps = [act("a"), act("b", "a", fail="{{ input.broken }}"), act("c", "b"), act("d", "a")]
    definition = workflow("w", steps, config={"failure_policy": "continue"})
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, definition, {"broken": True})
        fork = await baton.fork(execution.id, "b", edit={"broken": False})
        assert (await finished(baton, fork)).status == "completed"
        before = len(effects.began)
        await baton.retry(execution.id)
        execution = await finished(baton, execution)
        settled = await statuses(baton, execution)
    assert _twice(effects, before) == ["b"]
    assert settled == {"a": "completed", "b": "failed", "c": "skipped", "d": "completed"}
    assert len(set(effects.keys["b"][:1] + effects.keys["b"][2:])) == 1


@pytest.mark.capability("D03")
async def test_retry_from_a_step_of_a_completed_execution(database: Path, effects: Effects) -> None:
    """The step and everything downstream, nothing beside it; `again` raises the generation in the keys."""
    steps = [*chain(3), act("side", "s0"), act("end", "s2", "side")]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps))
        await baton.retry(execution.id, from_step="s1", again=True)
        execution = await finished(baton, execution)
    assert execution.status == "completed"
    assert _twice(effects, 5) == ["s1", "s2", "end"]
    assert effects.keys["s1"] == [f"{execution.id}:s1:0", f"{execution.id}:s1:1"]


PLACES: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "map": (
        {"name": "p", "type": "map", "config": {"items": [1, 2, 3]}, "steps": [act("a"), act("b"), act("c")]},
        "p[1].b",
        ["p[1].b", "p[1].c"],
    ),
    "parallel steps": (
        {"name": "p", "type": "parallel", "steps": [act("a"), act("b"), act("c", "a")]},
        "p.a",
        ["p.a", "p.c"],
    ),
    "parallel branches": (
        {"name": "p", "type": "parallel", "branches": {"x": [act("a"), act("b")], "y": [act("a"), act("b")]}},
        "p.y.b",
        ["p.y.b"],
    ),
    "loop": (
        {"name": "p", "type": "loop", "config": {"while": "index < 3"}, "steps": [act("a"), act("b")]},
        "p[1].b",
        ["p[1].b", "p[2].a", "p[2].b"],
    ),
    "sequence": (
        {"name": "p", "type": "sequence", "steps": [act("a"), act("b"), act("c")]},
        "p.b",
        ["p.b", "p.c"],
    ),
    "conditional": (
        {
            "name": "p",
            "type": "conditional",
            "config": {"if": "false"},
            "then": [act("a")],
            "else": [act("z"), act("a"), act("b")],
        },
        "p.a",
        ["p.a", "p.b"],
    ),
    "sub-workflow": ({"name": "p", "type": "workflow", "config": {"workflow": "sub"}}, "p.b", ["p.b", "p.c"]),
    "three levels": (
        {
            "name": "p",
            "type": "map",
            "config": {"items": [1, 2]},
            "steps": [{"name": "q", "type": "parallel", "steps": [act("a"), act("b")]}, act("r")],
        },
        "p[0].q.b",
        ["p[0].q.b", "p[0].r"],
    ),
    "steps made at run time": (
        {
            "name": "p",
            "type": "parallel",
            "config": {
                "max_concurrency": 1,
                "steps_from": [
                    {"name": "a", "type": "act"},
                    {"name": "b", "type": "act", "depends_on": ["a"]},
                    {"name": "c", "type": "act", "depends_on": ["b"]},
                ],
            },
        },
        "p.b",
        ["p.b", "p.c"],
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", ["retry", "fork"])
async def test_going_back_inside_a_composite_step_leaves_its_other_steps_alone(
    place: str, how: str, database: Path, effects: Effects
) -> None:
    """Only the step, what follows it in its place, and what is downstream of the composite step are done again."""
    step, path, inside = PLACES[place]
    sub = workflow("sub", [act("a"), act("b", "a"), act("c", "b")])
    definition = workflow("w", [act("p2"), step, act("after", "p"), act("beside")])
    async with engine(database, effects=effects, workflows=[sub]) as baton:
        execution = await run(baton, definition)
        first, before = await baton.results(execution.id), len(effects.began)
        if how == "retry":
            await baton.retry(execution.id, from_step=path)
        else:
            execution = await baton.fork(execution.id, path)
        execution = await finished(baton, execution)
        second = await baton.results(execution.id)
    assert execution.status == "completed"
    assert sorted(_twice(effects, before)) == sorted([*inside, "after"])
    assert {path: result.get("output") for path, result in first.items()} == {
        path: result.get("output") for path, result in second.items()
    }


@pytest.mark.capability("D03")
async def test_retry_of_a_failed_map_does_only_its_failed_items_again(database: Path, effects: Effects) -> None:
    """Ninety-nine items that went well are not paid for again."""
    items = {"name": "m", "type": "map", "config": {"items": "{{ range(4) }}"}}
    items["config"] = {"items": [0, 1, 2, 3]}
    items["steps"] = [act("a"), act("b", fail="{{ item == 2 }}"), act("c")]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [items, act("after", "m")]))
        assert execution.status == "failed"
        before = len(effects.began)
        await baton.retry(execution.id)
        await finished(baton, execution)
    assert _twice(effects, before) == ["m[2].b"]


@pytest.mark.capability("D03")
async def test_what_was_gone_back_over_survives_a_crash_in_the_middle(database: Path, effects: Effects) -> None:
    """The kept results still seed inner plans that had not been opened when the process died."""
    inner = {"name": "p", "type": "map", "config": {"items": [1, 2]}, "steps": [act("a"), act("b")]}
    steps = [act("s"), ask("q", "s"), {**inner, "depends_on": ["q"]}]
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        await baton.decide(execution.id, "q", "approve")
        await finished(baton, execution)
        before = len(effects.began)
        fork = await baton.fork(execution.id, "p[0].b")
        await finished(baton, fork)
        assert _twice(effects, before) == ["p[0].b"]
        await baton.retry(execution.id, from_step="p[1].b")
    async with engine(database, effects=effects) as baton:
        done = await finished(baton, execution)
    assert done.status == "completed" and effects.done.count("p[1].a") == 1


@pytest.mark.capability("D03")
async def test_an_execution_that_waits_can_go_back_and_asks_again(database: Path, effects: Effects) -> None:
    """Its answered question is open once more, because the step that asks is downstream."""
    steps = [act("a"), ask("first", "a"), act("b", "first"), ask("second", "b")]
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        await baton.decide(execution.id, "first", "approve")
        await rested(baton, execution)
        await baton.retry(execution.id, from_step="a")
        await rested(baton, execution)
        assert [wait.path for wait in await baton.waits(execution.id)] == ["first"]
    assert effects.began == ["a", "b", "a"]


@pytest.mark.capability("D03", "X33")
@pytest.mark.parametrize("crash", [False, True])
async def test_a_question_asked_anew_is_answered_though_what_came_before_it_stayed(
    database: Path, effects: Effects, crash: bool
) -> None:
    """Once parked, only the checkpoint is read: it must hold the results that were kept, at every depth."""
    inner = {"name": "group", "type": "sequence", "depends_on": ["first"], "steps": [act("before"), ask("inner")]}
    steps = [act("first"), inner, ask("outer", "first"), act("last", "group", "outer")]
    async with engine(database, effects=effects) as baton:
        await baton.start(workflow("asked-anew", steps), execution_id="e")
        for path in ("group.inner", "outer"):
            await baton.wait("e", until="rest")
            await baton.decide("e", path, "approve")
        assert (await baton.wait("e")).status == "completed"
        for path in ("group.inner", "outer"):
            await baton.retry("e", from_step=path)
            await baton.wait("e", until="rest")
            if not crash:
                await baton.decide("e", path, "approve")
                assert (await baton.wait("e")).status == "completed"
    if crash:
        async with engine(database, effects=effects) as baton:
            for wait in await baton.waits("e"):
                await baton.decide("e", wait.path, "approve")
            assert (await baton.wait("e")).status == "completed"


async def test_an_execution_whose_time_was_over_gets_its_time_again(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """Otherwise a retry would end at once, and nobody could go on from a timeout."""
    clock = ManualClock()
    limits = {"timeout": 10, "deadline": 50, "compensate_on_timeout": False}
    definition = workflow("w", [act("quick"), act("slow", "quick", gate="g", timeout=1000)], config=limits)
    async with engine(database, clock=clock, effects=effects, gates=gates) as baton:
        execution = await baton.start(definition)
        await gates.reached("g")
        clock.advance(60)
        execution = await finished(baton, execution)
        assert execution.status == "timed_out"
        await baton.retry(execution.id)
        await until(lambda: effects.counts["slow"] == 2)
        clock.advance(1)
        await turns(baton)
        assert (await baton.get(execution.id)).cancel_requested is None
        gates.open("g")
        execution = await finished(baton, execution)
    assert execution.status == "completed"


@pytest.mark.capability("D03")
async def test_a_fork_is_a_new_execution_that_names_its_parent(database: Path, effects: Effects) -> None:
    """It has another input; the parent stays as it was."""
    steps = [act("a", value="{{ input.n }}"), act("b", "a", value="{{ input.n + 1 }}")]
    async with engine(database, effects=effects) as baton:
        parent = await run(baton, workflow("w", steps), {"n": 1, "other": 2})
        fork = await finished(baton, await baton.fork(parent.id, "b", edit={"n": 10}))
        assert (fork.parent, fork.forked_at, fork.input) == (parent.id, "b", {"n": 10, "other": 2})
        assert await values(baton, fork) == {"a": 1, "b": 11}
        assert await values(baton, parent) == {"a": 1, "b": 2}
    assert effects.began == ["a", "b", "b"]
    assert effects.keys["b"] == [f"{parent.id}:b:0", f"{fork.id}:b:0"]


async def test_going_back_to_a_step_that_is_not_there_names_those_that_are(database: Path) -> None:
    """And to none, where nothing failed."""
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [act("a")]))
        with pytest.raises(NotFoundError, match=r"no step 'b'.*Steps: a"):
            await baton.retry(execution.id, from_step="b")
        with pytest.raises(ConflictError, match="Nothing in execution"):
            await baton.retry(execution.id)


async def test_an_execution_that_runs_cannot_go_back(database: Path, gates: Gates) -> None:
    """It says what to do first."""
    async with engine(database, gates=gates) as baton:
        execution = await baton.start(workflow("w", [act("a", gate="g")]))
        await gates.reached("g")
        with pytest.raises(ConflictError, match="Cancel it first"):
            await baton.retry(execution.id, from_step="a")


@pytest.mark.capability("D03")
async def test_what_is_at_work_is_not_taken_back_and_who_asks_is_told_what_helps(database: Path, gates: Gates) -> None:
    """While an engine carries it out, cancelling does; when its engine died, there is nobody to hear of that."""
    async with engine(database, gates=gates) as baton, engine(database, drive=False) as other:
        execution = await baton.start(workflow("w", [act("a", gate="g")]))
        await gates.reached("g")
        for asked in (baton, other):
            with pytest.raises(ConflictError) as caught:
                await asked.retry(execution.id)
            assert str(caught.value) == (
                f"Execution '{execution.id}' is running; it cannot be started again now. "
                f"Cancel it first: baton cancel {execution.id}"
            )
    async with engine(database, drive=False) as other:
        # As kill -9 would have left it: who stops in order puts it back into the queue.
        await other.store._writer.submit([("UPDATE executions SET status = 'running'", ())])
        with pytest.raises(ConflictError) as caught:
            await other.retry(execution.id)
    assert caught.value.code == "execution_running"
    assert str(caught.value) == (
        f"Execution '{execution.id}' was at work when its engine ended, and has not been taken up again. "
        f"Go on with it: baton resume {execution.id}"
    )


@pytest.mark.capability("D03")
async def test_of_retries_at_the_same_time_one_wins_and_the_other_is_told(
    database: Path, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked before either has changed anything."""
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [act("a"), act("bad", "a", fail=True)]))
        before, both, rewind = len(effects.began), asyncio.Barrier(2), baton.store.rewind

        async def together(*args: Any, **more: Any) -> None:
            await both.wait()
            await rewind(*args, **more)

        monkeypatch.setattr(baton.store, "rewind", together)
        tries = [baton.retry(execution.id, from_step="a", again=True) for _ in range(2)]
        told = await asyncio.gather(*tries, return_exceptions=True)
        [refused] = [one for one in told if isinstance(one, BaseException)]
        assert isinstance(refused, ConflictError) and refused.code == "moved_on"
        assert "has moved on since it was looked at: it was failed, and is " in str(refused)
        execution = await finished(baton, execution)
        rewound = [one for one in await baton.records(execution.id) if one.kind == "execution.rewound"]
    assert (execution.generation, len(rewound), _twice(effects, before)) == (1, 1, ["a", "bad"])


@pytest.mark.capability("D03")
async def test_what_was_taken_up_since_it_was_looked_at_keeps_its_place(database: Path, gates: Gates) -> None:
    """A late second rewind would take the checkpoints from under the drive."""
    async with engine(database, gates=gates) as baton:
        seen = await rested(baton, await baton.start(workflow("w", [ask("q"), act("b", "q", gate="g")])))
        await baton.decide(seen.id, "q", "approve")
        await gates.reached("g")
        with pytest.raises(ConflictError, match="it was waiting, and is running now"):
            await baton.store.rewind(seen.id, superseded=["q"], generation=0, reason="retry", seen=seen)
        gates.open("g")
        assert (await finished(baton, seen)).status == "completed"
