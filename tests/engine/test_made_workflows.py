"""Workflows that are known only at run time: named by an expression, or made as a whole (F22, F24)."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, ask, engine, finished, rested, run, statuses, wind, workflow
from tests.support.engine.steps import Effects

NAMED = workflow("w", [{"name": "go", "type": "workflow", "config": {"workflow": "{{ input.which }}"}}])
MADE = workflow(
    "w",
    [{"name": "go", "type": "workflow", "config": {"definition": "{{ input.made }}", "input": {"n": "{{ input.n }}"}}}],
    input={"schema": {"type": "object", "properties": {"made": {"type": "object"}, "n": {"type": "integer"}}}},
)


def _made(*steps: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return workflow("made", steps, **spec).as_document()


@pytest.mark.capability("F24", "F22", "C09")
async def test_a_workflow_named_by_an_expression_is_the_one_that_was_there_at_the_start(database: Path) -> None:
    async with engine(database) as baton:
        for name in ("one", "two"):
            await baton.publish(workflow(name, [ask("q"), act("a", "q", value=name)], output={"values": {"is": name}}))
        execution = await rested(baton, await baton.start(NAMED, {"which": "two"}))
        assert sorted(execution.pins) == ["one", "two"]
        await baton.publish(workflow("two", [act("other")], version="2.0"))
    async with engine(database) as baton:
        done = await wind(baton, execution.id)
        assert done.output == {"is": "two"}
        missing = await run(baton, NAMED, {"which": "three"})
    assert missing.error["code"] == "workflow_unknown"


@pytest.mark.capability("F22", "F24", "D08")
async def test_a_workflow_made_at_run_time_has_its_own_input_and_output(database: Path, effects: Effects) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 5}}}
    made = _made(
        act("a", value="{{ input.n }}"), input={"schema": schema}, output={"values": {"n": "{{ input.n + 1 }}"}}
    )
    async with engine(database, effects=effects) as baton:
        before = len(baton.catalogue.library._workflows)
        execution = await run(baton, MADE, {"made": made, "n": 4})
        assert execution.output == {"n": 5} and effects.done == ["go.a"]
        refused = await run(baton, MADE, {"made": made, "n": 6})
        assert refused.error["code"] == "input_invalid"
        for n in range(3):
            await run(baton, MADE, {"made": _made(act(f"a{n}")), "n": 1})
        assert len(baton.catalogue.library._workflows) == before + 1, "what is made for one is not kept for all"


@pytest.mark.capability("F22", "C12")
@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"metadata": {"name": "x"}}, "spec"),
        ({"metadata": {"name": "x"}, "spec": {"steps": [{"name": "a", "type": "actt"}]}}, "did you mean 'act'"),
        (
            {
                "metadata": {"name": "x"},
                "spec": {"steps": [{"name": "a", "type": "act"}, {"name": "a", "type": "act"}]},
            },
            "definition.steps[1]: the name 'a' is taken",
        ),
        (
            {"metadata": {"name": "x"}, "spec": {"steps": [act("a", "b"), act("b", "a")]}},
            "a",
        ),
        ({"metadata": {"name": "x"}, "spec": {"steps": [], "finally": [{"name": "f", "type": "nope"}]}}, "finally[0]"),
    ],
)
async def test_one_that_cannot_be_run_is_refused_before_anything_is_done(
    made: dict[str, Any], told: str, database: Path, effects: Effects
) -> None:
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, MADE, {"made": made, "n": 1})
    assert (execution.status, execution.error["code"]) == ("failed", "definition_invalid")
    assert told in execution.error["message"] and effects.done == []


@pytest.mark.capability("F22", "E11", "E10")
async def test_what_it_did_is_undone_when_it_fails_later(database: Path, effects: Effects) -> None:
    undo = {"name": "undo", "type": "act", "config": {"value": "{{ output.value }}"}}
    made = _made(act("a", value=7, compensate=undo), act("b", "a", fail=True))
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, MADE, {"made": made, "n": 1})
    assert execution.status == "compensated"
    assert effects.done == ["go.a", "~compensation.go.undo"]


@pytest.mark.capability("F22", "D01")
@pytest.mark.parametrize("after", range(3, 12))
async def test_it_goes_on_after_a_crash(database: Path, effects: Effects, after: int) -> None:
    made = _made(act("a"), ask("q", "a"), act("b", "q"))
    crash = Crash(after)
    with crashing(crash):
        async with engine(database, effects=effects) as baton:

            async def work() -> None:
                await wind(
                    baton, await baton.start(MADE, {"made": made, "n": 1}, execution_id="x", idempotency_key="k")
                )

            over = await either(work(), crash)
    async with engine(database, effects=effects) as baton:
        again = await baton.start(MADE, {"made": made, "n": 1}, execution_id="x", idempotency_key="k")
        execution = await wind(baton, again)
        found = await statuses(baton, execution)
    assert execution.status == "completed" and found["go.b"] == "completed"
    assert max(effects.counts.values()) <= 2 - over


async def test_it_is_retried_from_inside(database: Path, effects: Effects) -> None:
    made = _made(act("a"), act("b", "a"))
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, MADE, {"made": made, "n": 1})
        await baton.retry(execution.id, from_step="go.b")
        execution = await finished(baton, execution)
    assert execution.status == "completed" and effects.done == ["go.a", "go.b", "go.b"]
