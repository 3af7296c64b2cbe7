"""A secret input, sent over HTTP in every way there is, stands in nothing that HTTP gives back, and in no byte that is
kept or logged (A20)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.support.gateway.calls import publish, start, until_rest
from tests.support.gateway.definitions import asks, workflow
from tests.support.gateway.people import caller
from tests.support.gateway.serving import FUNCTIONS, Served, serving
from tests.support.sentinel import SENTINEL, found_in, leaks

pytestmark = pytest.mark.capability("X12")

INPUT = {"token": SENTINEL, "n": 5}
SCHEMA = {
    "type": "object",
    "properties": {"token": {"type": "string", "format": "password"}, "n": {"type": "integer"}},
    "required": ["token"],
    "additionalProperties": False,
}
USED = {"name": "used", "type": "function", "config": {"function": "give", "args": {"value": "{{ input.token }}"}}}
FAILS = {
    "name": "fails",
    "type": "function",
    "depends_on": ["ask"],
    "config": {"function": "refuse", "args": {"value": "{{ input.token }}"}},
}
TOLD = {
    "name": "told",
    "type": "emit_event",
    "depends_on": ["used"],
    "on_failure": {"action": "continue"},
    "config": {"event_type": "told", "data": {"form": "{{ input.token | b64encode }}"}},
}
GUARDED = workflow(
    "guarded",
    USED,
    TOLD,
    {**asks(payload={"t": "{{ input.token | upper }}"}), "depends_on": ["used"]},
    FAILS,
    input={"schema": SCHEMA},
    output={"values": {"t": "{{ input.token }}"}},
)


@pytest.fixture
async def heard(tmp_path: Path) -> AsyncIterator[tuple[Served, httpx.AsyncClient, list[str]]]:
    """A gateway, a client, and all that was answered to it."""
    answered: list[str] = []

    async def note(response: httpx.Response) -> None:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            await response.aread()
            answered.append(f"{response.request.method} {response.url}\n{response.headers}\n{response.text}")

    async with (
        serving(tmp_path / "baton.db", modules=(FUNCTIONS,), heartbeat=0.2) as served,
        caller(served.url) as client,
    ):
        client.event_hooks["response"].append(note)
        await publish(client, GUARDED)
        yield served, client, answered


async def stream(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> str:
    """What a stream says until it ends, or is quiet."""
    said: list[str] = []
    async with client.stream(method, path, **more) as answer:
        async for line in answer.aiter_lines():
            said.append(line)
            if line == ": heartbeat":
                break
    return "\n".join(said)


async def look_at_everything(client: httpx.AsyncClient, document: Any, values: dict[str, str]) -> int:
    """Every GET there is, with what we know of filled in; how many answered."""
    found = 0
    for path, operations in document["paths"].items():
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        if "get" not in operations or not set(names) <= set(values):
            continue
        where = path
        for name in names:
            where = where.replace(f"{{{name}}}", values[name])
        async with client.stream("GET", where) as answer:  # what is no stream is read whole, by whoever hears it
            found += answer.status_code == 200
    return found


async def test_a_secret_stands_in_no_answer_no_stream_no_file_and_no_log(
    heard: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served, client, answered = heard
    document = (await client.get("/openapi.json")).json()

    execution = (await start(client, workflow="guarded", input=INPUT))["id"]
    thread = (await client.post("/threads", json={})).json()["thread_id"]
    modes = ["values", "updates", "custom", "tasks"]
    body = {"assistant_id": "guarded", "input": INPUT, "stream_mode": modes, "stream_resumable": True}
    answered.append(await stream(client, "POST", f"/threads/{thread}/runs/stream", json=body))
    answered.append(await stream(client, "GET", f"/threads/{thread}/stream", headers={"Last-Event-ID": "-1"}))
    [run] = (await client.get(f"/threads/{thread}/runs")).json()
    for one in (execution, thread):
        await until_rest(served, one)
    cron = {"assistant_id": "guarded", "schedule": "0 0 1 1 *", "input": INPUT}
    kept = (await client.post("/runs/crons", json=cron)).json()
    assert kept["payload"]["input"] == run["kwargs"]["input"] == {"token": "***", "n": 5}
    changed = await client.patch(f"/runs/crons/{kept['cron_id']}", json={"input": {**INPUT, "n": 7}})
    assert changed.json()["payload"]["input"] == {"token": "***", "n": 7}
    assert leaks(tmp_path) == {}, "while it rests"

    known = {"execution_id": execution, "path": "ask", "thread_id": thread, "run_id": run["run_id"], "name": "guarded"}
    known |= {"version": "1.0", "assistant_id": "guarded", "other_id": thread}
    assert await look_at_everything(client, document, known) >= 25
    for one in (execution, thread):
        asked = (await client.get(f"/v1/approvals/{one}/ask")).json()
        decision = {"decision": "approve", "digest": asked["digest"]}
        decided = await client.post(f"/v1/approvals/{one}/ask/decide", json=decision)
        assert decided.status_code == 200, decided.text
        assert (await served.gateway.orchestrator.wait(one)).status == "failed"
    wanted = {"accept": "text/event-stream"}
    answered.append(await stream(client, "GET", f"/v1/executions/{execution}/records", headers=wanted))
    where = f"/threads/{thread}/runs/{run['run_id']}/stream"
    answered.append(await stream(client, "GET", where, headers={"Last-Event-ID": "-1"}))
    await client.post(f"/v1/executions/{execution}/fork", json={"at": "used", "input": {"n": 6}})
    await client.post(f"/v1/executions/{execution}/retry", json={})
    await look_at_everything(client, document, known)

    used = await served.gateway.orchestrator.results(execution)
    assert used["used"]["output"] == "***", "it was used"
    assert [said.split("\n")[0] for said in answered if found_in(said) or SENTINEL.upper() in said] == []
    logged = capsys.readouterr()
    assert found_in(logged.err) == found_in(logged.out) == []
    assert leaks(tmp_path) == {}, "after its end"


async def test_a_cron_starts_with_the_secret_it_was_given(heard: Any) -> None:
    served, client, _ = heard
    thread = (await client.post("/threads", json={})).json()["thread_id"]
    body = {"assistant_id": "guarded", "schedule": "* * * * * *", "input": INPUT}
    cron = (await client.post(f"/threads/{thread}/runs/crons", json=body)).json()
    async with asyncio.timeout(60):
        async with client.stream("GET", f"/threads/{thread}/stream", params={"stream_mode": "lifecycle"}) as answer:
            async for line in answer.aiter_lines():
                if line == "event: run_done":
                    break
    await client.delete(f"/runs/crons/{cron['cron_id']}")
    results = await served.gateway.orchestrator.results(thread)
    assert results["used"]["output"] == "***"
    [wait] = await served.gateway.orchestrator.waits(thread)
    assert found_in(f"{wait}") == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/executions", {"workflow": "guarded", "input": {"token": SENTINEL, "n": "x"}}),
        ("/v1/executions", {"workflow": "guarded", "input": {"token": [SENTINEL]}}),
        ("/runs", {"assistant_id": "guarded", "input": {"token": [SENTINEL]}}),
        ("/runs", {"assistant_id": "guarded", "input": {"token": SENTINEL}, "multitask_strategy": SENTINEL}),
    ],
)
async def test_a_refusal_does_not_give_back_what_it_refuses(heard: Any, tmp_path: Path, path: str, body: Any) -> None:
    _, client, _ = heard
    answer = await client.post(path, content=orjson.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert found_in(answer.text) == []
    assert leaks(tmp_path) == {}
