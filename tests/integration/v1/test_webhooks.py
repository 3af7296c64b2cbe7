"""Webhooks over real HTTP: signed messages become events, once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from orchestrator.webhooks.signing import headers_for, new_secret
from tests.support.gateway.calls import publish, start, until_rest
from tests.support.gateway.definitions import awaits, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("I15")

BODY = b'{"order": "A-1"}'


async def send(url: str, source: dict[str, Any], secret: str, message_id: str = "msg_1", **how: Any) -> httpx.Response:
    body = how.get("body", BODY)
    headers = headers_for([secret], message_id, how.get("at", datetime.now(UTC)), body)
    async with caller(url) as client:
        kind = {"content-type": "application/json"}
        return await client.post(source["path"], content=how.get("sent", body), headers=headers | kind)


async def test_a_signed_message_answers_what_waits_and_counts_once(served: Served, client: httpx.AsyncClient) -> None:
    await publish(client, workflow("w", awaits("paid", "order.paid", order="A-1")))
    execution_id = (await start(client, workflow="w"))["id"]
    await until_rest(served, execution_id)
    source = (await client.post("/v1/webhooks", json={"name": "shop", "event_type": "order.paid"})).json()
    now = datetime.now(UTC)
    first = await send(served.url, source, source["secret"], at=now)
    assert (first.status_code, first.json()) == (200, {"id": "msg_1", "matched": 1, "repeated": False})
    assert (await served.gateway.orchestrator.wait(execution_id)).status == "completed"
    again = await send(served.url, source, source["secret"], at=now + timedelta(seconds=5))
    assert (again.status_code, again.json()) == (200, {"id": "msg_1", "matched": 1, "repeated": True})


async def test_a_replay_is_refused_and_an_honest_retry_is_not(served: Served, client: httpx.AsyncClient) -> None:
    """Senders sign each attempt anew, with its time; what comes with a signature that was taken was heard by others."""
    source = (await client.post("/v1/webhooks", json={"name": "shop", "event_type": "order.paid"})).json()
    secret, now = source["secret"], datetime.now(UTC)
    answers = [
        await send(served.url, source, secret, at=now + timedelta(seconds=seconds), **more)
        for seconds, more in (
            (0, {}),
            (0, {}),
            (5, {}),
            (0, {}),
            (5, {}),
            (9, {"body": b'{"order": "B-2"}'}),
            (9, {}),
        )
    ]
    assert [one.status_code for one in answers] == [200, 409, 200, 409, 409, 409, 200]
    codes = [one.json().get("code") for one in answers]
    assert codes == [None, "webhook_replayed", None, "webhook_replayed", "webhook_replayed", "webhook_id_reused", None]
    assert [one.json().get("repeated") for one in answers if one.status_code == 200] == [False, True, True]
    rows = served.gateway.orchestrator.store._reader.point("SELECT data FROM events")
    assert rows == [(BODY.decode().replace(" ", ""),)]


async def test_what_is_not_rightly_signed_is_refused_before_it_is_looked_into(
    served: Served, client: httpx.AsyncClient
) -> None:
    source = (await client.post("/v1/webhooks", json={"name": "shop", "event_type": "t"})).json()
    old = datetime.now(UTC) - timedelta(minutes=6)
    kind = {"content-type": "application/json"}
    for answer, code in (
        (await send(served.url, source, new_secret()), "signature_wrong"),
        (await send(served.url, source, source["secret"], sent=b"{"), "signature_wrong"),
        (await send(served.url, source, source["secret"], at=old), "signature_too_old"),
        (await send(served.url, {"path": "/v1/webhooks/nobody"}, source["secret"]), "signature_wrong"),
        (await client.post(source["path"], content=b"{", headers=kind), "signature_missing"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, code)
    unreadable = await send(served.url, source, source["secret"], body=b'{"a": NaN}')
    assert (unreadable.status_code, unreadable.json()["code"]) == (400, "json_not_finite")


async def test_secrets_change_over(served: Served, client: httpx.AsyncClient) -> None:
    source = (await client.post("/v1/webhooks", json={"name": "shop", "event_type": "t"})).json()
    rotated = (await client.post(f"/v1/webhooks/{source['id']}/rotate", json={"overlap": 3600})).json()
    for number, secret in enumerate((source["secret"], rotated["secret"])):
        assert (await send(served.url, source, secret, f"msg_{number}")).status_code == 200
    newest = (await client.post(f"/v1/webhooks/{source['id']}/rotate", json={"overlap": 0})).json()
    for secret in (source["secret"], rotated["secret"]):
        assert (await send(served.url, source, secret, "msg_9")).status_code == 401
    assert (await send(served.url, source, newest["secret"], "msg_9")).status_code == 200
    listed = (await client.get("/v1/webhooks")).json()["sources"]
    assert ["secret" in one for one in listed] == [False]
    assert (await client.delete(f"/v1/webhooks/{source['id']}")).status_code == 204
    assert (await send(served.url, source, newest["secret"], "msg_10")).status_code == 401


async def test_secrets_are_not_kept_in_the_clear(served: Served, client: httpx.AsyncClient) -> None:
    source = (await client.post("/v1/webhooks", json={"name": "shop", "event_type": "t"})).json()
    await served.gateway.orchestrator.store.barrier()
    database = served.gateway.orchestrator.store.path
    for file in database.parent.glob(f"{database.name}*"):
        assert source["secret"].encode() not in file.read_bytes()


async def test_a_message_is_its_tenants_event_only(served: Served) -> None:
    baton = served.gateway.orchestrator
    keys = [await make_key(baton, "admin", tenant=tenant) for tenant in ("a", "b")]
    async with caller(served.url, keys[0]) as ours, caller(served.url, keys[1]) as theirs:
        ids = []
        for client in (ours, theirs):
            await publish(client, workflow("w", awaits("paid", "order.paid")))
            ids.append((await start(client, workflow="w"))["id"])
            await until_rest(served, ids[-1])
        source = (await ours.post("/v1/webhooks", json={"name": "shop", "event_type": "order.paid"})).json()
        assert (await send(served.url, source, source["secret"])).json()["matched"] == 1
        assert (await baton.wait(ids[0])).status == "completed"
        assert (await baton.get(ids[1])).status == "waiting"
        assert (await theirs.post(f"/v1/webhooks/{source['id']}/rotate")).status_code == 404
