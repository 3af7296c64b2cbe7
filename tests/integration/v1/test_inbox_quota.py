"""A tenant keeps so many events that nothing has taken, and others are not touched by it (A22)."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from graphs.clock import ManualClock
from orchestrator.quota import Quota, TooManyEventsError
from orchestrator.store.port import DEFAULT_TENANT
from tests.integration.v1.test_triggers import until_seen
from tests.support.engine.engines import ask, engine
from tests.support.engine.engines import workflow as one_question
from tests.support.gateway.calls import publish, start, until_rest
from tests.support.gateway.definitions import announces, asks, awaits, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import serving

pytestmark = pytest.mark.capability("O21")


async def send(client: httpx.AsyncClient, kind: str, **more: Any) -> httpx.Response:
    return await client.post("/v1/events", json={"type": kind, **more})


async def early(client: httpx.AsyncClient) -> dict[str, float]:
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    samples = {sample.name: sample.value for family in families for sample in family.samples}
    return {name.removeprefix("baton_events_"): samples[name] for name in samples if name.startswith("baton_events_")}


@asynccontextmanager
async def house(path: Path, *tenants: str, **limits: int) -> AsyncIterator[tuple[Any, list[httpx.AsyncClient]]]:
    async with serving(path / "baton.db", **limits) as served, AsyncExitStack() as stack:
        keys = [await make_key(served.gateway.orchestrator, "admin", tenant=tenant) for tenant in tenants]
        yield served, [await stack.enter_async_context(caller(served.url, key)) for key in keys]


async def test_one_event_too_many_is_refused_to_that_tenant_only(tmp_path: Path) -> None:
    async with house(tmp_path, "ours", "theirs", max_tenant_events=3) as (_, [ours, theirs]):
        for number in range(3):
            assert (await send(ours, "unknown", id=f"e{number}")).status_code == 200
        refused = await send(ours, "unknown")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_events")
        assert refused.headers["retry-after"] == "61"
        assert refused.json()["detail"] == (
            "Tenant 'ours' has 3 events that nothing has taken, which is as many as it may. Check whether what they "
            "are for still runs and waits for this type, or raise BATON_MAX_TENANT_EVENTS."
        )
        again = await send(ours, "unknown", id="e1")
        assert (again.status_code, again.json()["repeated"]) == (200, True)
        assert (await send(theirs, "unknown")).status_code == 200
        standing = await early(ours)
        assert (standing["early"], standing["early_bytes"]) == (3, 6)
        assert standing["early_age_seconds"] >= 0


async def test_bytes_are_counted_and_what_is_larger_than_all_may_be_is_a_413(tmp_path: Path) -> None:
    async with house(tmp_path, "ours", max_tenant_event_bytes=1000) as (_, [ours]):
        huge = await send(ours, "unknown", data="x" * 2000)
        assert (huge.status_code, huge.json()["code"]) == (413, "event_too_large")
        assert (await send(ours, "unknown", data="é" * 400)).status_code == 200
        refused = await send(ours, "unknown", data="x" * 300)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_events")
        assert "802 bytes of events" in refused.json()["detail"]


async def test_what_is_taken_makes_room_and_what_is_awaited_is_never_refused(tmp_path: Path) -> None:
    async with house(tmp_path, "ours", max_tenant_events=1) as (served, [ours]):
        await publish(ours, workflow("w", awaits("wait", "paid")))
        execution = (await start(ours, workflow="w"))["id"]
        await until_rest(served, execution)
        assert (await send(ours, "unknown")).status_code == 200
        taken = await send(ours, "paid")
        assert (taken.status_code, len(taken.json()["matched"])) == (200, 1)
        assert (await send(ours, "unknown")).status_code == 429
        await publish(ours, workflow("u", awaits("wait", "unknown"), version="2.0"))
        late = (await start(ours, workflow="u"))["id"]
        await until_rest(served, late)
        # It began after that event, so this one is for it; the other is still there.
        assert len((await send(ours, "unknown")).json()["matched"]) == 1
        assert (await early(ours))["early"] == 1


async def test_an_event_that_came_early_makes_room_when_a_wait_takes_it(tmp_path: Path) -> None:
    async with house(tmp_path, "ours", max_tenant_events=1) as (served, [ours]):
        await publish(
            ours,
            workflow("w", awaits("first", "a"), {**awaits("second", "b"), "depends_on": ["first"]}),
        )
        execution = (await start(ours, workflow="w"))["id"]
        await until_rest(served, execution)
        assert (await send(ours, "b")).json()["matched"] == []
        assert (await send(ours, "c")).status_code == 429
        assert len((await send(ours, "a")).json()["matched"]) == 1
        await served.gateway.orchestrator.wait(execution)
        assert (await early(ours))["early"] == 0
        assert (await send(ours, "c")).status_code == 200


async def test_what_workflows_emit_leaves_the_room_to_events_from_outside(tmp_path: Path) -> None:
    async with house(tmp_path, "ours", max_tenant_events=1, max_tenant_event_bytes=100) as (served, [ours]):
        says = [announces(f"say_{number}", "nobody.asked", text="x" * 50) for number in range(3)]
        await publish(ours, workflow("w", *says))
        execution = (await start(ours, workflow="w"))["id"]
        assert (await served.gateway.orchestrator.wait(execution)).status == "completed"
        assert (await early(ours))["early"] == 0
        assert (await send(ours, "unknown")).status_code == 200
        assert (await send(ours, "unknown")).status_code == 429
        # A wait that opens later finds what was emitted all the same.
        await publish(ours, workflow("v", announces("say", "done"), {**awaits("wait", "done"), "depends_on": ["say"]}))
        late = (await start(ours, workflow="v"))["id"]
        assert (await served.gateway.orchestrator.wait(late)).status == "completed"
        standing = await early(ours)
        assert (standing["early"], standing["early_bytes"]) == (1, 2)


async def test_an_event_that_a_trigger_takes_is_never_refused(tmp_path: Path) -> None:
    async with house(tmp_path, "ours", "theirs", max_tenant_events=1, max_tenant_event_bytes=60) as (served, houses):
        ours, theirs = houses
        await publish(ours, workflow("ship", asks(), triggers=[{"event": "paid", "condition": "event.data.fits"}]))
        for each in houses:
            assert (await send(each, "unknown")).status_code == 200
            assert (await send(each, "unknown")).status_code == 429
        for number in range(3):
            answer = await send(ours, "paid", data={"fits": True, "long": "x" * 50 * number})
            assert answer.status_code == 200, answer.text
        assert (await send(ours, "paid", data={"fits": False})).status_code == 429
        assert (await send(ours, "paid", data={})).status_code == 429
        assert (await send(theirs, "paid", data={"fits": True})).status_code == 429
        await until_seen(served)
        assert len((await ours.get("/v1/executions", params={"workflow": "ship"})).json()["executions"]) == 3
        assert (await early(ours))["early"] == 1
        assert (await ours.post("/v1/triggers/ship/paid/disable")).status_code == 200
        assert (await send(ours, "paid", data={"fits": True})).status_code == 429


async def test_an_event_that_started_a_workflow_is_taken(tmp_path: Path) -> None:
    async with house(tmp_path, "ours", max_tenant_events=1) as (served, [ours]):
        await publish(ours, workflow("ship", asks(), triggers=[{"event": "paid", "condition": "event.data.fits"}]))
        for _ in range(3):
            assert (await send(ours, "paid", data={"fits": True})).status_code == 200
            await until_seen(served)
        assert (await send(ours, "paid", data={"fits": False})).status_code == 200
        await until_seen(served)
        assert (await send(ours, "paid", data={"fits": False})).status_code == 429


async def test_old_events_make_room_unless_an_execution_may_still_take_them(tmp_path: Path) -> None:
    clock, quota = ManualClock(), Quota(events=2, event_age=timedelta(days=1))
    async with engine(tmp_path / "baton.db", clock=clock) as baton:

        async def sent(kind: str) -> str:
            for event in await baton.store.untold_events(10):
                await baton.store.triggers_saw(event.seq, taken=False)
            return (await baton.publish_event(kind, tenant=DEFAULT_TENANT, quota=quota)).id

        await sent("a")
        clock.advance(2 * 86_400)
        asked = await baton.start(one_question("w", [ask("a")]))
        await sent("b")
        await sent("c")  # in place of the first, which came before anything that goes on
        clock.advance(2 * 86_400)
        with pytest.raises(TooManyEventsError):
            await sent("d")
        await baton.cancel(asked.id)
        await baton.wait(asked.id)
        await sent("d")
        assert (await baton.store.counted(DEFAULT_TENANT)).early == 1
