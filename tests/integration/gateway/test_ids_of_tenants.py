"""Ids that callers choose are their tenant's own: nothing that anybody is answered tells what others have."""

import re
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from orchestrator.ids import is_anothers, marked_id, shown_id, shown_text
from tests.support.gateway.calls import publish, start, until_rest
from tests.support.gateway.definitions import asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("O21")

ASKS = workflow("asks", asks(payload={"amount": 20}))
_VARIES = re.compile(
    r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{32,64}\b|\d{4}-\d\d-\d\dT[0-9:.+Z]+|chatcmpl-[0-9a-f-]+"
    r"|\"(timestamp|seq|created|checkpoint_id|event_id|applied_through_seq|active_seconds)\":\s*(\"\d+\"|[\d.]+)"
)
"""What differs from one time to the next: ids made here, times, numbers in the file."""


async def told(served: Served, tenant: str, chosen: str) -> list[str]:
    """Everything somebody is answered who uses an id of their choice, as a thread, an execution, a conversation."""
    answers: list[httpx.Response] = []
    baton = served.gateway.orchestrator
    key = await make_key(baton, "admin", tenant=tenant)
    async with caller(served.url, key) as client:

        async def asks_for(verb: str, path: str, **given: Any) -> None:
            answers.append(await client.request(verb, path, **given))

        thread, other, talk = f"{chosen}-thread", f"{chosen}-execution", f"{chosen}-talk"
        body = {"assistant_id": "echo", "input": {"text": "hello"}}
        for path in (thread, other):
            await asks_for("GET", f"/threads/{path}")
            await asks_for("GET", f"/threads/{path}/state")
            await asks_for("GET", f"/v1/executions/{path}")
        await asks_for("POST", "/threads", json={"thread_id": thread})
        await asks_for("POST", "/threads", json={"thread_id": thread})
        await asks_for("POST", "/threads", json={"thread_id": thread, "if_exists": "do_nothing"})
        await asks_for("POST", f"/threads/{thread}/runs/wait", json=body)
        await asks_for("POST", f"/threads/{thread}/runs/stream", json={**body, "stream_mode": ["values"]})
        await asks_for("POST", f"/threads/{thread}-2/runs/wait", json={**body, "if_not_exists": "create"})
        for path in ("", "/state", "/history", "/runs"):
            await asks_for("GET", f"/threads/{thread}{path}")
        await asks_for("POST", "/threads/search", json={"ids": [thread]})
        await asks_for("POST", "/runs/cancel", json={"thread_id": thread, "status": "pending"})
        start_of = {"workflow": "asks", "id": other, "metadata": {"for": chosen}}
        await asks_for("POST", "/v1/executions", json=start_of)
        await baton.wait(baton.store.own_id(other, tenant), until="rest")
        await asks_for("POST", "/v1/executions", json=start_of)
        await asks_for("GET", f"/v1/executions/{other}")
        await asks_for("GET", f"/v1/approvals?execution_id={other}")
        await asks_for("GET", f"/threads/{other}")
        asked = (await client.get(f"/v1/approvals/{other}/ask")).json()
        decision = {"decision": "approve", "digest": asked["digest"]}
        answers.append(await client.post(f"/v1/approvals/{other}/ask/decide", json=decision))
        said = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}
        await asks_for("POST", "/v1/chat/completions", json=said, headers={"x-thread-id": talk})
        await asks_for("POST", "/threads/prune", json={"thread_ids": [thread]})
        async with connect(
            f"{served.url.replace('http', 'ws')}/threads/{thread}-3/stream/events",
            additional_headers={"x-api-key": key},
        ) as socket:
            run = {"assistant_id": "echo", "input": {"text": "hello"}}
            await socket.send(f'{{"id": 1, "method": "run.start", "params": {run}}}'.replace("'", '"'))
            over_socket = str(await socket.recv())
    shown = [
        f"{one.request.method} {one.request.url.path} {one.status_code} {one.headers.get('location')} "
        f"{one.headers.get('content-location')} {one.headers.get('x-thread-id')} {one.text}"
        for one in answers
    ]
    return [_VARIES.sub("…", each) for each in [*shown, over_socket]]


@pytest.mark.parametrize("tenant", ["b", "default"])
async def test_whether_others_have_an_id_changes_no_answer(served: Served, tenant: str) -> None:
    for name in ("a", "b", "default"):
        async with caller(served.url, await make_key(served.gateway.orchestrator, "admin", tenant=name)) as client:
            await publish(client, ASKS)
    alone = await told(served, tenant, "free-1")
    for name in {"a", "b", "default"} - {tenant}:
        await told(served, name, "used-1")
    beside = await told(served, tenant, "used-1")
    assert [each.replace("used-1", "free-1") for each in beside] == alone
    assert [each for each in alone if "~" in each] == []


async def test_an_id_that_was_made_for_one_tenant_is_free_for_all_others(served: Served) -> None:
    baton = served.gateway.orchestrator
    keys = [await make_key(baton, "admin", tenant=name) for name in ("a", "default", "b")]
    async with AsyncExitStack() as stack:
        ours, *others = [await stack.enter_async_context(caller(served.url, key)) for key in keys]
        await publish(ours, ASKS)
        thread = (await ours.post("/threads", json={"metadata": {"of": "a"}})).json()["thread_id"]
        execution = (await start(ours, workflow="asks"))["id"]
        await until_rest(served, execution)
        for other in others:
            for made in (thread, execution):
                assert (await other.get(f"/threads/{made}")).status_code == 404
                body = {"thread_id": made, "if_exists": "do_nothing", "metadata": {"of": "others"}}
                answer = await other.post("/threads", json=body)
                assert (answer.status_code, answer.json()["thread_id"]) == (200, made)
                assert (await other.get(f"/threads/{made}")).json()["metadata"] == {"of": "others"}
                await other.patch(f"/threads/{made}", json={"metadata": {"more": 1}})
                assert (await other.delete(f"/threads/{made}")).status_code == 204
        assert (await ours.get(f"/threads/{thread}")).json()["metadata"] == {"of": "a"}
        assert (await ours.get(f"/v1/executions/{execution}")).json()["execution"]["status"] == "waiting"


async def test_nobody_takes_the_place_that_is_kept_for_a_tenant(served: Served) -> None:
    baton = served.gateway.orchestrator
    theirs = marked_id("order-17", "b")
    async with caller(served.url, await make_key(baton, "admin")) as client:
        await publish(client, ASKS)
        for path, body in (
            ("/threads", {"thread_id": theirs}),
            ("/v1/executions", {"workflow": "asks", "id": theirs}),
        ):
            assert (await client.post(path, json=body)).status_code == 422, path
    with pytest.raises(Exception, match="cannot be the id of an execution"):
        await baton.start("asks", execution_id=theirs)


def test_an_id_is_shown_as_it_was_chosen() -> None:
    kept_as = marked_id("order-17", "acme")
    assert marked_id(kept_as, "acme") == kept_as != marked_id("order-17", "other")
    assert (shown_id(kept_as), shown_id("order-17"), shown_id("a~b")) == ("order-17", "order-17", "a~b")
    assert is_anothers(kept_as, "other")
    assert not is_anothers(kept_as, "acme")
    assert not is_anothers("order-17", "other")
    assert shown_text(f"There is no thread '{kept_as}'.") == "There is no thread 'order-17'."
