"""What a service cannot do, even by mistake: act unseen, act halfway, or act on a request that is not in the book."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.demo.services.calls import Answer, CallDep, Refused, ServiceRouter
from api.demo.services.faults import FaultBoard
from api.demo.services.gate import Gate
from api.demo.services.store import Store


def keep_quietly(call: CallDep) -> Answer:
    call.put("thing", "1", {"id": "1"})
    return Answer(201)


def keep_and_break(call: CallDep) -> Answer:
    call.act("thing.kept", "thing", "1", {"id": "1"})
    raise ZeroDivisionError


def keep_and_refuse(call: CallDep) -> Answer:
    call.act("thing.kept", "thing", "1", {"id": "1"})
    raise Refused(409, "no", "No.")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "services.db", lambda _: None)
    yield opened
    opened.close()


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    routes = ServiceRouter("user-service")
    for endpoint in (keep_quietly, keep_and_break, keep_and_refuse):
        routes.serve("POST", f"/api/{endpoint.__name__}", endpoint)
    app = FastAPI()
    app.state.store = store
    app.include_router(routes)
    transport = httpx.ASGITransport(Gate(app, store, FaultBoard(), asyncio.Event()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://demo") as connected:
        yield connected


@pytest.mark.parametrize(
    ("endpoint", "status"), [("keep_quietly", 500), ("keep_and_break", 500), ("keep_and_refuse", 409)]
)
async def test_nothing_is_left_of_what_did_not_end_well(
    client: httpx.AsyncClient, store: Store, endpoint: str, status: int
) -> None:
    path = f"/user-service/api/{endpoint}"
    for _ in range(2):
        response = await client.post(path, headers={"Idempotency-Key": "k"})
        assert response.status_code == status
    assert store.rows("effects", {}) == []
    assert store.get("user-service", "thing", "1") is None
    assert len(store.rows("requests", {"idempotency_key": "k"})) == 2


async def test_a_request_that_cannot_be_written_down_is_not_served(
    client: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(table: str, row: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(store, "insert", full)
    response = await client.post("/user-service/api/keep_and_refuse")
    assert response.status_code == 503
    assert response.json()["error"]["message"] == "The request cannot be written down: database or disk is full."


def test_records_are_looked_up_by_indexed_fields_only(store: Store) -> None:
    with pytest.raises(ValueError, match="no index on 'shoe_size'"):
        store.find("user-service", "user", "shoe_size", 43)


def test_a_transaction_keeps_all_or_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.put("user-service", "thing", "1", {})
        raise ZeroDivisionError
    assert store.get("user-service", "thing", "1") is None
