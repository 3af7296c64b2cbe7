"""The two books: what arrived, and what was done about it."""

import asyncio
import hashlib

import httpx

from api.demo.services.names import SERVICE_NAMES
from api.demo.services.process import Services
from tests.support.waiting import until
from tests.unit.demo.support import Control

USER = b'{"username": "john_doe", "email": "john@example.com"}'
JSON = {"Content-Type": "application/json"}


async def test_an_effect_names_its_request_key_and_body(client: httpx.AsyncClient, control: Control) -> None:
    headers = JSON | {"Idempotency-Key": "k1"}
    user = (await client.post("/user-service/api/users", content=USER, headers=headers)).json()
    [request] = await control.requests()
    [effect] = await control.effects()
    digest = hashlib.sha256(USER).hexdigest()

    assert request["method"] == "POST"
    assert request["path"] == "/api/users"
    assert (request["status"], request["replayed"], request["fault"]) == (201, False, None)
    assert effect == {
        "id": effect["id"],
        "at": effect["at"],
        "service": "user-service",
        "action": "user.created",
        "subject": user["id"],
        "idempotency_key": "k1",
        "body_digest": digest,
        "request_id": request["id"],
    }
    assert request["body_digest"] == digest
    assert request["at"] <= effect["at"] <= request["answered_at"]


async def test_every_request_is_written_down_even_to_nowhere(client: httpx.AsyncClient, control: Control) -> None:
    for service in SERVICE_NAMES:
        assert (await client.get(f"/{service}/api/nowhere", params={"q": "1"})).status_code == 404
    assert (await client.put("/user-service/api/users")).status_code == 405
    requests = await control.requests()
    assert [request["service"] for request in requests] == [*SERVICE_NAMES, "user-service"]
    assert {request["status"] for request in requests} == {404, 405}
    assert requests[0]["query"] == "q=1"
    assert await control.effects() == []


async def test_the_books_can_be_asked_for_a_part(client: httpx.AsyncClient, control: Control) -> None:
    for name in ("a", "b", "c"):
        body = {"username": f"user-{name}", "email": f"{name}@example.com"}
        await client.post("/user-service/api/users", json=body, headers={"Idempotency-Key": name})
    assert [effect["idempotency_key"] for effect in await control.effects(key="b")] == ["b"]
    first, *_ = await control.effects(service="user-service", action="user.created")
    assert [effect["idempotency_key"] for effect in await control.effects(after=first["id"], limit=1)] == ["b"]
    assert len(await control.requests(method="POST", path="/api/users")) == 3
    assert await control.requests(service="crm-service") == []


async def test_the_request_is_in_the_book_before_anything_is_done(client: httpx.AsyncClient, control: Control) -> None:
    await control.fault("user-service", hang=True)
    call = asyncio.create_task(client.post("/user-service/api/users", content=USER, headers=JSON))

    async def arrived() -> bool:
        return bool(await control.requests())

    await until(arrived, "the request is written down")
    assert await control.effects() == []
    call.cancel()


async def test_a_caller_who_vanished_left_a_trace_and_is_served(services: Services, control: Control) -> None:
    await control.fault("user-service", latency_ms=50)
    url = httpx.URL(services.url)
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = "POST /user-service/api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Idempotency-Key: gone\r\nContent-Length: {len(USER)}\r\n\r\n".encode() + USER)
    await writer.drain()
    writer.transport.abort()

    async def acted() -> bool:
        return bool(await control.effects(key="gone"))

    await until(acted, "the effect of the vanished caller")
    assert len(await control.requests(key="gone")) == 1


async def test_reset_empties_everything_and_plants_again(client: httpx.AsyncClient, control: Control) -> None:
    key = {"Idempotency-Key": "k"}
    await client.post("/user-service/api/users", content=USER, headers=JSON | key)
    await client.put("/inventory-service/api/stock/ITEM-001", json={"quantity": 0})
    await control.fault("crm-service", down=True)
    assert (await client.post("/_control/reset")).status_code == 204

    assert await control.effects() == []
    assert await control.requests() == []
    assert await control.faults() == []
    assert (await client.get("/user-service/api/users")).json()["users"] == []
    assert (await client.get("/inventory-service/api/stock/ITEM-001")).json()["quantity"] == 100_000
    again = await client.post("/user-service/api/users", content=USER, headers=JSON | key)
    assert "Idempotent-Replayed" not in again.headers


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient, control: Control) -> None:
    response = await client.post("/user-service/api/users", content=b"x" * (8 * 1024 * 1024 + 1), headers=JSON)
    assert response.status_code == 413
    assert await control.requests() == []


async def test_health_names_the_services(client: httpx.AsyncClient) -> None:
    assert (await client.get("/_control/health")).json() == {"status": "ok", "services": list(SERVICE_NAMES)}
