"""An effect has exactly one owner: what an execution did is undone by that one, and by no fork of it."""

from pathlib import Path
from typing import Any

import pytest

from agents import Call, Turn
from graphs.clock import ManualClock
from graphs.errors import ConflictError
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution, Inheritance
from tests.support.engine.desk import DONE, Desk, agent, resources
from tests.support.engine.engines import act, ask, engine, finished, rested, run, workflow
from tests.support.engine.ledger import TYPES, Ledger, bad, deed, keys, told
from tests.support.engine.steps import Effects, Gates

STEPS = [deed("a"), deed("b", "a"), bad("b")]
FLOW = workflow("w", STEPS)
LEAVES = workflow("w", STEPS, config={"responses": {"transient": {"compensate": "never"}}})
"""As the other, and a failure of it leaves things as they are."""


async def end(baton: Orchestrator, execution: Execution) -> Any:
    """What the last record of an execution says."""
    ends = [one for one in await baton.records(execution.id) if one.kind == f"execution.{execution.status}"]
    return ends[-1].data


@pytest.mark.capability("D03", "E11")
async def test_a_fork_of_what_completed_undoes_only_what_it_did_itself(database: Path, ledger: Ledger) -> None:
    """The parent keeps what it did; records and story of the fork say so."""
    async with engine(database, types=TYPES, resources=[ledger]) as baton:
        parent = await run(baton, FLOW, {"broken": False})
        fork = await finished(baton, await baton.fork(parent.id, "b", edit={"broken": True}))
        said = await end(baton, fork)
        assert (fork.status, said["undone"], said["left_alone"]) == ("compensated", ["b"], {"a": parent.id})
        assert ledger.left() == keys(parent, "a", "b")
        assert (await told(baton, fork))["a"] == f"left alone: done by execution {parent.id}"
        assert await told(baton, parent) == {}


@pytest.mark.capability("D03", "E11")
async def test_a_fork_that_did_nothing_has_nothing_to_undo(database: Path, ledger: Ledger) -> None:
    async with engine(database, types=TYPES, resources=[ledger]) as baton:
        parent = await run(baton, FLOW, {"broken": False})
        fork = await finished(baton, await baton.fork(parent.id, "bad", edit={"broken": True}))
        assert fork.status == "failed"
        assert (await end(baton, fork))["left_alone"] == {"b": parent.id, "a": parent.id}
        assert ledger.left() == keys(parent, "a", "b")


@pytest.mark.capability("D03", "E11")
async def test_a_parent_that_failed_goes_on_and_undoes_its_own(database: Path, ledger: Ledger) -> None:
    """Retried after the fork has undone what it did, it goes by its own work, and undoes it when that is wanted."""
    async with engine(database, types=TYPES, resources=[ledger]) as baton:
        parent = await run(baton, LEAVES, {"broken": True})
        fork = await baton.fork(parent.id, "b")
        await finished(baton, fork)
        await baton.retry(parent.id)
        assert (await finished(baton, parent)).status == "failed"
        assert ledger.left() == [*keys(parent, "a", "b"), *keys(fork, "b")]
        waits = workflow("w", [deed("a"), deed("b", "a"), ask("bad", "b")])
        parent = await rested(baton, await baton.start(waits, {"broken": True}))
        fork = await rested(baton, await baton.fork(parent.id, "b"))
        for one in (fork, parent):
            await baton.cancel(one.id, compensate=True)
            assert (await finished(baton, one)).status == "compensated"
        assert not set(keys(parent, "a", "b")) & set(ledger.left())


@pytest.mark.capability("D03", "E11")
async def test_a_fork_of_what_was_undone_does_it_anew_and_undoes_that(database: Path, ledger: Ledger) -> None:
    async with engine(database, types=TYPES, resources=[ledger]) as baton:
        parent = await run(baton, FLOW, {"broken": True})
        assert parent.status == "compensated" and ledger.left() == []
        fork = await finished(baton, await baton.fork(parent.id, "bad", edit={"broken": False}))
        assert fork.status == "completed" and ledger.left() == keys(fork, "a", "b")
        fork = await finished(baton, await baton.fork(parent.id, "bad"))
        assert fork.status == "compensated" and ledger.undone[-2:] == keys(fork, "b", "a")
        ledger.left()


@pytest.mark.capability("D03", "E11", "E12")
async def test_what_is_being_undone_is_not_forked(database: Path, ledger: Ledger, gates: Gates) -> None:
    """Nor what could not be undone and waits for somebody to see to it. Where nothing is gone by, nothing stands in
    the way."""
    slow = {"type": "act", "config": {"gate": "undo", "fail": "{{ input.stuck }}"}}
    steps = [deed("a", undo=slow), deed("b", "a"), bad("b")]
    async with engine(database, types=TYPES, resources=[ledger], gates=gates) as baton:
        parent = await baton.start(workflow("w", steps), {"broken": True, "stuck": True})
        await gates.reached("undo")
        with pytest.raises(ConflictError, match=f"Execution '{parent.id}' is being undone, and with it") as refused:
            await baton.fork(parent.id, "b")
        assert refused.value.code == "undo_first"
        whole = await baton.fork(parent.id, "a", edit={"broken": False})
        assert (await finished(baton, whole)).status == "completed"
        gates.open("undo")
        assert (await finished(baton, parent)).status == "compensation_failed"
        with pytest.raises(ConflictError, match="Not all of what execution"):
            await baton.fork(parent.id, "bad")
        (letter,) = await baton.dead_letters(execution_id=parent.id, kind="compensation")
        await baton.discard([letter.id])
        fork = await finished(baton, await baton.fork(parent.id, "bad", edit={"broken": False}))
        assert fork.status == "completed" and keys(fork, "b")[0] in ledger.left()


@pytest.mark.capability("D04", "E11", "E22")
async def test_what_is_given_up_is_undone_by_its_owner(database: Path, ledger: Ledger) -> None:
    """The fork has failed, and undone its own; the parent's part is undone when somebody discards its letter so. Until
    that is over, nothing is forked off it."""
    stays = {"responses": {"transient": {"compensate": "never"}}}
    async with engine(database, types=TYPES, resources=[ledger]) as baton:
        parent = await run(baton, workflow("w", STEPS, config=stays), {"broken": True})
        fork = await finished(baton, await baton.fork(parent.id, "b"))
        assert fork.status == "failed" and ledger.left() == [*keys(parent, "a", "b"), *keys(fork, "b")]
        letters = await baton.dead_letters()
        await baton.discard([letter.id for letter in letters if letter.execution_id == parent.id], compensate=True)
        with pytest.raises(ConflictError) as refused:
            await baton.fork(parent.id, "bad")
        assert refused.value.code == "undo_first"
        assert (await finished(baton, parent)).status == "compensated" and ledger.left() == keys(fork, "b")
        (news,) = [one for one in await baton.records(fork.id) if one.kind == "inheritance.undone"]
        assert news.data == {"by": parent.id, "paths": ["a"]}
        await baton.discard([letter.id for letter in letters if letter.execution_id == fork.id], compensate=True)
        assert (await finished(baton, fork)).status == "compensated" and ledger.left() == []


@pytest.mark.capability("D03", "E11")
async def test_what_the_parent_undoes_later_is_made_anew_by_a_retry_of_the_fork(database: Path, ledger: Ledger) -> None:
    """With new keys; until then the fork is told. Forks of the fork are told too, and do the same."""
    steps = [deed("a"), deed("b", "a"), ask("q", "b"), bad("q")]
    async with engine(database, types=TYPES, resources=[ledger]) as baton:
        parent = await rested(baton, await baton.start(workflow("w", steps), {"broken": True}))
        fork = await rested(baton, await baton.fork(parent.id, "b"))
        second = await rested(baton, await baton.fork(fork.id, "q"))
        await baton.cancel(parent.id, compensate=True)
        await finished(baton, parent)
        assert ledger.left() == keys(fork, "b")
        for heir in (fork, second):
            (news,) = [one for one in await baton.records(heir.id) if one.kind == "inheritance.undone"]
            assert news.data == {"by": parent.id, "paths": ["a"]}
            assert (await told(baton, heir))["a"] == f"undone since by execution {parent.id}"
        await baton.retry(fork.id, from_step="q")
        fork = await rested(baton, fork)
        assert ledger.left() == [*keys(fork, "b"), *keys(fork, "a", "b", generation=1)]
        third = await rested(baton, await baton.fork(second.id, "q"))
        assert ledger.left()[-2:] == keys(third, "a", "b")
        for one in (fork, third):
            await baton.cancel(one.id, compensate=True)
            await finished(baton, one)
        assert ledger.left() == keys(fork, "b")  # done before the retry, which said that it will be done again


@pytest.mark.capability("D03", "E11", "E24")
async def test_a_fork_that_runs_while_its_ground_is_undone_goes_on_and_people_are_told(
    database: Path, ledger: Ledger, gates: Gates
) -> None:
    """Nobody stops it: what it does may be right all the same, and whoever undid that knows of it. What it comes to
    stands on what is not there any more until somebody has that done anew."""
    steps = [deed("a"), ask("q", "a"), act("slow", "q", gate="slow"), deed("b", "slow")]
    async with engine(database, types=TYPES, resources=[ledger], gates=gates) as baton:
        parent = await rested(baton, await baton.start(workflow("w", steps)))
        fork, ended = await baton.fork(parent.id, "slow"), await baton.fork(parent.id, "q")
        await rested(baton, ended)
        await baton.cancel(ended.id)
        await finished(baton, ended)
        await rested(baton, fork)
        await baton.decide(fork.id, "q", "approve")
        await gates.reached("slow")
        await baton.cancel(parent.id, compensate=True)
        await finished(baton, parent)
        (alert,) = [one for one in await baton.records(fork.id) if one.kind == "alert.raised"]
        assert (alert.data["level"], alert.data["code"], alert.data["step"]) == ("warning", "inheritance_undone", "a")
        assert alert.data["message"] == f"execution '{parent.id}' has undone what this one goes by: a."
        assert "alert.raised" not in [one.kind for one in await baton.records(ended.id)], "it goes by nothing any more"
        gates.open("slow")
        fork = await finished(baton, fork)
        assert fork.status == "completed" and ledger.left() == keys(fork, "b")
        assert await baton.side_effects_again(fork.id, "b") == ["a", "slow", "b"]
        await baton.retry(fork.id, from_step="b")
        assert (await rested(baton, fork)).status == "waiting"
        await baton.decide(fork.id, "q", "approve")
        assert (await finished(baton, fork)).status == "completed"
        assert ledger.left() == [*keys(fork, "b"), *keys(fork, "a", "b", generation=1)]


@pytest.mark.capability("D03", "E11")
async def test_what_the_parent_does_after_the_fork_is_its_own(database: Path, ledger: Ledger, gates: Gates) -> None:
    """A parent that runs is forked as it stands: what it was at then, both do, each under its own key."""
    steps = [deed("a"), act("slow", "a", gate="slow"), deed("b", "slow"), bad("b")]
    async with engine(database, types=TYPES, resources=[ledger], gates=gates) as baton:
        parent = await baton.start(workflow("w", steps), {"broken": False})
        await gates.reached("slow")
        fork = await baton.fork(parent.id, "slow", edit={"broken": True})
        gates.open("slow")
        parent, fork = await finished(baton, parent), await finished(baton, fork)
        assert (parent.status, fork.status) == ("completed", "compensated")
        assert ledger.left() == keys(parent, "a", "b")


@pytest.mark.capability("E11", "I05", "I07", "D03")
async def test_calls_that_an_agent_of_the_parent_made_are_left_alone(database: Path, effects: Effects) -> None:
    """Those that the fork's own agent makes are undone."""
    desk = Desk()
    turns = (Turn(calls=(Call("book", {"amount": 1}),)), Turn(calls=(Call("book", {"amount": 2}),)), DONE)
    given = resources(desk, *turns, DONE, tools=[desk.tool("book", undo="unbook"), desk.tool("unbook")])
    steps = [agent(tools=["book"]), bad("ask")]
    async with engine(database, effects=effects, resources=given) as baton:
        parent = await run(baton, workflow("w", steps), {"broken": False})
        booked = list(desk.calls)
        fork = await finished(baton, await baton.fork(parent.id, "bad", edit={"broken": True}))
        assert fork.status == "failed" and desk.calls == booked
        said = await end(baton, fork)
        assert said["left_alone"] == dict.fromkeys(["ask[0].book-0", "ask[1].book-0"], parent.id)
        fork = await finished(baton, await baton.fork(parent.id, "ask[1].book-0", edit={"broken": True}))
        assert fork.status == "compensated"
        assert [(name, args["amount"]) for name, args, _ in desk.calls[2:]] == [("book", 2), ("unbook", 2)]
        assert (await end(baton, fork))["left_alone"] == {"ask[0].book-0": parent.id}


@pytest.mark.capability("E10", "D03")
@pytest.mark.parametrize(
    ("reads", "taken"),
    [
        ("{{ input.broken }}", True),
        ("{{ steps.b.output.key }}", True),
        ("{{ steps.a.output.key }}", False),
        ("{{ steps[input.which].output.key }}", False),
        ("{{ vars.key }}", False),
    ],
)
async def test_of_the_clean_up_that_is_left_alone_which_reads_what_the_parent_did(
    database: Path, effects: Effects, ledger: Ledger, reads: str, taken: bool
) -> None:
    """It may undo that, and nobody can know."""
    steps = [deed("a", variables={"key": "{{ output.key }}"}), deed("b", "a"), bad("b")]
    definition = workflow("w", steps, compensation={"steps": [act("sweep", value=reads)]}, variables={"key": None})
    async with engine(database, types=TYPES, effects=effects, resources=[ledger]) as baton:
        parent = await run(baton, definition, {"broken": False, "which": "a"})
        fork = await finished(baton, await baton.fork(parent.id, "b", edit={"broken": True}))
        left = (await end(baton, fork))["left_alone"]
        assert fork.status == "compensated"
    assert (effects.counts["~compensation.sweep"] == 1) is taken
    assert ("~compensation.sweep" in left) is not taken


@pytest.mark.capability("E14", "D03")
async def test_a_workflow_that_cleans_up_is_handed_only_what_the_fork_did(database: Path, ledger: Ledger) -> None:
    """In place of every undoing, as in any execution."""
    clean_up = workflow("clean-up", [act("sweep", value="{{ input.steps }}")])
    wait = {"name": "q", "type": "approval", "depends_on": ["b"], "config": {"timeout": 60}}
    wait["on_timeout"] = {"action": "compensate", "compensation_workflow": "clean-up"}
    clock = ManualClock()
    async with engine(database, types=TYPES, resources=[ledger], workflows=[clean_up], clock=clock) as baton:
        parent = await rested(baton, await baton.start(workflow("w", [deed("a"), deed("b", "a"), wait])))
        await baton.decide(parent.id, "q", "approve")
        await finished(baton, parent)
        fork = await rested(baton, await baton.fork(parent.id, "b"))
        clock.advance(60)
        fork = await finished(baton, fork)
        swept = (await baton.results(fork.id))["~compensation.clean-up.sweep"]["output"]["value"]
    assert swept == {"b": {"key": f"{fork.id}:b:0"}, "q": None}


@pytest.mark.capability("D03")
async def test_a_parent_that_begins_to_be_undone_while_it_is_forked_is_not(
    database: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the two, one comes first in the file."""
    async with engine(database, types=TYPES, resources=[ledger]) as baton:
        parent = await rested(baton, await baton.start(workflow("w", [deed("a"), ask("q", "a")])))
        create = baton.store.create

        async def late(*args: Any, inherits: Inheritance, **more: Any) -> Execution:
            await baton.cancel(parent.id, compensate=True)
            await finished(baton, parent)
            return await create(*args, inherits=inherits, **more)

        monkeypatch.setattr(baton.store, "create", late)
        with pytest.raises(ConflictError) as refused:
            await baton.fork(parent.id, "q", new_id="fork")
        assert refused.value.code == "moved_on" and await baton.store.execution("fork") is None
    assert ledger.left() == []
