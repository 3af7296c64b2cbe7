"""`/metrics`: what a scraper of Prometheus reads of a gateway."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from langgraph_sdk import get_client
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.metrics import _BUCKETS, Durations
from tests.support.gateway.calls import publish, start
from tests.support.gateway.definitions import announces, asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import GRAPHS, serving

pytestmark = pytest.mark.capability("O04")
AGENT = {"name": "say", "type": "agent", "config": {"model": "scripted:echo", "message": "hello"}}


async def scraped(http: httpx.AsyncClient) -> Mapping[str, float]:
    """Every sample, by its name and labels."""
    answer = await http.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    families = list(text_string_to_metric_families(answer.text))
    assert all(family.documentation for family in families)
    found = {}
    for family in families:
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def test_it_tells_what_there_is_and_what_has_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_PRICES", '{"scripted:*": {"input": 1000000, "output": 1000000}}')
    async with (
        serving(tmp_path / "baton.db", config=GRAPHS, max_runs=1) as served,
        httpx.AsyncClient(base_url=served.url, timeout=60) as http,
        get_client(url=served.url, api_key=None) as client,
    ):
        quiet = {**announces("quietly", "gone"), "metrics_enabled": False}
        await publish(http, workflow("talks", AGENT, announces("go", "gone"), quiet, asks()))
        before = await scraped(http)
        assert before["baton_queue_places"] == 1
        assert "baton_step_duration_seconds_count{workflow=talks}" not in before
        execution = (await start(http, workflow="talks"))["id"]
        await served.gateway.orchestrator.wait(execution, until="rest")
        slow = await client.runs.create(None, "slow", input={"text": "60"}, on_completion="keep")
        await client.runs.create(None, "echo", input={"text": "a"})
        await client.runs.create(None, "echo", input={"text": "a"}, after_seconds=600)
        async with http.stream("GET", f"/threads/{slow['thread_id']}/runs/{slow['run_id']}/stream") as stream:
            parts = stream.aiter_bytes()
            await anext(parts)
            found = await scraped(http)
            again = await scraped(http)
        expected = {
            "baton_executions{status=waiting}": 1,
            "baton_runs{status=running}": 1,
            "baton_runs{status=pending}": 2,
            "baton_queue_depth": 1,
            "baton_queue_delayed": 1,
            "baton_open_streams": 1,
            "baton_dead_letters": 0,
            "baton_steps_total{status=completed,workflow=talks}": 3,  # the call of its model is one too
            "baton_step_duration_seconds_count{workflow=talks}": 3,
            "baton_step_duration_seconds_bucket{le=+Inf,workflow=talks}": 3,
            "baton_model_calls_total{model=scripted:echo}": 1,
        }
        assert {name: found.get(name) for name in expected} == expected
        tokens = [found[f"baton_model_{way}_tokens_total{{model=scripted:echo}}"] for way in ("input", "output")]
        assert all(tokens) and found["baton_model_cost_total{model=scripted:echo}"] == sum(tokens)
        assert {name: again[name] for name in expected} == expected  # nothing is counted twice
        async with asyncio.timeout(60):  # it hears that we have left after we have
            while (await scraped(http))["baton_open_streams"]:
                await asyncio.sleep(0.01)


async def test_operators_see_their_tenants_own(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served:
        baton = served.gateway.orchestrator
        ours, theirs = [await make_key(baton, "operator", tenant=tenant) for tenant in ("ours", "theirs")]
        for role, status in (("viewer", 403), ("approver", 403), ("editor", 200)):
            async with caller(served.url, await make_key(baton, role, tenant="ours")) as http:
                assert (await http.get("/metrics")).status_code == status
        async with caller(served.url) as http:
            assert (await http.get("/metrics")).status_code == 401
        async with caller(served.url, await make_key(baton, "editor", tenant="ours")) as http:
            await publish(http, workflow("w", announces("go", "gone")))
            await baton.wait((await start(http, workflow="w"))["id"])
        async with caller(served.url, ours) as us, caller(served.url, theirs) as them:
            assert (await scraped(us))["baton_executions{status=completed}"] == 1
            assert not [name for name in await scraped(them) if name.startswith(("baton_executions", "baton_steps"))]


def test_durations_fall_into_their_buckets() -> None:
    durations = Durations()
    for seconds in (0.0, 0.005, 0.006, 1800.0, 1800.1):
        durations.add(seconds)
    buckets = dict(durations.buckets())
    assert (buckets["0.005"], buckets["0.01"], buckets["1800.0"], buckets["+Inf"]) == (2, 3, 4, 5)
    assert len(buckets) == len(_BUCKETS) + 1


async def test_whether_it_lives_and_can_store(tmp_path: Path) -> None:
    async with serving(tmp_path / "b.db") as served, caller(served.url) as http:
        for path, body in (
            ("/ok", {"ok": True}),
            ("/ok?check_db=1", {"ok": True}),
            ("/v1/health", {"status": "ok"}),
            ("/v1/ready", {"status": "ready"}),
        ):
            assert (await http.get(path)).json() == body
        assert {"version", "flags", "langgraph_py_version"} <= (await http.get("/info")).json().keys()
