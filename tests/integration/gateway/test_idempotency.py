"""The same `Idempotency-Key` is the same run, however often it is sent; with another wish it is refused (as the draft
of the IETF says: 422), never answered with what somebody else's wish gave."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.fingerprints import fingerprint
from orchestrator.serving.served import Caller
from orchestrator.store.served.values import Search
from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import REFUND, announces, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import GRAPHS, Served, serving

pytestmark = pytest.mark.capability("Q01")
ECHO = {"assistant_id": "echo", "input": {"text": "a"}}
KEY = {"Idempotency-Key": "k"}
REUSED = (422, "idempotency_key_reused")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "baton.db", config=GRAPHS) as gateway:
        yield gateway


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.url, timeout=60) as client:
        yield client


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["code"]


async def test_another_input_assistant_or_thread_under_the_same_key_is_refused(http: httpx.AsyncClient) -> None:
    first = await http.post("/runs", json=ECHO, headers=KEY)
    again = await http.post("/runs", json={**ECHO, "stream_mode": "updates", "metadata": {"try": 2}}, headers=KEY)
    assert (first.status_code, again.json()["run_id"]) == (200, first.json()["run_id"])
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    others = [
        ("/runs", {**ECHO, "input": {"text": "b"}}),
        ("/runs", {**ECHO, "assistant_id": "ask"}),
        ("/runs", {**ECHO, "config": {"configurable": {"user": "u"}}}),
        ("/runs/wait", {**ECHO, "input": None}),
        (f"/threads/{thread}/runs", ECHO),
    ]
    for path, body in others:
        answer = await http.post(path, json=body, headers=KEY)
        assert said(answer) == REUSED, (path, body)
        assert answer.json()["run_id"] == first.json()["run_id"]
    assert answer.json()["detail"] == (
        "The idempotency key 'k' was sent before, with something else. "
        "Repeat what was sent with it at first, or send another key."
    )
    assert (await http.get(f"/threads/{thread}")).json()["status"] == "idle"


async def test_a_batch_under_a_key_is_one_wish(http: httpx.AsyncClient, served: Served) -> None:
    batch = [ECHO, {**ECHO, "input": {"text": "b"}}, ECHO]
    first = await http.post("/runs/batch", json=batch, headers=KEY)
    again = await http.post("/runs/batch", json=batch, headers=KEY)
    ids = [run["run_id"] for run in first.json()]
    assert len(set(ids)) == 3
    assert [run["run_id"] for run in again.json()] == ids
    for other in (batch[:2], [*batch, ECHO], [ECHO, ECHO, ECHO]):
        assert said(await http.post("/runs/batch", json=other, headers=KEY)) == REUSED
    assert len(await served.gateway.desk.search(Search(limit=100))) == 3
    unkeyed = await http.post("/runs/batch", json=batch)
    assert not set(ids) & {run["run_id"] for run in unkeyed.json()}


async def test_a_key_is_its_tenants_own(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db", config=GRAPHS) as served:
        keys = [await make_key(served.gateway.orchestrator, "editor", tenant=tenant) for tenant in ("ours", "theirs")]
        async with caller(served.url, keys[0]) as ours, caller(served.url, keys[1]) as theirs:
            mine = (await ours.post("/runs/wait", json=ECHO, headers=KEY)).json()
            other = await theirs.post("/runs/wait", json={**ECHO, "input": {"text": "b"}}, headers=KEY)
            assert (mine["text"], other.status_code, other.json()["text"]) == ("a", 200, "b")
            for client in (ours, theirs):
                await publish(client, REFUND)
            body = {"workflow": "refund", "input": {"amount": 1}}
            started = [await client.post("/v1/executions", json=body, headers=KEY) for client in (ours, theirs)]
            assert [answer.status_code for answer in started] == [201, 201]


async def test_a_start_of_a_workflow_too(http: httpx.AsyncClient) -> None:
    await publish(http, REFUND)
    body = {"workflow": "refund", "input": {"amount": 1}}
    first = await http.post("/v1/executions", json=body, headers=KEY)
    again = await http.post("/v1/executions", json={**body, "metadata": {"try": 2}}, headers=KEY)
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 200, first.json()["id"])
    for other in ({**body, "input": {"amount": 2}}, {**body, "version": "1.0"}):
        answer = await http.post("/v1/executions", json=other, headers=KEY)
        assert said(answer) == REUSED
        assert answer.json()["execution_id"] == first.json()["id"]


async def test_a_secret_in_the_input_counts_and_cannot_be_guessed_from_what_is_kept(
    http: httpx.AsyncClient, served: Served
) -> None:
    schema = {"type": "object", "properties": {"pin": {"type": "string", "writeOnly": True}}}
    await publish(http, workflow("pay", announces("go", "gone"), input={"schema": schema}))
    wish = {"workflow": "pay", "input": {"pin": "1234"}}
    run = {"assistant_id": "pay", "input": {"pin": "1234"}}
    for path, body, key in (("/v1/executions", wish, "workflow"), ("/runs", run, "assistant_id")):
        headers = {"Idempotency-Key": key}
        assert (await http.post(path, json=body, headers=headers)).is_success
        assert (await http.post(path, json=body, headers=headers)).is_success
        other = {**body, "input": {"pin": "4321"}}
        assert said(await http.post(path, json=other, headers=headers)) == REUSED
    assert (await http.post("/runs", json=ECHO, headers=KEY)).is_success
    for key, body, guessed in (("k", ECHO, True), ("assistant_id", run, False)):
        wish = {"assistant": body["assistant_id"], "thread": None, "configurable": None, "input": body["input"]}
        kept = served.gateway.orchestrator.store.run_of_key(key, "default")
        assert kept is not None
        assert (kept.fingerprint == fingerprint(wish)) is guessed


async def test_a_chat_request_that_is_repeated_gets_its_answer_and_no_second_run(http: httpx.AsyncClient) -> None:
    body = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}
    first = await http.post("/v1/chat/completions", json=body, headers=KEY)
    again = await http.post("/v1/chat/completions", json=body, headers=KEY)
    if first.status_code != 200:
        pytest.fail(first.text)
    assert again.json()["id"] == first.json()["id"]
    other = {**body, "messages": [{"role": "user", "content": "another"}]}
    assert (await http.post("/v1/chat/completions", json=other, headers=KEY)).status_code == 422


async def test_a_cron_that_was_changed_meanwhile_is_no_other_wish(served: Served) -> None:
    desk = served.gateway.desk
    async with caller(served.url) as http:
        made = await http.post("/runs/crons", json={**ECHO, "schedule": "0 0 1 1 *"})
        cron = desk.crons.get(made.json()["cron_id"], Caller().tenant)
        first = await desk._intake.put_due(cron, Caller(), "cron:once")
        await http.patch(f"/runs/crons/{cron.id}", json={"input": {"text": "b"}})
        again = await desk._intake.put_due(desk.crons.get(cron.id, Caller().tenant), Caller(), "cron:once")
    assert again.id == first.id


async def test_whoever_may_not_read_is_not_shown_what_came_of_anothers_key(tmp_path: Path) -> None:
    rights = ("run", "decide")
    async with serving(tmp_path / "baton.db", config=GRAPHS) as served, AsyncExitStack() as stack:
        baton = served.gateway.orchestrator
        ann, ben, eve = [
            await stack.enter_async_context(caller(served.url, await make_key(baton, role, name=name, scopes=scopes)))
            for name, role, scopes in (
                ("ann", "editor", rights),
                ("ben", "editor", rights),
                ("eve", "editor", (*rights, "read")),
            )
        ]
        admin = await stack.enter_async_context(caller(served.url, await make_key(baton, "admin", name="root")))
        await publish(admin, workflow("answers", announces("tell", "told"), output={"values": {"said": "the result"}}))
        run = {"assistant_id": "echo", "input": {"text": "a"}, "metadata": {"note": "for ann"}}
        start = {"workflow": "answers", "input": {}, "metadata": {"note": "for ann"}}
        for path, body in (("/runs/wait", run), ("/runs/stream", run), ("/runs", run), ("/v1/executions", start)):
            key = {"Idempotency-Key": f"key of {path}"}
            first = await ann.post(path, json=body, headers=key)
            if path == "/v1/executions":
                await baton.wait(first.json()["id"])
            again, others, reader = [await one.post(path, json=body, headers=key) for one in (ann, ben, eve)]
            for hers in (again, reader):
                assert any(word in hers.text for word in ("echo: a", "for ann", "the result")), (path, hers.text)
            assert others.is_success, (path, others.text)
            for word in ("echo: a", "for ann", "the result"):
                assert word not in others.text, (path, others.text)
