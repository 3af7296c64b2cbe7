"""Going on with something else: an edited input, of the execution or of a step, another model, a newer definition."""

from pathlib import Path
from typing import Any

import pytest

from agents import Call, Functions, Models, Script, Tools, Turn
from graphs.errors import InputError, NotFoundError
from tests.support.engine.desk import Desk
from tests.support.engine.engines import act, engine, finished, rested, run, values, workflow
from tests.support.engine.steps import Effects

AMOUNTS = {"type": "object", "properties": {"amount": {"type": "integer"}}}


class Bank:
    """What was charged, under which key."""

    def __init__(self) -> None:
        self.charged: list[tuple[Any, str, str]] = []

    def charge(self, amount: int, currency: str = "EUR", context: Any = None) -> dict[str, Any]:
        self.charged.append((amount, currency, context.idempotency_key.partition(":")[2]))
        if amount > 100:
            raise ValueError("too much")
        return {"amount": amount}


GIVEN: dict[str, dict[str, Any]] = {
    "its arguments": {"config": {"function": "charge", "args": {"amount": "{{ input.amount }}", "currency": "USD"}}},
    "its input": {"config": {"function": "charge"}, "input": {"amount": "{{ input.amount }}", "currency": "USD"}},
    "the execution's input": {"config": {"function": "charge"}},
    "one value": {"config": {"function": "charge", "input": "{{ input.amount }}"}},
}


@pytest.mark.capability("D03", "D04")
@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("how", ["retry", "fork"])
async def test_a_step_is_made_anew_with_an_edited_input(database: Path, given: str, how: str) -> None:
    """Wherever it has it from; what is not edited stays, and the execution's own input too. New keys: whoever honours
    the old ones would give what came of the old input."""
    bank = Bank()
    steps = [{"name": "charge", "type": "function", **GIVEN[given]}, act("after", "charge")]
    edit = {"input": 50} if given == "one value" else {"amount": 50}
    async with engine(database, resources=[Functions([bank.charge])]) as baton:
        execution = await run(baton, workflow("w", steps), {"amount": 500})
        assert execution.status == "failed"
        if how == "retry":
            await baton.retry(execution.id, from_step="charge", step_input=edit)
        else:
            execution = await baton.fork(execution.id, "charge", step_input=edit)
        execution = await finished(baton, execution)
    currency = "USD" if given in ("its arguments", "its input") else "EUR"
    assert execution.status == "completed" and execution.input == {"amount": 500}
    assert bank.charged == [(500, currency, "charge:0"), (50, currency, f"charge:{1 if how == 'retry' else 0}")]
    assert execution.changes == {"inputs": {"charge": edit}}


@pytest.mark.capability("D03", "D04")
async def test_an_edit_stays_until_there_is_another(database: Path) -> None:
    """Key by key; a later retry goes on with what was edited before, and so does a fork."""
    bank = Bank()
    config = {"function": "charge", "args": {"amount": 500, "currency": "USD"}}
    async with engine(database, resources=[Functions([bank.charge])]) as baton:
        execution = await run(baton, workflow("w", [{"name": "charge", "type": "function", "config": config}]))
        await baton.retry(execution.id, from_step="charge", step_input={"amount": 5})
        await finished(baton, execution)
        await baton.retry(execution.id, from_step="charge", step_input={"currency": "CHF"})
        await finished(baton, execution)
        await finished(baton, await baton.fork(execution.id, "charge"))
        records = [one.data for one in await baton.records(execution.id) if one.kind == "execution.rewound"]
    assert [(amount, currency) for amount, currency, _ in bank.charged] == [
        (500, "USD"),
        (5, "USD"),
        (5, "CHF"),
        (5, "CHF"),
    ]
    assert [one["changes"]["inputs"]["charge"] for one in records] == [{"amount": 5}, {"amount": 5, "currency": "CHF"}]


@pytest.mark.capability("D03")
async def test_a_retry_may_go_on_with_an_edited_input_of_the_execution(database: Path, effects: Effects) -> None:
    """Merged key by key, held against the schema, and in the history; what stays was made of the old one."""
    steps = [act("a", value="{{ input.amount }}"), act("b", "a", value="{{ input.amount }}", fail="{{ input.broken }}")]
    schema = {"schema": {**AMOUNTS, "properties": {**AMOUNTS["properties"], "broken": {"type": "boolean"}}}}  # type: ignore[dict-item]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps, input=schema), {"amount": 1, "broken": True})
        with pytest.raises(InputError, match="amount"):
            await baton.retry(execution.id, edit={"amount": "many"})
        await baton.retry(execution.id, edit={"amount": 2, "broken": False})
        execution = await finished(baton, execution)
        assert await values(baton, execution) == {"a": 1, "b": 2}
        (rewound,) = [one for one in await baton.records(execution.id) if one.kind == "execution.rewound"]
    assert execution.input == {"amount": 2, "broken": False}
    assert rewound.data["edit"] == {"amount": 2, "broken": False}
    assert [key.rpartition(":")[2] for key in effects.keys["b"]] == ["0", "1"]


FIRST = Script("first", turns=(Turn(calls=(Call("refund", {"amount": 500}),)), Turn("Refunded.")))
SECOND = Script("second", turns=(Turn(calls=(Call("refund", {"amount": 5}),)), Turn("A little.")))


@pytest.mark.capability("D03", "D04", "I05")
@pytest.mark.parametrize("how", ["retry", "fork"])
async def test_an_agent_is_asked_anew_with_another_model_and_message(database: Path, how: str) -> None:
    """And it really acts, unlike in a replay: the calls that happen again are named before."""
    desk = Desk()
    given = [Models(allow_real=False, scripts=[FIRST, SECOND]), Tools([desk.tool("refund")])]
    config = {"model": "scripted:first", "message": "Go", "tools": ["refund"]}
    steps = [act("before"), {"name": "ask", "type": "agent", "depends_on": ["before"], "config": config}]
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", steps))
        assert await baton.side_effects_again(execution.id, "ask") == ["ask[0].refund-0"]
        anew = {"model": "scripted:second", "step_input": {"message": "Be careful."}}
        if how == "retry":
            await baton.retry(execution.id, from_step="ask", **anew)  # type: ignore[arg-type]
        else:
            execution = await baton.fork(execution.id, "ask", **anew)  # type: ignore[arg-type]
        execution = await finished(baton, execution)
        usage = await baton.usage(execution.id)
    assert execution.output["answer"] == "A little."
    assert [args["amount"] for _, args, _ in desk.calls] == [500, 5]
    assert len({key for _, _, key in desk.calls}) == 2
    assert "scripted:second" in {one.model for one in usage}


@pytest.mark.capability("D03")
async def test_what_cannot_be_edited_is_said(database: Path) -> None:
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [act("a", fail=True)]))
        with pytest.raises(InputError, match="no step is named"):
            await baton.retry(execution.id, step_input={"amount": 1})
        with pytest.raises(InputError, match="No agent is at work in this execution"):
            await baton.retry(execution.id, model="scripted:second")
        with pytest.raises(NotFoundError, match="no step 'b'"):
            await baton.fork(execution.id, "b", step_input={"amount": 1})


@pytest.mark.capability("D03", "C14")
async def test_edits_go_with_a_newer_definition(database: Path) -> None:
    """The newest published one, with an edited input, in a crash too: they are kept with the execution."""
    bank = Bank()
    one = {"name": "charge", "type": "function", "config": {"function": "charge", "args": {"amount": 500}}}
    two = {**one, "depends_on": ["ok"], "config": {"function": "charge", "args": {"amount": 600, "currency": "CHF"}}}
    ok = {"name": "ok", "type": "approval"}
    async with engine(database, resources=[Functions([bank.charge])]) as baton:
        await baton.publish(workflow("w", [one]))
        execution = await finished(baton, await baton.start("w"))
        await baton.publish(workflow("w", [ok, two], version="2.0"))
        fork = await rested(baton, await baton.fork(execution.id, "charge", step_input={"amount": 6}, newest=True))
    async with engine(database, resources=[Functions([bank.charge])]) as baton:
        await baton.decide(fork.id, "ok", "approve")
        fork = await finished(baton, fork)
    assert (fork.status, fork.version) == ("completed", "2.0")
    assert bank.charged[1:] == [(6, "CHF", "charge:0")]
