"""Loops: conditions before and after, items, limits, variables that count, results that are collected."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.engine.engines import act, ask, engine, run, workflow
from tests.support.engine.steps import Effects


def _loop(steps: list[Any], **config: Any) -> dict[str, Any]:
    return {"name": "l", "type": "loop", "config": config, "steps": steps}


async def _outcome(database: Path, step: dict[str, Any], **spec: Any) -> Any:
    async with engine(database) as baton:
        return await run(baton, workflow("w", [step], **spec))


@pytest.mark.capability("F19", "T06", "T11")
async def test_while_is_asked_before_each_iteration(database: Path) -> None:
    """A condition that is false at once runs nothing."""
    none = await _outcome(database, _loop([act("a")], **{"while": "index < 0"}))
    three = await _outcome(database, _loop([act("a", value="{{ index }}")], **{"while": "index < 3"}))
    assert none.output == {"iterations": 0, "results": [], "last": None}
    assert [item["value"] for item in three.output["results"]] == [0, 1, 2]


@pytest.mark.capability("F19")
async def test_until_is_asked_after_each_iteration_and_sees_its_steps(database: Path) -> None:
    """There is always a first one; the condition reads the steps of the iteration that has just ended."""
    done = await _outcome(
        database, _loop([act("a", value="{{ index * 2 }}")], until="steps.a.output.value >= 4 or loop.iteration > 9")
    )
    assert [item["value"] for item in done.output["results"]] == [0, 2, 4]


@pytest.mark.capability("F20", "X31")
async def test_a_loop_over_items_sees_item_index_and_a_name_of_its_own(database: Path) -> None:
    """Results are collected in order; inner steps follow each other."""
    steps = [act("a", value="{{ item * 10 }}"), act("b", value="{{ [steps.a.output.value, index, order] }}")]
    done = await _outcome(database, _loop(steps, items=[3, 5], **{"as": "order"}))
    assert [item["value"] for item in done.output["results"]] == [[30, 0, 3], [50, 1, 5]]


@pytest.mark.capability("F20", "X31")
async def test_until_breaks_a_loop_over_items(database: Path) -> None:
    """The break condition of X31."""
    done = await _outcome(database, _loop([act("a", value="{{ item }}")], items=[1, 2, 3, 4], until="item == 2"))
    assert done.output["iterations"] == 2


@pytest.mark.capability("F21", "P08", "T06")
async def test_a_loop_that_would_go_on_beyond_its_limit_fails_and_says_so(database: Path, effects: Effects) -> None:
    """The default limit is 100; exactly as many iterations are run."""
    async with engine(database, effects=effects) as baton:
        done = await run(baton, workflow("w", [_loop([act("a")], **{"while": "true"})]))
    assert done.status == "failed" and done.error is not None and done.error["code"] == "loop_limit"
    assert len(effects.began) == 100


@pytest.mark.capability("F21")
async def test_a_limit_may_also_just_end_the_loop(database: Path) -> None:
    """`on_limit: stop`; reaching the limit exactly is no failure either way."""
    stopped = await _outcome(database, _loop([act("a")], max_iterations=4, on_limit="stop", **{"while": "true"}))
    exact = await _outcome(database, _loop([act("a")], max_iterations=4, **{"while": "index < 4"}))
    assert stopped.status == exact.status == "completed"
    assert stopped.output["iterations"] == exact.output["iterations"] == 4


@pytest.mark.capability("F20", "F21")
async def test_a_loop_over_items_is_bounded_by_them(database: Path) -> None:
    """However many; a limit of its own still ends it, with an error that names it."""
    loop = _loop([act("a", value="{{ item }}")], items="{{ input.items }}")
    limited = _loop([act("a", value="{{ item }}")], items="{{ input.items }}", max_iterations=3)
    async with engine(database) as baton:
        done = await run(baton, workflow("w", [loop]), {"items": [*range(130)]})
        assert done.status == "completed" and done.output["iterations"] == 130
        none = await run(baton, workflow("w", [loop]), {"items": []})
        assert none.status == "completed" and none.output["iterations"] == 0
        stopped = await run(baton, workflow("w", [limited]), {"items": [1, 2, 3, 4]})
        assert stopped.error is not None
        assert stopped.error["code"] == "loop_limit"
        assert "would go on after 3 iterations, which is its limit" in stopped.error["message"]
        many = await run(baton, workflow("w", [loop]), {"items": [0] * 100_001})
        assert many.error is not None and many.error["code"] == "too_many_items"


@pytest.mark.capability("F19", "D06", "D04")
async def test_variables_count_through_iterations_and_are_passed_on(database: Path) -> None:
    """Each iteration sees what the one before set; the condition and the steps after the loop see the last."""
    loop = _loop(
        [act("add", value="{{ vars.n + 1 }}", variables={"n": "{{ output.value }}"}), act("other")],
        **{"while": "vars.n < 3"},
    )
    steps = [loop, act("after", "l", value="{{ vars.n }}")]
    async with engine(database) as baton:
        done = await run(baton, workflow("w", steps, variables={"n": 0}))
    assert done.output == {"value": 3, "attempt": 1}


async def test_an_iteration_begins_when_everything_of_the_one_before_has_settled(
    database: Path, effects: Effects
) -> None:
    """Also when steps of an iteration do not depend on each other."""
    steps = [act("a"), {**act("b", yields=20), "depends_on": ["a"]}, {**act("c"), "depends_on": ["a"]}]
    async with engine(database, effects=effects) as baton:
        await run(baton, workflow("w", [_loop(steps, **{"while": "index < 3"})]))
    iterations = [path[2] for path in effects.began]
    assert iterations == sorted(iterations) and len(iterations) == 9


async def test_a_failure_inside_ends_the_loop(database: Path, effects: Effects) -> None:
    """No further iteration begins, and the failure names the step."""
    steps = [act("a", fail=True)]
    async with engine(database, effects=effects) as baton:
        done = await run(baton, workflow("w", [_loop(steps, **{"while": "index < 3"})]))
    assert done.status == "failed" and done.error is not None and done.error["inner"] == "[0].a"
    assert effects.began == ["l[0].a"]


async def test_a_loop_goes_on_where_it_was_after_the_process_died(database: Path, effects: Effects) -> None:
    """Iterations that were done are not done again; the question of each is asked once."""
    loop = _loop([act("a", value="{{ index }}"), ask("q"), act("b")], **{"while": "index < 3"})
    async with engine(database, effects=effects) as baton:
        execution = await baton.start(workflow("w", [loop]))
    for index in range(3):
        async with engine(database, effects=effects) as baton:
            await baton.wait(execution.id, until="rest")
            assert [wait.path for wait in await baton.waits(execution.id)] == [f"l[{index}].q"]
            await baton.decide(execution.id, f"l[{index}].q", "approve")
    async with engine(database, effects=effects) as baton:
        done = await baton.wait(execution.id)
    assert done.output["iterations"] == 3
    assert effects.done == [path for index in range(3) for path in (f"l[{index}].a", f"l[{index}].b")]
