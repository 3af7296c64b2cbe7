"""Events start published workflows: once each, also when the gateway is killed in between."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from graphs.clock import SystemClock
from orchestrator.store.sqlite import SqliteStore
from tests.support.gateway.calls import publish, start, until_rest
from tests.support.gateway.definitions import announces, asks, lasts, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.process import process
from tests.support.gateway.serving import FUNCTIONS, Served, serving
from tests.support.listening import free_port

pytestmark = pytest.mark.capability("I16")

SHIP = workflow(
    "ship",
    announces("go", "order.shipped", order="{{ input.order }}"),
    triggers=[
        {
            "event": "order.paid",
            "condition": "event.data.amount > 100",
            "input": {"order": "{{ event.data.id }}", "by": "{{ event.key }}"},
        }
    ],
    input={"schema": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}},
)


async def executions(client: httpx.AsyncClient, **which: str) -> list[Any]:
    found: list[Any] = (await client.get("/v1/executions", params=which)).json()["executions"]
    return found


async def until_seen(served: Served) -> None:
    """Until the triggers have looked at every event."""
    store = served.gateway.orchestrator.store
    async with asyncio.timeout(60):
        while await store.untold_events(1):
            await asyncio.sleep(0.01)


async def pay(client: httpx.AsyncClient, order: str, amount: int, **more: Any) -> Any:
    event = {"type": "order.paid", "data": {"id": order, "amount": amount}, **more}
    answer = await client.post("/v1/events", json=event)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_event_that_fits_starts_it_once_with_what_is_made_of_it(
    client: httpx.AsyncClient, served: Served
) -> None:
    await pay(client, "A-0", 500)  # before there is a trigger
    await publish(client, SHIP)
    await pay(client, "A-1", 500, id="e-1", key="ann")
    await pay(client, "A-1", 500, id="e-1", key="ann")
    await pay(client, "A-2", 50)
    await until_seen(served)
    [started] = await executions(client, workflow="ship")
    assert started["metadata"] == {
        "trigger": "order_paid",
        "event_id": "e-1",
        "event_type": "order.paid",
        "trigger_depth": 1,
        "started_by": "trigger:order_paid",
    }
    shown = (await client.get(f"/v1/executions/{started['id']}")).json()["execution"]
    assert shown["input"] == {"order": "A-1", "by": "ann"}


@pytest.mark.parametrize("emitted", [False, True], ids=["published", "emitted by what they started"])
async def test_who_publishes_an_event_does_not_approve_what_it_starts(served: Served, *, emitted: bool) -> None:
    store = served.gateway.orchestrator
    ann, ben = [await make_key(store, "editor", name=name) for name in ("ann", "ben")]
    async with caller(served.url, ann) as one, caller(served.url, ben) as other:
        await publish(one, workflow("asking", asks(separate_from=["starter"]), triggers=[{"event": "go"}]))
        if emitted:
            await publish(one, workflow("calling", announces("call", "go")))
            await start(one, workflow="calling")
        else:
            assert (await one.post("/v1/events", json={"type": "go"})).status_code == 200
        async with asyncio.timeout(60):
            while not (found := await executions(one, workflow="asking")):
                await asyncio.sleep(0.01)
        await until_rest(served, found[0]["id"])
        where = f"/v1/approvals/{found[0]['id']}/ask"
        asked = (await one.get(where)).json()
        decision = {"decision": "approve", "digest": asked["digest"]}
        refused = await one.post(f"{where}/decide", json=decision)
        assert (asked["started_by"], refused.status_code) == ("ann", 403)
        assert refused.json()["code"] == "duties_not_separate"
        assert (await other.post(f"{where}/decide", json=decision)).status_code == 200


async def test_triggers_are_listed_and_switched(client: httpx.AsyncClient, served: Served) -> None:
    await publish(client, SHIP)
    [trigger] = (await client.get("/v1/triggers")).json()["triggers"]
    assert (trigger["workflow"], trigger["name"], trigger["enabled"]) == ("ship", "order_paid", True)
    assert (await client.post("/v1/triggers/ship/order_paid/disable")).json()["enabled"] is False
    await pay(client, "A-1", 500)
    await until_seen(served)
    assert await executions(client) == []
    assert (await client.post("/v1/triggers/ship/order_paid/enable")).json()["enabled"] is True
    await pay(client, "A-2", 500)
    await until_seen(served)
    assert len(await executions(client)) == 1
    missing = await client.post("/v1/triggers/ship/nobody/enable")
    assert (missing.status_code, missing.json()["code"]) == (404, "trigger_not_found")


async def test_the_newest_version_counts_and_one_that_is_deprecated_does_not(
    client: httpx.AsyncClient, served: Served
) -> None:
    await publish(client, workflow("w", announces("a", "x"), triggers=[{"event": "go"}]))
    await publish(client, workflow("w", announces("a", "x"), version="2.0", triggers=[{"event": "run"}]))
    for event in ("go", "run"):
        await client.post("/v1/events", json={"type": event})
    await until_seen(served)
    assert [one["version"] for one in await executions(client)] == ["2.0"]
    for version in ("1.0", "2.0"):
        await client.post(f"/v1/workflows/w/versions/{version}/deprecate")
    await client.post("/v1/events", json={"type": "run"})
    await until_seen(served)
    assert len(await executions(client)) == 1


async def test_what_could_not_be_started_is_kept_and_started_after_all(
    client: httpx.AsyncClient, served: Served
) -> None:
    await publish(client, workflow("w", announces("a", "x"), input=_takes("n"), triggers=[{"event": "go"}]))
    await client.post("/v1/events", json={"type": "go", "id": "e-1", "data": {"other": 1}})
    await until_seen(served)
    shown = (await client.get("/v1/triggers/w/go")).json()
    assert [(one["event"], one["error"]["code"]) for one in shown["failed"]] == [("e-1", "input_invalid")]
    await publish(client, workflow("w", announces("a", "x"), version="2.0", triggers=[{"event": "go"}]))
    done = (await client.post("/v1/triggers/w/go/redrive", json={"event": "e-1"})).json()
    assert done["execution"]["version"] == "2.0"
    assert (await client.get("/v1/triggers/w/go")).json()["failed"] == []
    again = (await client.post("/v1/triggers/w/go/redrive", json={"event": "e-1"})).json()
    assert again["execution"]["id"] == done["execution"]["id"]
    assert (await client.post("/v1/triggers/w/go/redrive", json={"event": "x"})).status_code == 404


def _takes(name: str) -> Any:
    return {"schema": {"type": "object", "properties": {name: {"type": "number"}}, "required": [name]}}


async def test_workflows_that_start_one_another_come_to_an_end(client: httpx.AsyncClient, served: Served) -> None:
    await publish(client, workflow("echo", announces("again", "ping"), triggers=[{"event": "ping"}]))
    await client.post("/v1/events", json={"type": "ping"})
    async with asyncio.timeout(60):
        while not (await client.get("/v1/triggers/echo/ping")).json()["failed"]:
            await asyncio.sleep(0.05)
    assert len(await executions(client)) == 10
    [failed] = (await client.get("/v1/triggers/echo/ping")).json()["failed"]
    assert failed["error"]["code"] == "trigger_circle"


async def test_each_tenants_events_start_its_own(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served:
        keys = [await make_key(served.gateway.orchestrator, "admin", tenant=tenant) for tenant in ("ours", "theirs")]
        async with caller(served.url, keys[0]) as ours, caller(served.url, keys[1]) as theirs:
            for client in (ours, theirs):
                await publish(client, workflow("w", announces("a", "x"), triggers=[{"event": "go"}]))
            await ours.post("/v1/events", json={"type": "go"})
            await until_seen(served)
            assert (len(await executions(ours)), len(await executions(theirs))) == (1, 0)
            # What another process publishes for everybody starts everybody's.
            await served.gateway.orchestrator.publish_event("go")
            await until_seen(served)
            assert (len(await executions(ours)), len(await executions(theirs))) == (2, 1)


async def test_definitions_say_what_is_wrong_with_their_triggers(client: httpx.AsyncClient) -> None:
    wrong = workflow(
        "w",
        announces("a", "x"),
        triggers=[
            {"event": "go", "condition": "evnt.data.x > 1"},
            {"event": "go", "input": {"m": "{{ event.datum }}"}},
        ],
        input=_takes("n"),
    )
    problems = (await client.post("/v1/workflows/validate", content=wrong)).json()["problems"]
    assert {problem["code"] for problem in problems} >= {"unknown_name", "trigger_twice", "trigger_input"}


async def test_a_fixed_input_that_does_not_fit_is_told_when_it_is_published(client: httpx.AsyncClient) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1}, "who": {"type": "object"}, "m": {"type": "integer"}},
        "required": ["n"],
    }
    triggers = [
        {"event": "bad", "input": {"n": "many", "m": "{{ event.data.m }}", "who": {"name": "{{ event.data.who }}"}}},
        {"event": "low", "input": {"n": 0}},
        {"event": "good", "input": {"n": 1, "m": "{{ event.data.m }}"}},
    ]
    wrong = workflow("w", announces("a", "x"), triggers=triggers, input={"schema": schema})
    answer = await client.post("/v1/workflows", content=wrong)
    assert answer.status_code == 422
    found = [(one["code"], one["where"], one["message"]) for one in answer.json()["problems"]]
    assert [(code, where) for code, where, _ in found] == [
        ("trigger_input", "triggers[0].input"),
        ("trigger_input", "triggers[1].input"),
    ], found
    assert all("input.n: " in message for _, _, message in found)


@pytest.fixture
async def killed(tmp_path: Path) -> AsyncIterator[Path]:
    """A database with an event that nobody has looked at: its gateway was killed right after it was published."""
    database = tmp_path / "baton.db"
    async with process(database, free_port()) as gateway, caller(gateway.url) as client:
        await publish(client, SHIP)
        for order in ("A-1", "A-2"):
            await pay(client, order, 500, id=order)
        await gateway.kill()
    yield database


async def test_events_survive_a_kill_and_start_once(killed: Path) -> None:
    # As if the process had died between the starts and its note of them.
    with closing(sqlite3.connect(killed)) as db, db:
        db.execute("UPDATE trigger_place SET seen = 0")
    async with process(killed, free_port()) as gateway, caller(gateway.url) as client:
        await pay(client, "A-3", 500, id="A-3")  # seen after the others, so that these are through when it is
        await pay(client, "A-1", 500, id="A-1")
        async with asyncio.timeout(60):
            while "A-3" not in (found := [one["metadata"]["event_id"] for one in await executions(client)]):
                await asyncio.sleep(0.05)
    assert sorted(found) == ["A-1", "A-2", "A-3"]


async def test_what_there_is_no_room_for_is_started_when_there_is(tmp_path: Path) -> None:
    at = serving(tmp_path / "baton.db", modules=(FUNCTIONS,), max_tenant_runs=1)
    async with at as served, caller(served.url) as client:
        await publish(client, workflow("rests", lasts("rest", tmp_path / "counted")))
        await publish(client, workflow("w", announces("a", "x"), triggers=[{"event": "go"}]))
        at_work = (await start(client, workflow="rests"))["id"]
        await client.post("/v1/events", json={"type": "go", "id": "e-1"})
        await until_seen(served)
        [aside] = (await client.get("/v1/triggers/w/go")).json()["failed"]
        assert (aside["event"], aside["error"]["code"]) == ("e-1", "too_many_runs")
        assert await executions(client, workflow="w") == []
        refused = await client.post("/v1/triggers/w/go/redrive", json={"event": "e-1"})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_runs")
        await served.gateway.orchestrator.cancel(at_work)
        await served.gateway.orchestrator.wait(at_work)
        assert await served.gateway.triggers.again() is True
        [started] = await executions(client, workflow="w")
        assert started["metadata"]["event_id"] == "e-1"
        assert (await client.get("/v1/triggers/w/go")).json()["failed"] == []


async def test_what_another_process_publishes_is_heard_at_once(client: httpx.AsyncClient, served: Served) -> None:
    await publish(client, workflow("w", announces("a", "x"), triggers=[{"event": "go"}]))
    async with SqliteStore.open(served.gateway.orchestrator.store.path, clock=SystemClock()) as other:
        await other.publish_event("go", {}, key=None, source=None)
    # Unheard, it would be found within half a minute.
    async with asyncio.timeout(60):
        while not await executions(client, workflow="w"):
            await asyncio.sleep(0.05)
