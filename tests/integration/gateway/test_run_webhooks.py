"""`webhook=` of langgraph-sdk: whoever is named is told how a run ended; signed, tried again, put aside in the end."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from graphs.clock import ManualClock
from orchestrator.engine import Orchestrator
from orchestrator.serving.served import Caller
from orchestrator.settings import Settings
from orchestrator.store.served.putting import NewRun
from orchestrator.store.served.values import Ended, Run, Thread
from orchestrator.webhooks import posting
from orchestrator.webhooks.outbound import Outbound
from orchestrator.webhooks.posting import JITTER, SCHEDULE
from orchestrator.webhooks.signing import Secret, verified
from tests.support.gateway.listener import listening
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.process import process
from tests.support.gateway.serving import GRAPHS, Served, serving
from tests.support.listening import free_port

pytestmark = pytest.mark.capability("I15")
OWN = ("127.0.0.0/8",)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "baton.db", config=GRAPHS, webhook_networks=OWN) as gateway:
        yield gateway


@pytest.fixture
async def client(served: Served) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=served.url, api_key=None) as sdk:
        yield sdk


async def test_the_end_of_a_run_is_told_signed_with_what_it_left(client: LangGraphClient, served: Served) -> None:
    async with listening() as listener, caller(served.url) as http:
        thread = await client.threads.create()
        run = await client.runs.create(thread["thread_id"], "echo", input={"text": "a"}, webhook=listener.url)
        await listener.until(1)
        [(headers, body)] = listener.heard
        secret = (await http.post("/v1/run-webhooks/secret")).json()["secret"]
        assert verified([Secret(secret)], headers, body, datetime.now(UTC)).id == f"run_{run['run_id']}"
        [told] = listener.bodies
        assert (told["run_id"], told["thread_id"], told["status"]) == (run["run_id"], thread["thread_id"], "success")
        assert told["values"] == {"text": "a", "said": ["echo: a"]}
        assert told["run_ended_at"] and told["run_started_at"] and told["webhook_sent_at"]
        async with asyncio.timeout(60):  # it hears of the answer after we have given it
            while (await http.get("/v1/run-webhooks")).json() != {"run_webhooks": []}:
                pass
        turned = (await http.post("/v1/run-webhooks/secret/rotate")).json()["secret"]
        assert turned != secret
        assert (await http.post("/v1/run-webhooks/secret")).json()["secret"] == turned


async def test_when_a_run_began_is_told_and_not_when_it_was_asked_for(client: LangGraphClient) -> None:
    async with listening() as listener:
        thread = (await client.threads.create())["thread_id"]
        first = await client.runs.create(thread, "slow", input={"text": "0.3"}, webhook=listener.url)
        await client.runs.create(thread, "echo", input={"text": "a"}, webhook=listener.url)
        await listener.until(2)
        never = await client.runs.create(thread, "echo", input={"text": "a"}, webhook=listener.url, after_seconds=600)
        await client.runs.cancel(thread, never["run_id"])
        await listener.until(3)
    slow, echo, cancelled = listener.bodies
    assert slow["run_id"] == first["run_id"]
    times = [slow["created_at"], slow["run_started_at"], slow["run_ended_at"], echo["run_started_at"]]
    assert echo["created_at"] < slow["run_ended_at"]
    assert [datetime.fromisoformat(each) for each in times] == sorted(map(datetime.fromisoformat, times))
    assert cancelled["run_started_at"] is None


@pytest.mark.parametrize(("graph", "status"), [("failing", "error"), ("ask", "interrupted")])
async def test_other_ends_are_told_too(client: LangGraphClient, graph: str, status: str) -> None:
    async with listening() as listener:
        await client.runs.wait(None, graph, input={"text": "x"}, webhook=listener.url, raise_error=False)
        await listener.until(1)
    [told] = listener.bodies
    assert told["status"] == status
    assert bool(told["error"]) is (status == "error")
    assert bool(told["interrupts"]) is (status == "interrupted")


async def test_a_cron_tells_of_each_of_its_runs(client: LangGraphClient, served: Served) -> None:
    async with listening() as listener:
        cron: Any = await client.crons.create("echo", schedule="* * * * *", input={"text": "t"}, webhook=listener.url)
        desk = served.gateway.desk
        await desk._intake.put_due(desk.crons.get(cron["cron_id"], "default"), Caller(), "cron:once")
        await listener.until(1)
    assert listener.bodies[0]["metadata"]["cron_id"] == cron["cron_id"]


async def test_addresses_that_may_not_be_called_are_refused_at_once(served: Served) -> None:
    wrong = [
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/x",
        "file:///etc/passwd",
        "x",
        "http://a:b@c/",
    ]
    async with caller(served.url) as http:
        for url in wrong:
            run = {"assistant_id": "echo", "input": {"text": "a"}, "webhook": url}
            for path, body in (("/runs", run), ("/runs/crons", {**run, "schedule": "* * * * *"})):
                answer = await http.post(path, json=body)
                assert (answer.status_code, answer.json()["code"].partition("_")[0]) == (422, "webhook"), (path, url)


def ended_run(url: str) -> tuple[Run, Thread]:
    now = datetime.now(UTC)
    run = Run(
        id="r",
        thread_id="t",
        assistant_id="a",
        graph="g",
        request={"webhook": url},
        created_at=now,
        updated_at=now,
    )
    return run, Thread(id="t", created_at=now, updated_at=now, state_updated_at=now)


async def test_it_is_tried_again_by_a_schedule_then_put_aside_and_again_when_somebody_says_so(tmp_path: Path) -> None:
    clock = ManualClock()
    settings = Settings(database=tmp_path / "baton.db")
    warnings: list[str] = []

    class Log:
        def warning(self, event: str, **values: Any) -> None:
            warnings.append(event)

    async with listening() as listener, Orchestrator.open(settings, clock=clock) as baton:
        listener.status = 500
        webhooks = Outbound(baton, OWN, Log())  # type: ignore[arg-type]
        run, thread = ended_run(listener.url)
        await baton.store.put_runs([NewRun(run, thread)])
        await baton.store.end_run("r", Ended(status="success", thread="idle", state={"x": 1}))
        await webhooks.once()
        for attempt, pause in enumerate(SCHEDULE, start=1):
            assert len(listener.heard) == attempt
            clock.advance(pause - 0.5)
            await webhooks.once()
            assert len(listener.heard) == attempt
            clock.advance(0.5 + pause * JITTER)
            await webhooks.once()
        assert warnings == ["run_webhook.given_up"]
        [aside] = await baton.store.run_webhooks("default", 10)
        assert aside.given_up_at is not None and aside.error == "it answered 500"
        clock.advance(1_000_000)
        await webhooks.once()
        assert len(listener.heard) == len(SCHEDULE) + 1
        listener.status = 204
        await baton.store.tell_run_again("r", "default")
        await webhooks.once()
        assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 1
        assert await baton.store.run_webhooks("default", 10) == []


async def test_who_was_to_be_told_is_told_after_a_kill(tmp_path: Path) -> None:
    async with listening() as listener:
        listener.status = 503
        async with process(tmp_path / "baton.db", free_port(), BATON_WEBHOOK_NETWORKS="127.0.0.0/8") as gateway:
            async with get_client(url=gateway.url, api_key=None) as client:
                await client.runs.wait(None, "echo", input={"text": "a"}, webhook=listener.url)
            await gateway.kill()
        listener.status, before = 200, len(listener.heard)
        async with process(tmp_path / "baton.db", free_port(), BATON_WEBHOOK_NETWORKS="127.0.0.0/8"):
            await listener.until(before + 1)
    assert listener.bodies[-1]["values"]["said"] == ["echo: a"]


async def test_each_tenant_has_its_own_secret_and_its_own_list(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db", config=GRAPHS, webhook_networks=OWN) as served, listening() as listener:
        listener.status = 500
        keys = [await make_key(served.gateway.orchestrator, "admin", tenant=tenant) for tenant in ("ours", "theirs")]
        async with caller(served.url, keys[0]) as ours, caller(served.url, keys[1]) as theirs:
            run = {"assistant_id": "echo", "input": {"text": "a"}, "webhook": listener.url}
            assert (await ours.post("/runs/wait", json=run)).status_code == 200
            await listener.until(1)
            async with asyncio.timeout(60):
                while not (found := (await ours.get("/v1/run-webhooks")).json()["run_webhooks"])[0]["failures"]:
                    await asyncio.sleep(0.02)
            assert (await theirs.get("/v1/run-webhooks")).json()["run_webhooks"] == []
            again = f"/v1/run-webhooks/{found[0]['run_id']}/redrive"
            assert (await theirs.post(again)).status_code == 404
            listener.status = 200
            assert (await ours.post(again)).status_code == 202
            await listener.until(2)
            secrets = {(await each.post("/v1/run-webhooks/secret")).json()["secret"] for each in (ours, theirs)}
            assert len(secrets) == 2


@pytest.fixture
def nobody_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not answer is waited for longer than any test goes on."""
    monkeypatch.setattr(posting, "_TIMEOUT", 600.0)
    monkeypatch.setattr(posting, "_IN_ALL", 600.0)


@pytest.mark.usefixtures("nobody_is_given_up")
async def test_a_host_that_does_not_answer_delays_no_other(client: LangGraphClient) -> None:
    async with listening() as hanging, listening() as quick:
        hanging.answers.clear()
        for text in ("a", "b", "c"):
            for one in (hanging, quick):
                await client.runs.wait(None, "echo", input={"text": text}, webhook=one.url)
        await quick.until(3)
    assert {body["values"]["text"] for body in quick.bodies} == {"a", "b", "c"}
