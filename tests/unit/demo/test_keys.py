"""One key, one effect: the mechanism behind every route that acts."""

import asyncio

import httpx
import pytest

from tests.unit.demo.support import Control

KEY = {"Idempotency-Key": "exec-1:charge:0"}
CHARGE = {"amount": 100, "method": "credit_card", "order_id": "ORD-1"}

# One call of every route that acts. Each must keep its answer and its effect under a key.
CALLS = [
    ("POST", "/user-service/api/users", {"username": "john_doe", "email": "john@example.com"}),
    ("DELETE", "/user-service/api/users/nobody", None),
    ("POST", "/user-service/api/validate/unique_email", {"field": "email", "value": "a@example.com"}),
    ("POST", "/profile-service/api/profiles", {"user_id": "usr_1", "profile_data": {"first_name": "John"}}),
    ("POST", "/notification-service/api/emails/send", {"to": "a@example.com", "subject": "Hello", "body": "you"}),
    ("POST", "/notification-service/api/notifications/send", {"user_id": "u", "type": "t", "message": "m"}),
    ("POST", "/order-service/api/orders", {"items": [{"sku": "ITEM-001", "quantity": 1, "price": 2.5}]}),
    ("POST", "/order-service/api/orders/ORD-12345/validate", None),
    ("PUT", "/order-service/api/orders/ORD-12345/status", {"status": "paid"}),
    ("POST", "/payment-service/api/payments", CHARGE),
    ("PUT", "/inventory-service/api/stock/ITEM-003", {"quantity": 5}),
    ("POST", "/inventory-service/api/reservations", {"items": [{"sku": "ITEM-001", "quantity": 2}]}),
    (
        "POST",
        "/shipping-service/api/labels",
        {
            "address": {"street": "1 St", "city": "Town", "state": "CA", "zip": "12345"},
            "items": [{"sku": "ITEM-001", "quantity": 1}],
        },
    ),
    ("POST", "/crm-service/api/customers", {"name": "Dee", "email": "dee@example.com"}),
    ("PUT", "/crm-service/api/customers/CUST-67890", {"order_status": "paid"}),
    ("POST", "/crm-service/api/customers/CUST-67890/purchases", {"order_id": "ORD-1", "order_value": 109.97}),
    ("POST", "/crm-service/api/customers/CUST-67890/notes", {"text": "Called."}),
    ("PUT", "/billing-service/api/accounts/CUST-1", {"plan": "premium"}),
    ("POST", "/billing-service/api/invoices", {"customer_id": "CUST-1", "amount": 5}),
    ("POST", "/analytics-service/api/events", {"type": "order.fulfilled", "properties": {"n": 1}}),
    ("POST", "/document-service/api/documents", {"title": "Invoice", "content": "Invoice INV-7, total $5.00"}),
    ("PUT", "/patient-service/api/patients/PAT-9", {"name": "New Patient"}),
    ("POST", "/patient-service/api/patients/PAT-002/data-requests", {"areas": ["vitals"]}),
    ("POST", "/patient-service/api/patients/PAT-001/reports", {"title": "Report", "summary": "All well."}),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS, ids=[f"{method} {path}" for method, path, _ in CALLS])
async def test_the_same_key_gets_the_same_answer_and_no_second_effect(
    client: httpx.AsyncClient, control: Control, method: str, path: str, body: object
) -> None:
    first = await client.request(method, path, json=body, headers=KEY)
    effects = await control.effects()
    second = await client.request(method, path, json=body, headers=KEY)

    assert first.is_success
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert await control.effects() == effects


async def test_without_a_key_a_call_acts_each_time(client: httpx.AsyncClient, control: Control) -> None:
    for _ in range(2):
        assert (await client.post("/payment-service/api/payments", json=CHARGE)).status_code == 201
    assert len(await control.effects(action="payment.captured")) == 2


async def test_another_key_or_another_path_is_another_call(client: httpx.AsyncClient, control: Control) -> None:
    first = await client.post("/payment-service/api/payments", json=CHARGE, headers=KEY)
    other = await client.post("/payment-service/api/payments", json=CHARGE, headers={"Idempotency-Key": "exec-2"})
    refund = await client.post(f"/payment-service/api/payments/{first.json()['id']}/refund", headers=KEY)
    assert first.json()["id"] != other.json()["id"]
    assert refund.json()["status"] == "refunded"
    assert [effect["idempotency_key"] for effect in await control.effects()] == [
        "exec-1:charge:0",
        "exec-2",
        "exec-1:charge:0",
    ]


async def test_a_refusal_is_kept_under_its_key_as_well(client: httpx.AsyncClient, control: Control) -> None:
    wish = {"items": [{"sku": "ITEM-004", "quantity": 1}]}
    refused = await client.post("/inventory-service/api/reservations", json=wish, headers=KEY)
    await client.put("/inventory-service/api/stock/ITEM-004", json={"quantity": 10})
    again = await client.post("/inventory-service/api/reservations", json=wish, headers=KEY)
    anew = await client.post("/inventory-service/api/reservations", json=wish, headers={"Idempotency-Key": "raised"})
    assert (refused.status_code, again.status_code, anew.status_code) == (409, 409, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(await control.effects(action="stock.reserved")) == 1


async def test_a_body_that_does_not_fit_is_not_kept(client: httpx.AsyncClient) -> None:
    wrong = await client.post("/payment-service/api/payments", json=CHARGE | {"amuont": 1}, headers=KEY)
    right = await client.post("/payment-service/api/payments", json=CHARGE, headers=KEY)
    assert (wrong.status_code, right.status_code) == (422, 201)
    assert wrong.json()["error"]["problems"] == [
        {"where": "body.amuont", "message": "Extra inputs are not permitted"},
    ]


async def test_the_same_key_with_another_body_is_answered_and_marked(client: httpx.AsyncClient) -> None:
    first = await client.post("/payment-service/api/payments", json=CHARGE, headers=KEY)
    other = await client.post("/payment-service/api/payments", json=CHARGE | {"amount": 7}, headers=KEY)
    assert other.json() == first.json()
    assert other.headers["Idempotent-Body-Differs"] == "true"


async def test_many_at_once_with_one_key_act_once(client: httpx.AsyncClient, control: Control) -> None:
    async def charge() -> str:
        response = await client.post("/payment-service/api/payments", json=CHARGE, headers=KEY)
        return response.json()["id"]

    ids = await asyncio.gather(*(charge() for _ in range(20)))
    assert len(set(ids)) == 1
    assert len(await control.effects()) == 1
    requests = await control.requests(key=KEY["Idempotency-Key"])
    assert [request["replayed"] for request in requests].count(False) == 1
    assert len(requests) == 20


async def test_a_key_makes_nothing_of_reading(client: httpx.AsyncClient) -> None:
    path = "/inventory-service/api/stock/ITEM-001"
    await client.get(path, headers=KEY)
    await client.put(path, json={"quantity": 1})
    assert (await client.get(path, headers=KEY)).json()["quantity"] == 1
