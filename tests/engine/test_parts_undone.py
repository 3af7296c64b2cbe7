"""Parts of an execution that failed and were gone on from: what was done in them is undone, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator import Execution
from tests.support.engine.engines import act, ask, engine, finished, rested, run, turns, until, workflow
from tests.support.engine.steps import Effects, Gates

GOES_ON = {"on_failure": {"action": "continue"}}


def _undone(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    return act(name, *needs, compensate=act(f"undo_{name}"), **more)


def _undoing(effects: Effects) -> list[str]:
    return [path.removeprefix("~compensation.") for path in effects.began if path.startswith("~compensation.")]


INNER = workflow("inner", [_undone("a"), act("broken", "a", fail=True)], compensation={"steps": [act("sweep")]})
SUB = {"name": "sub", "type": "workflow", "config": {"workflow": "inner"}}
SEQUENCE = {"name": "list", "type": "sequence", "steps": [_undone("s"), act("t", fail=True)]}
OTHERWISE = {
    "name": "each",
    "type": "loop",
    "config": {"items": [1, 2]},
    "steps": [_undone("s"), act("t", fail="{{ item == 2 }}")],
    "on_failure": {"action": "retry", "config": {"items": [1]}},
}
PARTS: list[tuple[dict[str, Any], list[str]]] = [
    (SUB | GOES_ON, ["sub.undo_a", "sub.sweep"]),
    (SEQUENCE | GOES_ON, ["list.undo_s"]),
    (SEQUENCE | {"on_failure": {"action": "fallback", "fallback": act("instead")}}, ["list.undo_s"]),
    (OTHERWISE, ["each[1].undo_s", "each[0].undo_s"]),
    (SEQUENCE | {"on_failure": {"action": "goto", "goto": "after"}}, ["list.undo_s"]),
    (act("plain", fail=True, compensate=act("undo_plain"), compensate_failed=True) | GOES_ON, ["undo_plain"]),
    (act("plain", fail=True, compensate=act("undo_plain")) | GOES_ON, []),
    (
        {
            "name": "map",
            "type": "map",
            "config": {"items": [1, 2, 3], "min_success": 1, "max_concurrency": 1},
            "steps": [_undone("reserve"), act("charge", fail="{{ item == 2 }}")],
        },
        ["map[1].undo_reserve"],
    ),
    (
        {
            "name": "group",
            "type": "parallel",
            "config": {"failure_policy": "continue_on_partial_failure"},
            "branches": {"good": [_undone("x")], "bad": [_undone("y"), _undone("z"), act("no", fail=True)]},
        },
        ["group.bad.undo_z", "group.bad.undo_y"],
    ),
]


async def _came_to(database: Path, effects: Effects, part: dict[str, Any], **more: Any) -> Execution:
    definition = workflow(
        "w", [_undone("before"), {**part, "depends_on": ["before"]}, act("after", part["name"])], **more
    )
    async with engine(database, effects=effects, workflows=[INNER]) as baton:
        return await run(baton, definition)


@pytest.mark.capability("E10", "E11", "E19", "E27")
@pytest.mark.parametrize(
    ("part", "undoing"), PARTS, ids=lambda value: None if isinstance(value, list) else value["name"]
)
async def test_what_was_done_in_it_is_undone(
    database: Path, effects: Effects, part: dict[str, Any], undoing: list[str]
) -> None:
    """The last done first; what the whole cleans up with is for when the whole fails."""
    execution = await _came_to(database, effects, part, compensation={"steps": [act("sweep_all")]})
    assert execution.status == "completed", execution.error
    assert _undoing(effects) == undoing
    assert execution.compensation == ("compensated" if undoing else None)
    assert "after" in effects.done


@pytest.mark.capability("F12", "X32", "E11")
async def test_who_lost_a_race_is_undone(database: Path, effects: Effects, gates: Gates) -> None:
    """It reserved, and was cancelled at what came next; the winner's reservation stays."""
    branches = {
        "slow": [_undone("hold"), act("stuck", gate="never")],
        "quick": [_undone("take"), act("told", gate="go")],
    }
    race = {"name": "race", "type": "parallel", "config": {"first": 1}, "branches": branches}
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [race]))
        await gates.reached("never")
        gates.open("go")
        execution = await finished(baton, execution)
    assert execution.status == "completed" and execution.compensation == "compensated"
    assert _undoing(effects) == ["race.slow.undo_hold"]


@pytest.mark.capability("F12", "X32", "E11")
async def test_who_lost_a_race_between_two_steps_is_undone(database: Path, effects: Effects, gates: Gates) -> None:
    """What it was at may finish, and is undone with what came before; what comes next does not begin."""
    branches = {
        "slow": [_undone("hold"), _undone("take_on", gate="slow"), act("told")],
        "quick": [_undone("take"), act("said", gate="quick")],
    }
    race = {"name": "race", "type": "parallel", "config": {"first": 1, "rest": "finish"}, "branches": branches}
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [race]))
        await gates.reached("slow")
        gates.open("quick")
        await until(lambda: "race.quick.said" in effects.done)
        await turns(baton)
        gates.open("slow")
        execution = await finished(baton, execution)
    assert execution.status == "completed" and execution.compensation == "compensated"
    assert _undoing(effects) == ["race.slow.undo_take_on", "race.slow.undo_hold"]


@pytest.mark.capability("E12", "E22")
async def test_what_could_not_be_undone_is_a_dead_letter(database: Path, effects: Effects) -> None:
    """The execution has come to its good end all the same, and says what became of the part."""
    part = {**SEQUENCE, "steps": [act("s", compensate=act("undo_s", fail=True)), act("t", fail=True)], **GOES_ON}
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [part]))
        letters = await baton.store.dead_letters()
    assert (execution.status, execution.compensation) == ("completed", "compensation_failed")
    assert "compensation" in {letter.kind for letter in letters}


@pytest.mark.capability("E11", "E17")
async def test_it_is_undone_before_the_last_steps_run(database: Path, effects: Effects) -> None:
    await _came_to(database, effects, SEQUENCE | GOES_ON, **{"finally": [act("close")]})
    assert effects.began[-2:] == ["~compensation.list.undo_s", "~finally.close"]


@pytest.mark.capability("E21")
async def test_a_kind_of_failure_after_which_nothing_is_undone(database: Path, effects: Effects) -> None:
    part = {**SEQUENCE, "steps": [_undone("s"), act("t", fail=True, category="logic")], **GOES_ON}
    execution = await _came_to(database, effects, part, config={"responses": {"logic": {"compensate": "never"}}})
    assert execution.status == "completed" and _undoing(effects) == []


@pytest.mark.capability("E11", "E21", "X32")
@pytest.mark.parametrize(("category", "undone"), [("logic", 1), ("cancelled", 0)])
async def test_who_lost_against_others_did_nothing_wrong(
    database: Path, effects: Effects, gates: Gates, category: str, undone: int
) -> None:
    """What is said of faults of logic is not said of it."""
    branches = {"slow": [_undone("hold"), act("stuck", gate="never")], "quick": [act("told", gate="go")]}
    race = {"name": "race", "type": "parallel", "config": {"first": 1}, "branches": branches}
    definition = workflow("w", [race], config={"responses": {category: {"compensate": "never"}}})
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(definition)
        await gates.reached("never")
        gates.open("go")
        await finished(baton, execution)
    assert len(_undoing(effects)) == undone


@pytest.mark.capability("E11")
async def test_undoing_that_is_cut_off_is_gone_on_with(database: Path, effects: Effects) -> None:
    """By another engine, from where it was: once each."""
    undo = {"name": "undo_s", "type": "sequence", "steps": [act("first"), ask("sure", "first"), act("last", "sure")]}
    part = {**SEQUENCE, "steps": [act("s", compensate=undo), act("t", fail=True)], **GOES_ON}
    definition = workflow("w", [part], output={"values": {"said": "{{ steps.list.status }}"}})
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(definition))
        assert execution.status == "waiting"
    async with engine(database, effects=effects) as baton:
        [question] = await baton.waits(execution.id)
        await baton.decide(execution.id, question.path, "approve", by="ann")
        execution = await finished(baton, execution)
    assert (execution.status, execution.compensation) == ("completed", "compensated")
    assert execution.output == {"said": "failed"}
    assert [effects.counts[f"~compensation.list.undo_s.{name}"] for name in ("first", "last")] == [1, 1]
    assert effects.counts["list.s"] == effects.counts["list.t"] == 1


@pytest.mark.capability("E11")
async def test_an_execution_that_fails_later_undoes_it_once(database: Path, effects: Effects) -> None:
    """With everything else, in the reverse of the order in which it was done."""
    steps = [_undone("before"), {**SEQUENCE, "depends_on": ["before"], **GOES_ON}, act("bad", "list", fail=True)]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps))
    assert execution.status == "compensated"
    assert _undoing(effects) == ["list.undo_s", "undo_before"]
