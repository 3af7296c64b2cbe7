"""What is undone as a whole has one owner too, whoever goes back to a part of it."""

from pathlib import Path
from typing import Any

import pytest

from graphs.errors import ConflictError
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution
from tests.support.engine.engines import act, ask, engine, finished, rested, run, workflow
from tests.support.engine.ledger import TYPES, Ledger, bad, deed, keys, told
from tests.support.engine.steps import Effects, Gates

WHOLE = {"name": "all", "type": "map", "config": {"items": [1, 2]}, "steps": [act("x")], "compensate": act("undo_all")}


@pytest.mark.capability("D03", "E11")
async def test_what_is_undone_as_a_whole_is_not_shared_by_two(database: Path) -> None:
    """A fork begins at it, or behind it; and so does a retry of such a fork."""
    async with engine(database) as baton:
        parent = await run(
            baton, workflow("w", [act("first"), {**WHOLE, "depends_on": ["first"]}, bad("all")]), {"broken": False}
        )
        with pytest.raises(ConflictError) as refused:
            await baton.fork(parent.id, "all[1].x")
        assert refused.value.code == "undone_as_a_whole"
        assert str(refused.value) == (
            "Step 'all' is undone as a whole, by 'undo_all'; what was done inside of it cannot be shared by two "
            "executions, of which only one may undo it. "
            f"Begin at 'all', or go on in the same execution: baton retry {parent.id} --from STEP."
        )
        fork = await finished(baton, await baton.fork(parent.id, "bad"))
        with pytest.raises(ConflictError, match="Step 'all' is undone as a whole"):
            await baton.retry(fork.id, from_step="all[1].x")
        await baton.retry(fork.id, from_step="all")
        assert (await finished(baton, fork)).status == "completed"
        await baton.retry(parent.id, from_step="all[1].x")
        assert (await finished(baton, parent)).status == "completed"


@pytest.mark.capability("D03", "E11")
@pytest.mark.parametrize("inside", [False, True])
async def test_what_is_undone_as_a_whole_and_half_done_is_not_shared_either(
    inside: bool, database: Path, effects: Effects
) -> None:
    """A fork that begins behind it would do the other half, and nobody would undo that. At it, it begins anew, and
    undoes what it did itself."""
    half: Any = {"name": "half", "type": "sequence", "steps": [act("x"), ask("q"), act("y")]}
    half |= {"compensate": act("undo_half"), "depends_on": ["first"]}
    steps, path = [act("first"), half, bad("half")], "half"
    if inside:
        sub = {"name": "s", "type": "workflow", "config": {"workflow": "sub"}}
        around = {"name": "around", "type": "sequence", "steps": [sub]}
        steps, path = [around, bad("around")], "around.s.half"
    async with engine(database, effects=effects, workflows=[workflow("sub", [act("first"), half])]) as baton:
        parent = await rested(baton, await baton.start(workflow("w", steps), {"broken": True}))
        with pytest.raises(ConflictError, match=f"Step '{path}' is undone as a whole, by 'undo_half'") as refused:
            await baton.fork(parent.id, "bad")
        assert refused.value.code == "undone_as_a_whole" and len(await baton.list()) == 1
        fork = await rested(baton, await baton.fork(parent.id, "around" if inside else "half"))
        await baton.decide(fork.id, f"{path}.q", "approve")
        fork = await finished(baton, fork)
        assert fork.status == "compensated"
        undoing = [one for one in effects.began if one.startswith("~")]
        assert undoing == [f"~compensation.{path.removesuffix('half')}undo_half"]


PART = {
    "name": "list",
    "type": "sequence",
    "steps": [deed("s"), act("t", fail="{{ input.broken }}")],
    "on_failure": {"action": "continue", "response": {"dead_letter": True}},
}
OTHERS = {
    "name": "map",
    "type": "map",
    "config": {"items": [0, 1], "min_success": 1},
    "steps": [deed("r"), act("c", fail="{{ input.broken and item == 1 }}")],
}
GONE_ON = workflow("w", [deed("before"), {**PART, "depends_on": ["before"]}, {**OTHERS}, act("after", "list")])


async def _retried(baton: Orchestrator, execution: Execution, step: str) -> Execution:
    await baton.retry(execution.id, from_step=step, edit={"broken": False})
    return await finished(baton, execution)


async def _forked(baton: Orchestrator, execution: Execution, step: str) -> Execution:
    return await finished(baton, await baton.fork(execution.id, step, edit={"broken": False}))


async def _fork_retried(baton: Orchestrator, execution: Execution, step: str) -> Execution:
    fork = await finished(baton, await baton.fork(execution.id, "after"))
    assert (await told(baton, fork))["list.s"] == f"undone by execution {execution.id}"
    return await _retried(baton, await _retried(baton, fork, "after"), step)


@pytest.mark.capability("D03", "D04", "E11")
@pytest.mark.parametrize("again", [_retried, _forked, _fork_retried])
@pytest.mark.parametrize(
    ("step", "redone", "left"), [("list.t", "list.s", "map[1].r"), ("map[1].c", "map[1].r", "list.s")]
)
async def test_a_part_that_was_gone_on_from_and_undone_is_made_anew_as_a_whole(
    database: Path, ledger: Ledger, again: Any, step: str, redone: str, left: str
) -> None:
    """By whoever begins inside of it, under new keys; another such part stays as it is."""
    async with engine(database, types=TYPES, resources=[ledger]) as baton:
        parent = await run(baton, GONE_ON, {"broken": True})
        assert (parent.status, parent.compensation) == ("completed", "compensated")
        assert sorted(ledger.undone) == sorted(keys(parent, "list.s", "map[1].r"))
        execution = await again(baton, parent, step)
        assert execution.status == "completed"
        assert ledger.left() == [
            *(key for key in ledger.left() if f":{redone}:" not in key),
            *keys(execution, redone, generation=execution.generation),
        ]
        results = await baton.results(execution.id)
        assert results[redone]["output"] == {"key": keys(execution, redone, generation=execution.generation)[0]}
        assert results[left]["output"] == {"key": keys(parent, left)[0]}


@pytest.mark.capability("D04", "E11", "E22")
async def test_a_part_whose_failure_is_redriven_is_made_anew_as_a_whole(database: Path, ledger: Ledger) -> None:
    async with engine(database, types=TYPES, resources=[ledger]) as baton:
        execution = await run(baton, GONE_ON, {"broken": True})
        (letter,) = await baton.dead_letters(execution_id=execution.id)
        await baton.redrive([letter.id])
        execution = await finished(baton, execution)
        assert ledger.undone[-1:] == keys(execution, "list.s", generation=1)


@pytest.mark.capability("D03", "E11")
async def test_what_the_parent_undoes_with_a_part_of_its_own_is_made_anew_by_a_retry_of_the_fork(
    database: Path, ledger: Ledger, gates: Gates
) -> None:
    """There the part may have come to a good end."""
    part = {**PART, "steps": [deed("s"), act("t", fail="{{ input.broken }}", gate="{{ input.gate }}")]}
    async with engine(database, types=TYPES, resources=[ledger], gates=gates) as baton:
        parent = await baton.start(workflow("w", [part, act("after", "list")]), {"broken": True, "gate": "parent"})
        await gates.reached("parent")
        gates.open("fork")
        fork = await baton.fork(parent.id, "after", edit={"broken": False, "gate": "fork"})
        fork = await finished(baton, fork)
        gates.open("parent")
        assert (await finished(baton, parent)).compensation == "compensated"
        assert ledger.left() == [] and fork.status == "completed"
        await baton.retry(fork.id, from_step="after")
        await finished(baton, fork)
        assert ledger.left() == keys(fork, "list.s", generation=1)
