"""What the audit trail says of an act is kept with what the act changes, and speaks of nothing else."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.support.gateway.calls import publish, start
from tests.support.gateway.definitions import announces, asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import GRAPHS, Served, serving

pytestmark = pytest.mark.capability("O08")

Told = tuple[str, str | None, str | None, str | None]
FAILS = announces("fail", "told", value="{{ 1 / input.by }}")


@pytest.fixture
async def acme(tmp_path: Path) -> AsyncIterator[tuple[Served, httpx.AsyncClient]]:
    """A gateway with graphs, and a tenant's administrator."""
    async with serving(tmp_path / "baton.db", config=GRAPHS) as served:
        key = await make_key(served.gateway.orchestrator, "admin", name="root", tenant="acme")
        async with caller(served.url, key) as root:
            yield served, root


async def told(served: Served, root: httpx.AsyncClient) -> list[Told]:
    """What each entry says: the act, on what, how that stood before and after."""
    await served.gateway.orchestrator.store.barrier()
    entries = (await root.get("/v1/audit", params={"limit": 1000})).json()["entries"]
    details = [(one, one["detail"]) for one in entries]
    return [(one["action"], one["target"], said.get("before"), said.get("after")) for one, said in details]


async def of(served: Served, root: httpx.AsyncClient, action: str) -> list[Told]:
    return [one for one in await told(served, root) if one[0] == action]


async def test_acts_at_the_same_time_are_told_in_the_order_in_which_they_counted(
    acme: tuple[Served, httpx.AsyncClient],
) -> None:
    served, root = acme
    await root.post("/threads", json={"thread_id": "t"})
    patches = (root.patch("/threads/t", json={"metadata": {"n": number}}) for number in range(20))
    assert {answer.status_code for answer in await asyncio.gather(*patches)} == {200}
    entries = [one for one in await told(served, root) if "/threads" in one[0]]
    assert len(entries) == 21
    assert len({after for *_, after in entries}) == 21
    for (*_, after), (_, target, before, _) in pairwise(entries):
        assert (before, target) == (after, "t")


async def test_what_is_made_is_told_with_its_name(acme: tuple[Served, httpx.AsyncClient]) -> None:
    served, root = acme
    await publish(root, workflow("w", asks()))
    execution_id = (await start(root, workflow="w", id="e"))["id"]
    await served.gateway.orchestrator.wait(served.gateway.orchestrator.store.own_id(execution_id, "acme"), until="rest")
    made = {
        "/threads": {"thread_id": "t"},
        "/threads/t/copy": None,
        "/assistants": {"graph_id": "echo", "assistant_id": "11111111-1111-4111-8111-111111111111"},
        "/runs/crons": {"assistant_id": "echo", "schedule": "0 0 1 1 *"},
        "/threads/t/runs/crons": {"assistant_id": "echo", "schedule": "0 0 1 1 *"},
        "/v1/webhooks": {"name": "shop", "event_type": "t"},
        "/v1/webhook-targets": {"url": "https://example.com/hook"},
        "/v1/executions/e/fork": {"from": "ask"},
    }
    for path, body in made.items():
        answer = await root.post(path, json=body)
        assert answer.is_success, (path, answer.text)
    labels = {"/threads/t/": "/threads/{thread_id}/", "/executions/e/": "/executions/{execution_id}/"}
    entries = await told(served, root)
    for path in ("/v1/workflows", "/v1/executions", *made):
        label = f"POST {path}"
        for given, named in labels.items():
            label = label.replace(given, named)
        found = [one for one in entries if one[0] == label]
        assert len(found) == 1, found
        [(_, target, before, after)] = found
        assert (before, str(after)[:7]) == (None, "sha256:"), label
        assert target not in (None, "e") or label == "POST /v1/executions", label
        assert "~" not in str(target), label


async def test_what_is_named_in_a_body_is_told_too(acme: tuple[Served, httpx.AsyncClient]) -> None:
    served, root = acme
    place = {"namespace": ["users", "ann"], "key": "k"}
    for value in (1, 2):
        assert (await root.put("/store/items", json={**place, "value": {"n": value}})).status_code == 204
    assert (await root.request("DELETE", "/store/items", json=place)).status_code == 204
    assert (await root.request("DELETE", "/store/items", json=place)).status_code == 204
    first, second, gone, nothing = [one for one in await told(served, root) if "/store" in one[0]]
    assert first[1:3] == ("users.ann k", None)
    assert first[3] == second[2] != second[3] == gone[2]
    assert gone[3] is None
    assert nothing == ("DELETE /store/items", None, None, None)

    event = {"type": "paid", "id": "evt", "data": {}}
    for _ in range(2):
        assert (await root.post("/v1/events", json=event)).status_code == 200
    assert [(bool(one[1]), one[2], bool(one[3])) for one in await of(served, root, "POST /v1/events")] == [
        (True, None, True),
        (False, None, False),
    ]

    secrets = [(await root.post(f"/v1/run-webhooks/{path}")).json() for path in ("secret", "secret/rotate")]
    assert secrets[0] != secrets[1]
    [(_, _, before, shown)] = await of(served, root, "POST /v1/run-webhooks/secret")
    [(_, _, was, rotated)] = await of(served, root, "POST /v1/run-webhooks/secret/rotate")
    assert (before, shown) == (None, was)
    assert rotated != was


async def test_an_act_on_many_things_is_told_of_each(acme: tuple[Served, httpx.AsyncClient]) -> None:
    served, root = acme
    for name in ("a", "b", "c"):
        await root.post("/threads", json={"thread_id": name})
    runs = []
    for name in ("a", "b"):
        later = {"assistant_id": "echo", "input": {}, "after_seconds": 3600}
        runs.append((await root.post(f"/threads/{name}/runs", json=later)).json()["run_id"])
    assert (await root.post("/runs/cancel", json={"run_ids": runs})).status_code == 204
    cancelled = await of(served, root, "POST /runs/cancel")
    assert [one[1] for one in cancelled] == [f"a {runs[0]}", f"b {runs[1]}"]
    assert all(before != after for _, _, before, after in cancelled)

    for _ in range(2):
        assert (await root.post("/threads/c/runs/wait", json={"assistant_id": "echo", "input": {}})).status_code == 200
    pruned = await root.post("/threads/prune", json={"thread_ids": ["c"], "strategy": "keep_latest"})
    assert pruned.json() == {"pruned_count": 1}
    assert (await root.post("/threads/prune", json={"thread_ids": ["a", "b"]})).json() == {"pruned_count": 2}
    kept, *gone = await of(served, root, "POST /threads/prune")
    assert kept[1] == "c"
    assert None not in kept[2:]
    assert [(target, after) for _, target, _, after in gone] == [("a", None), ("b", None)]

    await publish(root, workflow("w", FAILS))
    for _ in range(2):
        execution_id = (await start(root, workflow="w", input={"by": 0}))["id"]
        await served.gateway.orchestrator.wait(execution_id)
    redriven = await root.post("/v1/dead-letters/redrive", json={"all": True})
    assert len(redriven.json()["executions"]) == 2, redriven.text
    letters = await of(served, root, "POST /v1/dead-letters/redrive")
    assert sorted(str(one[1]) for one in letters) == ["1", "2"]
    assert all(before != after and None not in (before, after) for _, _, before, after in letters)


async def test_a_refusal_is_told_with_its_status_and_no_digests(acme: tuple[Served, httpx.AsyncClient]) -> None:
    served, root = acme
    assert (await root.delete("/threads/none")).status_code == 404
    assert await of(served, root, "DELETE /threads/{thread_id}") == [
        ("DELETE /threads/{thread_id}", "none", None, None)
    ]
    entries = (await root.get("/v1/audit", params={"limit": 1000})).json()["entries"]
    assert [one["outcome"] for one in entries if one["target"] == "none"] == ["404"]
