"""Webhooks to others: signed, in order, tried again, put aside in the end; never into our own network unasked."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import orjson
import pytest

from graphs.clock import ManualClock
from graphs.loader import load_workflow
from graphs.steps import Logger
from orchestrator.engine import Orchestrator
from orchestrator.logs import logger
from orchestrator.settings import Settings
from orchestrator.store.port import Target
from orchestrator.webhooks import posting
from orchestrator.webhooks.outbound import Outbound
from orchestrator.webhooks.posting import JITTER, SCHEDULE
from orchestrator.webhooks.signing import Secret, verified
from tests.support.gateway.calls import publish, start
from tests.support.gateway.definitions import announces, workflow
from tests.support.gateway.listener import Listener, listening
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import serving

pytestmark = pytest.mark.capability("I15")


def quiet_log() -> Logger:
    return logger(Settings(log_level="error"))


async def test_a_target_is_told_of_its_tenants_ends_signed_and_once(tmp_path: Path) -> None:
    async with listening() as listener, serving(tmp_path / "baton.db", webhook_networks=("127.0.0.0/8",)) as served:
        baton = served.gateway.orchestrator
        keys = [await make_key(baton, "admin", tenant=tenant) for tenant in ("ours", "theirs")]
        async with caller(served.url, keys[0]) as ours, caller(served.url, keys[1]) as theirs:
            target = (await ours.post("/v1/webhook-targets", json={"url": listener.url})).json()
            for client in (theirs, ours):
                await publish(client, workflow("w", announces("go", "gone")))
                await baton.wait((await start(client, workflow="w"))["id"])
            await listener.until(1)
            shown = (await ours.get(f"/v1/webhook-targets/{target['id']}")).json()
            assert "secret" not in shown
            assert (await theirs.get(f"/v1/webhook-targets/{target['id']}")).status_code == 404
        [(headers, body)] = listener.heard
        now = baton.clock.now()
        message_id = verified([Secret(target["secret"])], headers, body, now).id
        said = orjson.loads(body)
        assert (said["type"], message_id) == ("execution.completed", f"{target['id']}_{said['data']['seq']}")


async def test_our_own_network_is_not_called(tmp_path: Path) -> None:
    async with listening() as listener, serving(tmp_path / "baton.db") as served, caller(served.url) as client:
        target = (await client.post("/v1/webhook-targets", json={"url": listener.url})).json()
        await publish(client, workflow("w", announces("go", "gone")))
        execution_id = (await start(client, workflow="w"))["id"]
        await served.gateway.orchestrator.wait(execution_id)
        async with asyncio.timeout(60):
            while not (error := (await client.get(f"/v1/webhook-targets/{target['id']}")).json()["error"]):
                await asyncio.sleep(0.05)
        assert "127.0.0.1 is not public, so it is not called" in error
        assert listener.heard == []


@pytest.mark.parametrize("url", ["ftp://x", "http://", "nonsense", "http://u:p@x.example/", "http://[::1"])
async def test_what_is_no_place_is_refused(client: httpx.AsyncClient, url: str) -> None:
    assert (await client.post("/v1/webhook-targets", json={"url": url})).status_code == 422


async def filled(baton: Orchestrator, listener: Listener, count: int) -> Any:
    """Executions that ended, and a target that is to be told of them."""
    loaded = load_workflow(
        workflow("w", announces("go", "gone")), step_types=baton.catalogue.library.step_types
    ).workflow
    secret = baton.catalogue.cipher().encrypt("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    target = Target(
        id="t",
        tenant="default",
        url=listener.url,
        kinds=("execution.completed",),
        secret=secret,
        created_at=baton.clock.now(),
    )
    await baton.store.add_target(target)
    for _ in range(count):
        await baton.wait((await baton.start(loaded)).id)


async def test_a_target_that_fails_is_tried_again_by_the_schedule_and_then_passed_by(tmp_path: Path) -> None:
    clock = ManualClock()
    async with listening() as listener, Orchestrator.open(Settings(database=tmp_path / "b.db"), clock=clock) as baton:
        await filled(baton, listener, 2)
        outbound = Outbound(baton, ("127.0.0.0/8",), quiet_log())
        listener.status = 500
        for attempt, pause in enumerate(SCHEDULE, start=1):
            await outbound.once()
            await outbound.once()  # not before its time
            assert len(listener.heard) == attempt
            clock.advance(pause * (1 + JITTER))
        await outbound.once()
        [aside] = await baton.store.untold("t")
        assert aside.error == "it answered 500"
        ids = {headers["webhook-id"] for headers, _ in listener.heard}
        assert len(ids) == 1  # the same message each time
        listener.status = 200
        await outbound.once()
        assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 2
        await baton.store.tell_again("t", 0)
        before = len(listener.heard)
        await outbound.once()
        assert len(listener.heard) == before + 2
        assert await baton.store.untold("t") == []


async def test_what_was_told_is_not_told_again_after_a_restart(tmp_path: Path) -> None:
    async with listening() as listener:
        async with Orchestrator.open(Settings(database=tmp_path / "b.db")) as baton:
            await filled(baton, listener, 3)
            await Outbound(baton, ("private",), quiet_log()).once()
        assert [body["type"] for body in listener.bodies] == ["execution.completed"] * 3
        async with Orchestrator.open(Settings(database=tmp_path / "b.db")) as baton:
            await Outbound(baton, ("private",), quiet_log()).once()
        assert len(listener.heard) == 3


async def test_a_target_that_does_not_answer_delays_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "_TIMEOUT", 600.0)
    monkeypatch.setattr(posting, "_IN_ALL", 600.0)
    networks = ("127.0.0.0/8",)
    async with (
        listening() as hanging,
        listening() as quick,
        serving(tmp_path / "baton.db", webhook_networks=networks) as served,
        caller(served.url) as client,
    ):
        hanging.answers.clear()
        await publish(client, workflow("w", announces("go", "gone")))
        for one in (hanging, quick):
            await client.post("/v1/webhook-targets", json={"url": one.url})
        for _ in range(3):
            execution = await start(client, workflow="w")
            await served.gateway.orchestrator.wait(execution["id"])
        await quick.until(3)
        await hanging.until(1)
        assert len(hanging.heard) == 1  # in its order: the next one is sent when this one is answered for
        hanging.answers.set()
        await hanging.until(3)
        assert [body["data"]["seq"] for body in hanging.bodies] == [body["data"]["seq"] for body in quick.bodies]


async def test_the_next_attempt_is_made_when_it_is_due(tmp_path: Path) -> None:
    clock = ManualClock()

    async def passing(condition: Callable[[], bool]) -> None:
        """Let time go by in small pieces until something is so."""
        async with asyncio.timeout(60):
            while not condition():
                clock.advance(0.02)
                await asyncio.sleep(0.005)

    async with listening() as listener, Orchestrator.open(Settings(database=tmp_path / "b.db"), clock=clock) as baton:
        await filled(baton, listener, 1)
        target = lambda: cast(Target, baton.store.target("t"))  # noqa: E731
        listener.status = 500
        async with Outbound(baton, ("127.0.0.0/8",), quiet_log()).serving():
            for attempt in (1, 2):
                await passing(lambda attempt=attempt: target().failures == attempt)  # type: ignore[misc]
                clock.advance((target().next_at - clock.now()).total_seconds() - 1)  # type: ignore[operator]
                await baton.store.barrier()
                assert len(listener.heard) == attempt
            listener.status = 200
            await passing(lambda: target().told > 0)
        assert len(listener.heard) == 3
        assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 1
