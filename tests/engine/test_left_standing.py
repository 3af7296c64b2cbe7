"""What cannot be undone is named by the end of an execution that is undone, or fails: exactly what was really done."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents import Call, Failure, Models, Script, Tool, Tools, Turn, tool
from graphs.errors import StepError
from graphs.steps import StepContext
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.desk import DONE, Desk, agent, resources
from tests.support.engine.engines import act, engine, finished, run, workflow


def _said(standing: Any) -> list[tuple[str, str, str | None]]:
    return [(one["path"], one["reason"], one.get("outcome")) for one in standing]


class Bank:
    """Transfers by key, and rooms that are booked and given back."""

    def __init__(self) -> None:
        self.transfers: dict[str, int] = {}
        self.rooms: set[str] = set()
        self.about_to_pay: Callable[[], None] | None = None

    def tools(self) -> Tools:
        def transfer(amount: int, context: StepContext) -> dict[str, int]:
            if self.about_to_pay is not None:
                self.about_to_pay()
            if amount < 0:
                raise ValueError("nobody pays less than nothing")
            self.transfers.setdefault(context.idempotency_key, amount)
            return {"amount": amount}

        def book(room: str) -> dict[str, str]:
            self.rooms.add(room)
            return {"room": room}

        def leave(room: str) -> None:
            self.rooms.discard(room)

        return Tools(
            [
                Tool("transfer", "Sends money.", transfer, effect="irreversible"),
                Tool("book", "Books a room.", book, undo="leave"),
                Tool("leave", "Gives a room back.", leave),
            ]
        )

    @staticmethod
    def models() -> Models:
        turns = (
            Turn(calls=(Call("book", {"room": "blue"}), Call("transfer", {"amount": -1}))),
            Turn(calls=(Call("transfer", {"amount": 7}),)),
            Turn(failures=(Failure("authentication"),) * 100),
        )
        return Models(allow_real=False, scripts=[Script("s", turns)])


async def _carried_out(database: Path, bank: Bank) -> list[dict[str, Any]]:
    async with engine(database, resources=[bank.tools(), bank.models()]) as baton:
        if await baton.store.execution("e") is None:
            await baton.start(workflow("w", [agent(tools=["book", "transfer"])]), {}, execution_id="e")
        execution = await finished(baton, "e")
        assert execution.status == "compensated"
        return list(await baton.left_standing(execution))


@pytest.mark.capability("E11", "I05")
@pytest.mark.parametrize("left", range(7))
async def test_what_an_agent_did_that_nothing_undoes_is_named_wherever_it_dies(tmp_path: Path, left: int) -> None:
    """The call that was refused is not, nor what was undone; a process that dies takes nothing of it along: not before
    the call, while it is made, nor while the rest is undone."""
    bank, crash = Bank(), Crash(1_000)
    bank.about_to_pay = lambda: setattr(crash, "left", left)
    with crashing(crash):
        assert not await either(_carried_out(tmp_path / "e.db", bank), crash)
    bank.about_to_pay = None
    standing = await asyncio.wait_for(_carried_out(tmp_path / "e.db", bank), 60)
    assert bank.rooms == set()
    assert [(one["tool"], one["idempotency_key"]) for one in standing] == [("transfer", *bank.transfers)]
    assert all("outcome" not in one for one in standing)


@pytest.mark.capability("E11", "X24")
async def test_a_call_that_cannot_be_undone_and_was_cut_off_is_named_as_perhaps_made(database: Path) -> None:
    @tool(effect="irreversible")
    def send(to: str) -> None:
        """Send something."""
        raise StepError("the line is dead", category="dependency", outcome="unknown")

    async with engine(database, resources=[Tools([send])]) as baton:
        steps = [{"name": "send", "type": "tool", "config": {"args": {"to": "ann"}}}]
        execution = await run(baton, workflow("w", steps))
        standing = await baton.left_standing(execution)
    assert execution.status == "failed"
    assert _said(standing) == [("send", "irreversible", "unknown")]


async def test_of_what_came_to_a_good_end_nothing_is_left_standing(database: Path) -> None:
    desk = Desk()
    given = resources(desk, DONE, tools=[desk.tool("pay", effect="irreversible")])
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", [{"name": "pay", "type": "tool"}]))
        end = (await baton.records(execution.id))[-1]
        assert (execution.status, await baton.left_standing(execution)) == ("completed", [])
    assert "left_standing" not in end.data


@pytest.mark.capability("E19", "E11")
async def test_a_part_that_is_done_without_names_what_it_leaves(database: Path) -> None:
    desk = Desk()
    given = resources(desk, DONE, tools=[desk.tool("pay", effect="irreversible")])
    items = {"name": "map", "type": "map", "config": {"items": [1, 2], "min_success": 1}}
    items["steps"] = [{"name": "pay", "type": "tool"}, act("sign", fail="{{ item == 2 }}")]
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", [items]))
        end = (await baton.records(execution.id))[-1]
    assert execution.status == "completed"
    assert _said(end.data["left_standing"]) == [("map[1].pay", "irreversible", None)]


@pytest.mark.capability("E12")
async def test_what_could_not_be_undone_is_named_and_no_more_once_it_is(database: Path) -> None:
    """And a retry under new keys leaves what was done under the old ones."""
    desk, broken = Desk(), [True]

    def unbook(context: StepContext, amount: int = 0) -> None:
        if broken:
            raise ValueError("nobody answers")

    tools = [
        desk.tool("book", undo="unbook"),
        Tool("unbook", "Gives back.", unbook),
        desk.tool("pay", effect="irreversible"),
    ]
    steps = [
        {"name": "book", "type": "tool"},
        {"name": "pay", "type": "tool", "depends_on": ["book"]},
        act("bad", "pay", fail=True),
    ]
    async with engine(database, resources=resources(desk, DONE, tools=tools)) as baton:
        execution = await run(baton, workflow("w", steps))
        assert execution.status == "compensation_failed"
        pay = ("pay", "irreversible", None)
        assert _said(await baton.left_standing(execution)) == [pay, ("book", "not_undone", None)]
        broken.clear()
        letters = await baton.dead_letters()
        await baton.redrive([letter.id for letter in letters if letter.kind == "compensation"])
        execution = await finished(baton, execution.id)
        assert (execution.status, _said(await baton.left_standing(execution))) == ("compensated", [pay])
        await baton.retry(execution.id)
        execution = await finished(baton, execution.id)
        keys = [one["idempotency_key"] for one in await baton.left_standing(execution)]
        assert keys == [f"{execution.id}:pay:0", f"{execution.id}:pay:1"]
        assert [key for name, _, key in desk.calls if name == "pay"] == keys


async def test_a_call_that_nobody_makes_again_after_a_crash_is_named_as_perhaps_made(database: Path) -> None:
    """It was cancelled before anybody could take it up."""
    desk, crash = Desk(), Crash(1_000)

    def pay(context: StepContext) -> None:
        crash.left = 0

    steps = [{"name": "pay", "type": "tool"}]
    tools = [Tool("pay", "Pays.", pay, effect="irreversible")]

    async def live() -> None:
        async with engine(database, resources=resources(desk, DONE, tools=tools)) as baton:
            await finished(baton, await baton.start(workflow("w", steps), {}, execution_id="e"))

    with crashing(crash):
        assert not await either(live(), crash)
    async with engine(database, drive=False) as baton:
        await baton.cancel("e")
    async with engine(database, resources=resources(desk, DONE, tools=tools)) as baton:
        execution = await finished(baton, "e")
        assert execution.status == "cancelled"
        assert _said(await baton.left_standing(execution)) == [("pay", "irreversible", "unknown")]


@pytest.mark.parametrize("again", [False, True], ids=["under the same keys", "under new keys"])
async def test_what_was_made_anew_under_new_keys_stands_twice(database: Path, again: bool) -> None:
    """Also when all goes well at last: nobody wanted the first one any more."""
    desk = Desk()
    given = resources(desk, DONE, tools=[desk.tool("pay", effect="irreversible")])
    pay = {"name": "pay", "type": "tool", "config": {"args": {}}}
    steps = [pay, act("bad", "pay", fail="{{ input.bad }}")]
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", steps), {"bad": True})
        await baton.retry(execution.id, from_step="pay", again=again, edit={"bad": False} if again else None)
        execution = await finished(baton, execution)
        standing = await baton.left_standing(execution)
    assert execution.status == ("completed" if again else "failed")
    assert [one["idempotency_key"] for one in standing] == [f"{execution.id}:pay:0"]
    assert [key for *_, key in desk.calls] == [f"{execution.id}:pay:0", f"{execution.id}:pay:{int(again)}"]
