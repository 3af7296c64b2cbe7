"""Failures on demand: how, when, and on which side of the effect."""

import asyncio
import json
import time

import httpx
import pytest

from tests.support.waiting import until
from tests.unit.demo.support import Control

USERS = "/user-service/api/users"
KEY = {"Idempotency-Key": "exec-1:create:0"}
USER = {"username": "john_doe", "email": "john@example.com"}


async def test_the_next_two_fail_and_the_third_does_not(client: httpx.AsyncClient, control: Control) -> None:
    await control.fault("user-service", fail_next=2, status=429, retry_after=1.5)
    answers = [await client.post(USERS, json=USER, headers=KEY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 201]
    assert answers[0].headers["Retry-After"] == "1.5"
    assert answers[0].json()["error"]["code"] == "injected_fault"
    assert len(await control.effects()) == 1
    assert [request["fault"] for request in await control.requests()] == ["429", "429", None]
    [fault] = await control.faults()
    assert (fault["fired"], fault["remaining"]) == (2, 0)


async def test_without_a_status_it_is_503(client: httpx.AsyncClient, control: Control) -> None:
    await control.fault("user-service", fail_next=1)
    answer = await client.get(USERS)
    assert answer.status_code == 503
    assert "Retry-After" not in answer.headers


async def test_a_share_fails_and_the_seed_says_which(client: httpx.AsyncClient, control: Control) -> None:
    async def pattern(seed: int) -> list[int]:
        await control.fault("user-service", fail_rate=0.5, seed=seed)
        return [(await client.get(USERS)).status_code for _ in range(20)]

    first, again, other = await pattern(7), await pattern(7), await pattern(8)
    assert set(first) == {200, 503}
    assert first == again
    assert first != other


async def test_down_closes_the_connection_without_a_response(client: httpx.AsyncClient, control: Control) -> None:
    await control.fault("user-service", down=True)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await client.post(USERS, json=USER)
    [request] = await control.requests()
    assert (request["fault"], request["status"], request["answered_at"]) == ("down", None, None)
    assert await control.effects() == []


async def test_hang_never_answers_and_lets_go_of_callers_who_leave(client: httpx.AsyncClient, control: Control) -> None:
    await control.fault("user-service", hang=True)
    with pytest.raises(httpx.ReadTimeout):
        await client.get(USERS, timeout=0.1)
    assert [request["fault"] for request in await control.requests()] == ["hang"]
    await client.delete("/_control/faults/user-service")
    assert (await client.get(USERS)).status_code == 200


async def test_malformed_is_a_success_that_cannot_be_read(client: httpx.AsyncClient, control: Control) -> None:
    await control.fault("user-service", malformed=True)
    answer = await client.post(USERS, json=USER)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert await control.effects() == []


@pytest.mark.parametrize("manner", [{"down": True}, {"hang": True}, {"malformed": True}, {"status": 500}], ids=str)
async def test_a_lost_answer_is_found_again_by_its_key(
    client: httpx.AsyncClient, control: Control, manner: dict[str, object]
) -> None:
    await control.fault("user-service", after_effect=True, fail_next=1, **manner)
    try:
        lost = await client.post(USERS, json=USER, headers=KEY, timeout=0.2)
        assert lost.status_code == manner.get("status", 200)
    except httpx.TransportError:
        pass
    [effect] = await control.effects()
    found = await client.post(USERS, json=USER, headers=KEY)

    assert found.status_code == 201
    assert found.json()["id"] == effect["subject"]
    assert await control.effects() == [effect]
    first, second = await control.requests()
    assert first["fault"].endswith("after effect")
    assert second["replayed"] is True


async def test_an_answer_lost_twice_is_still_one_effect(client: httpx.AsyncClient, control: Control) -> None:
    await control.fault("user-service", after_effect=True, fail_next=2)
    answers = [await client.post(USERS, json=USER, headers=KEY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 201]
    assert [request["replayed"] for request in await control.requests()] == [False, True, True]
    assert len(await control.effects()) == 1


async def test_latency_delays_every_request_and_fails_none(client: httpx.AsyncClient, control: Control) -> None:
    await control.fault("user-service", latency_ms=60)
    started = time.perf_counter()
    answers = await asyncio.gather(*(client.get(USERS) for _ in range(5)))
    took = time.perf_counter() - started
    assert [answer.status_code for answer in answers] == [200] * 5
    assert took >= 0.06
    [fault] = await control.faults()
    assert (fault["delayed"], fault["fired"]) == (5, 0)


async def test_latency_after_the_effect_shows_the_effect_at_once(client: httpx.AsyncClient, control: Control) -> None:
    await control.fault("user-service", latency_ms=600_000, after_effect=True)
    call = asyncio.create_task(client.post(USERS, json=USER))

    async def acted() -> bool:
        return bool(await control.effects())

    await until(acted, "the effect, long before the answer")
    assert not call.done()
    call.cancel()


async def test_a_fault_strikes_its_own_service_route_and_method_only(
    client: httpx.AsyncClient, control: Control
) -> None:
    await control.fault("user-service", route="/api/validate", status=500)
    await control.fault("user-service", route="/api/users", method="delete", status=502)
    body = {"field": "email", "value": "a@example.com"}
    assert (await client.post("/user-service/api/validate/unique_email", json=body)).status_code == 500
    assert (await client.delete(f"{USERS}/x")).status_code == 502
    assert (await client.get(USERS)).status_code == 200
    assert (await client.get("/crm-service/api/customers/CUST-67890")).status_code == 200


async def test_the_most_exact_fault_decides(client: httpx.AsyncClient, control: Control) -> None:
    await control.fault("user-service", status=500)
    await control.fault("user-service", route="/api/users", status=501)
    await control.fault("user-service", route="/api/users", method="GET", status=502)
    assert (await client.get(USERS)).status_code == 502
    assert (await client.delete(f"{USERS}/x")).status_code == 501
    assert (await client.post("/user-service/api/validate/x", json={})).status_code == 500


async def test_a_new_setting_replaces_the_old_and_delete_takes_it_away(
    client: httpx.AsyncClient, control: Control
) -> None:
    await control.fault("user-service", status=500)
    await control.fault("user-service", status=502)
    await control.fault("user-service", route="/api/users", status=504)
    assert (await client.delete("/_control/faults/user-service", params={"route": "/api/users"})).status_code == 204
    assert (await client.get(USERS)).status_code == 502
    assert (await client.delete("/_control/faults")).status_code == 204
    assert (await client.get(USERS)).status_code == 200


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"down": True, "hang": True}, "not by down and hang"),
        ({"down": True, "status": 500}, "not by down and status"),
        ({"route": "api/users", "status": 500}, "begins with a slash"),
        ({"fail_rate": 1.5}, "less than or equal to 1"),
        ({"status": 200}, "greater than or equal to 400"),
        ({"fail_nxt": 1}, "Extra inputs"),
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, settings: dict[str, object], words: str
) -> None:
    answer = await client.put("/_control/faults/user-service", json=settings)
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]


async def test_an_unknown_service_is_named_with_the_known_ones(client: httpx.AsyncClient) -> None:
    answer = await client.put("/_control/faults/usr-service", json={"down": True})
    assert answer.status_code == 404
    assert "user-service" in answer.json()["error"]["message"]
