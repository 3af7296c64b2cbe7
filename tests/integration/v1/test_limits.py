"""Limits over real HTTP: too long, too often, too deep."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from api.security.rates import Rates
from graphs.clock import ManualClock
from tests.support.gateway.calls import publish, start
from tests.support.gateway.definitions import lasts, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import FUNCTIONS, GRAPHS, serving

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_long_is_refused(tmp_path: Path, chunked: bool) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 1000

    async with serving(tmp_path / "baton.db", max_body=10_000) as served, caller(served.url) as client:
        body = pieces() if chunked else b" " * 20_000
        answer = await client.post("/v1/events", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"type": "t", "type": "u"}', "json_duplicate_key"),
        (b'{"type": "t", "data": NaN}', "json_not_finite"),
        (b'{"type": "t", "data": "\\ud800"}', "json_lone_surrogate"),
        (b'{"type": "t", "data": "\\u0000"}', "json_nul"),
        (b'{"type": "t", "data": 1' + b"0" * 30 + b"}", "json_number_too_large"),
        (b'{"type": "t", "data": ' + b"[" * 200 + b"]" * 200 + b"}", "json_too_deep"),
        (b'{"type": "t"', "json_invalid"),
        (b"\xff", "body_not_utf8"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/events", "/threads", "/runs/wait", "/v1/workflows"])
async def test_json_that_says_nothing_certain_is_a_400_with_a_reason(
    client: httpx.AsyncClient, path: str, body: bytes, code: str
) -> None:
    answer = await client.post(path, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_too_many_requests_of_one_key_are_told_to_wait_and_others_are_not(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db", key_rate=5) as served:
        hasty = await make_key(served.gateway.orchestrator, "viewer", name="hasty")
        calm = await make_key(served.gateway.orchestrator, "viewer", name="calm")
        async with caller(served.url, hasty) as client:
            answers = await asyncio.gather(*(client.get("/v1/executions") for _ in range(30)))
        limited = [answer for answer in answers if answer.status_code == 429]
        assert 15 <= len(limited) <= 20
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in limited)
        assert limited[0].json()["code"] == "too_many_requests"
        async with caller(served.url, calm) as client:
            assert (await client.get("/v1/executions")).status_code == 200


async def test_the_keys_of_a_tenant_are_counted_together_and_other_tenants_are_not(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db", tenant_rate=5) as served:
        baton = served.gateway.orchestrator
        one, two = [await make_key(baton, "viewer", tenant="busy", name=name) for name in ("one", "two")]
        calm = await make_key(baton, "viewer", tenant="calm")
        async with caller(served.url, one) as first, caller(served.url, two) as second:
            await asyncio.gather(*(client.get("/v1/executions") for client in (first, second) for _ in range(10)))
            limited = await second.get("/v1/executions")
        assert (limited.status_code, limited.json()["code"]) == (429, "too_many_requests")
        assert int(limited.headers["retry-after"]) >= 1
        async with caller(served.url, calm) as client:
            assert (await client.get("/v1/executions")).status_code == 200


async def test_a_tenant_has_so_many_streams_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db", max_open=3) as served, AsyncExitStack() as streams:
        baton = served.gateway.orchestrator
        ours, theirs = await make_key(baton, "admin", tenant="a"), await make_key(baton, "admin", tenant="b")
        client = await streams.enter_async_context(caller(served.url, ours))
        thread = (await client.post("/threads", json={})).json()["thread_id"]
        where = f"/threads/{thread}/stream"
        opened = [await streams.enter_async_context(client.stream("GET", where)) for _ in range(2)]
        socket = f"{served.url.replace('http', 'ws')}{where}/events"
        with_key = {"additional_headers": {"x-api-key": ours}}
        followed = await streams.enter_async_context(websockets.connect(socket, **with_key))
        assert [answer.status_code for answer in opened] == [200, 200]
        refused = await client.get(where)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        with pytest.raises(websockets.InvalidStatus) as denied:
            await websockets.connect(socket, **with_key)
        assert denied.value.response.status_code == 429
        async with caller(served.url, theirs) as other:
            assert (await other.get("/v1/executions")).status_code == 200
        await followed.close()
        async with asyncio.timeout(60):
            while (await client.get("/v1/executions")).status_code != 200:
                pass


async def test_whoever_guesses_keys_is_slowed_down(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db", stranger_rate=2) as served:
        # However long eight requests take, they come at the same moment.
        served.gateway.door.rates = Rates(served.gateway.settings, ManualClock())
        await make_key(served.gateway.orchestrator, "viewer")
        async with caller(served.url) as client:
            statuses = [(await client.get("/v1/executions")).status_code for _ in range(8)]
    assert statuses[:4] == [401, 401, 401, 401]
    assert 429 in statuses


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=" + "9" * 40, "limit=x", "cursor=%00", "since=0001-01-01T00:00:00%2B23:59"],
)
async def test_queries_out_of_range_are_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/v1/executions?{query}")).status_code == 422


@pytest.mark.parametrize(
    "path", ["/v1/executions/%00", "/v1/executions/a%2Fb", "/v1/executions/%ff", "/v1/executions/" + "x" * 300]
)
async def test_strange_ids_name_nothing(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code in (404, 422)


@pytest.mark.capability("O21")
async def test_a_tenant_has_so_many_runs_that_have_not_ended_and_others_have_theirs(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db", config=GRAPHS, max_tenant_runs=2) as served:
        baton = served.gateway.orchestrator
        ours, theirs = [await make_key(baton, "admin", tenant=tenant) for tenant in ("a", "b")]
        later = {"assistant_id": "echo", "input": {"text": "x"}, "after_seconds": 3600}
        async with caller(served.url, ours) as client, caller(served.url, theirs) as other:
            thread = (await client.post("/threads", json={})).json()["thread_id"]
            first, second = [(await client.post("/runs", json=later)).json() for _ in range(2)]
            begin = {"id": 1, "method": "run.start", "params": {"assistant_id": "echo", "input": {"text": "x"}}}
            for path in ("/runs", "/runs/wait", f"/threads/{thread}/runs"):
                refused = await client.post(path, json=later)
                assert (refused.status_code, refused.json()["code"]) == (429, "too_many_runs")
                assert int(refused.headers["retry-after"]) >= 5
            assert (await client.post(f"/threads/{thread}/commands", json=begin)).json()["error"] == "too_many_runs"
            assert (await client.get(f"/threads/{thread}/runs")).json() == []
            assert refused.json()["detail"] == (
                "Tenant 'a' has 2 runs waiting or at work, which is as many as it may. Wait until some have ended, or "
                "raise BATON_MAX_TENANT_RUNS."
            )
            assert (await other.post("/runs", json=later)).status_code == 200
            for run in (first, second):
                await client.post(f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel")
            assert (await client.post("/runs", json=later)).status_code == 200


async def test_a_tenant_has_so_many_executions_queued_or_running(tmp_path: Path) -> None:
    at = serving(tmp_path / "baton.db", modules=(FUNCTIONS,), max_tenant_runs=1)
    async with at as served, caller(served.url) as client:
        await publish(client, workflow("sleeps", lasts("sleep", tmp_path / "counted")))
        running = (await start(client, workflow="sleeps"))["id"]
        refused = await client.post("/v1/executions", json={"workflow": "sleeps"})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_runs")
        assert refused.headers["retry-after"] == "6"
        await served.gateway.orchestrator.cancel(running)
        await served.gateway.orchestrator.wait(running)
        again = (await start(client, workflow="sleeps"))["id"]
        await served.gateway.orchestrator.cancel(again)
