"""People step in at the calls that agents make: approve, edit, reject, or answer in a tool's place."""

import re
from pathlib import Path
from typing import Any

import pytest

from agents import Call, Tool, Turn
from graphs.clock import ManualClock
from graphs.errors import InputError
from orchestrator.engine import Orchestrator
from tests.support.engine.desk import CALLS, DONE, Desk, agent, resources
from tests.support.engine.engines import engine, finished, rested, run, workflow


async def _asked(baton: Orchestrator, **tool: Any) -> Any:
    execution = await rested(baton, await baton.start(workflow("w", [agent(tools=["look", "refund"])])))
    (wait,) = await baton.waits(execution.id)
    return execution, wait


def _with_approval(desk: Desk, *turns: Turn, **more: Any) -> list[Any]:
    rule = more.pop("approval", "args.amount > 100")
    return resources(desk, *(turns or (CALLS, DONE)), tools=["look", desk.tool("refund", approval=rule, **more)])


@pytest.mark.capability("I08", "security-A18")
async def test_a_threshold_is_judged_on_what_is_really_sent(database: Path) -> None:
    """An argument that the model leaves out has its default; the person sees it, and the tool is given it."""
    given: list[int] = []

    def pay(amount: int = 500) -> str:
        given.append(amount)
        return "paid"

    tool = Tool("pay", "Pays.", pay, approval="args.amount > 100")
    turns = (Turn(calls=(Call("pay"), Call("pay", {"amount": 5}))), DONE)
    async with engine(database, resources=resources(Desk(), *turns, tools=[tool])) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [agent(tools=["pay"])])))
        (wait,) = await baton.waits(execution.id)
        assert (wait.path, wait.wait.question["payload"], given) == ("ask[0].pay-0~approval", {"amount": 500}, [5])
        await baton.decide(execution.id, wait.path, "approve", by="ann")
        execution = await finished(baton, execution)
    assert (execution.status, given) == ("completed", [5, 500])


@pytest.mark.capability("I05", "I08", "security-A19")
@pytest.mark.parametrize(
    ("decision", "more", "outcome", "done"),
    [
        ("approve", {}, {"result": {"done": "refund", "amount": 500}}, [1, 500]),
        (
            "edit",
            {"data": {"amount": 50}},
            {"args": {"amount": 50}, "asked": {"amount": 500}, "result": {"done": "refund", "amount": 50}},
            [1, 50],
        ),
        (
            "reject",
            {"reason": "too much"},
            {"error": "Error: the call of 'refund' was not approved: too much."},
            [1],
        ),
        ("respond", {"data": "It was refunded by hand."}, {"result": "It was refunded by hand."}, [1]),
    ],
)
async def test_a_person_steps_in_at_a_call(
    database: Path, decision: Any, more: dict[str, Any], outcome: dict[str, Any], done: list[int]
) -> None:
    """The other call of the turn is made meanwhile, the step rests, and the decision survives the process."""
    desk = Desk()
    async with engine(database, resources=_with_approval(desk, effect="irreversible")) as baton:
        execution, wait = await _asked(baton)
        assert desk.names == ["look"]
        assert execution.status == "waiting"
        question = wait.wait.question
        assert question["message"] == "May agent 'ask' call 'refund'?"
        assert (question["tool"], question["payload"], question["effect"]) == (
            "refund",
            {"amount": 500},
            "irreversible",
        )
    async with engine(database, resources=_with_approval(desk)) as baton:
        await baton.decide(execution.id, wait.path, decision, by="ann", **more)
        execution = await finished(baton, execution)
        assert [amount for _, args, _ in desk.calls for amount in args.values()] == done
        call = execution.output["tool_calls"][1]
        assert call == {"name": "refund", "args": {"amount": 500}, **outcome}
        told = execution.output["messages"][3]["content"]
        assert told == outcome.get("error", told)
        changed = 'A person changed the arguments of this call to {"amount": 50}.\n'
        assert told.startswith(changed) == (decision == "edit"), "the model would speak of what was never done"
        assert (await baton.results(execution.id))[wait.path]["decided_by"] == "ann"


async def test_an_edited_call_must_fit_the_tool(database: Path) -> None:
    async with engine(database, resources=_with_approval(Desk())) as baton:
        execution, wait = await _asked(baton)
        with pytest.raises(InputError, match="amount"):
            await baton.decide(execution.id, wait.path, "edit", data={"amount": "much"})


@pytest.mark.parametrize(
    ("rule", "asked"),
    [("always", 2), ("never", 0), ("args.amount > 100", 1), ("args.missing > 1", 2)],
)
async def test_when_a_person_is_asked(database: Path, rule: str, asked: int) -> None:
    """A condition that cannot be judged asks."""
    desk = Desk()
    turn = Turn(calls=(Call("refund", {"amount": 500}), Call("refund", {"amount": 5})))
    async with engine(database, resources=_with_approval(desk, turn, DONE, approval=rule)) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [agent(tools=["refund"])])))
        assert len(await baton.waits(execution.id)) == asked
        assert len(desk.calls) == 2 - asked


@pytest.mark.parametrize("rule", ["input.amount > 100", "amount > 100"])
def test_a_condition_that_reads_something_else_than_the_arguments_is_refused(rule: str) -> None:
    name = rule.partition(" ")[0].partition(".")[0]
    said = f"it is a condition over 'args', the arguments of the call: no name '{name}' here. Names here: args."
    with pytest.raises(InputError, match=re.escape(said)):
        Desk().tool("refund", approval=rule)


async def test_what_a_tool_asks_for_cannot_be_taken_back_by_a_definition(database: Path) -> None:
    use = {"tool": "refund", "approval": "never"}
    async with engine(database, resources=_with_approval(Desk(), approval="always")) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [agent(tools=["look", use])])))
        assert len(await baton.waits(execution.id)) == 1
    use = {"tool": "look", "approval": {"when": "always", "assignees": "ann"}, "name": "peek"}
    turn = Turn(calls=(Call("peek"),))
    async with engine(database, resources=resources(Desk(), turn, DONE, tools=["look"])) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [agent(tools=[use])])))
        (wait,) = await baton.waits(execution.id)
        assert (wait.wait.assignees, wait.wait.question["tool"]) == (("ann",), "peek")


@pytest.mark.parametrize(
    ("on_timeout", "why"),
    [("reject", "nobody decided within 1h"), ("fail", "'May agent 'ask' call 'look'?': nobody decided within 1h")],
)
async def test_nobody_in_time_is_a_no(database: Path, on_timeout: str, why: str) -> None:
    desk, clock = Desk(), ManualClock()
    rule = {"when": "always", "timeout": "1h", "on_timeout": on_timeout}
    turn = Turn(calls=(Call("look"),))
    given = resources(desk, turn, DONE, tools=["look"])
    async with engine(database, resources=given, clock=clock) as baton:
        execution = await rested(
            baton, await baton.start(workflow("w", [agent(tools=[{"tool": "look", "approval": rule}])]))
        )
        clock.advance(3601)
        execution = await finished(baton, execution)
    assert desk.calls == []
    assert execution.output["tool_calls"][0]["error"] == f"Error: the call of 'look' was not approved: {why}."


async def test_nobody_is_asked_about_a_call_that_cannot_be_made(database: Path) -> None:
    turn = Turn(calls=(Call("refund", {"amount": "lots"}),))
    async with engine(database, resources=_with_approval(Desk(), turn, DONE, approval="always")) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["refund"])]))
    assert execution.output["tool_calls"][0]["error"].startswith(
        "Error: tool 'refund' cannot be called: arguments.amount"
    )
