"""Orders, payments, stock, labels, customers, bills and figures: what examples X-7, X-11 and X-14 call."""

import httpx
import pytest

from tests.unit.demo.support import Control

ITEMS = [{"sku": "ITEM-001", "quantity": 2, "price": 29.99}, {"sku": "ITEM-002", "quantity": 1, "price": 49.99}]
ADDRESS = {"street": "123 Main St", "city": "Anytown", "state": "CA", "zip": "12345"}


async def test_the_planted_order_adds_up(client: httpx.AsyncClient) -> None:
    verdict = (await client.post("/order-service/api/orders/ORD-12345/validate")).json()
    assert verdict == {
        "order_id": "ORD-12345",
        "order_valid": True,
        "computed_total": 109.97,
        "stated_total": 109.97,
        "problems": [],
    }


@pytest.mark.parametrize(
    ("order", "codes"),
    [
        ({"items": ITEMS, "total": 109.98}, ["wrong_total"]),
        ({"items": [], "total": 0}, ["no_items"]),
        ({"items": [{"sku": "ITEM-001", "quantity": -1, "price": 1}]}, ["bad_quantity"]),
        ({"order_items": ITEMS, "order_total": "109.97"}, []),
    ],
)
async def test_an_order_is_checked_without_being_stored(
    client: httpx.AsyncClient, control: Control, order: dict[str, object], codes: list[str]
) -> None:
    verdict = (await client.post("/order-service/api/orders/validate", json=order)).json()
    assert [problem["code"] for problem in verdict["problems"]] == codes
    assert verdict["order_valid"] is (not codes)
    assert await control.effects() == []


async def test_an_order_is_created_once_and_goes_its_way(client: httpx.AsyncClient) -> None:
    body = {"order_id": "ORD-1", "customer_id": "CUST-1", "items": ITEMS}
    created = await client.post("/order-service/api/orders", json=body)
    assert (created.status_code, created.json()["id"], created.json()["total"]) == (201, "ORD-1", 109.97)
    assert (await client.post("/order-service/api/orders", json=body)).status_code == 409
    status = "/order-service/api/orders/ORD-1/status"
    assert (await client.put(status, json={"status": "paid"})).json()["status"] == "paid"
    assert (await client.put(status, json={"status": "cancelled"})).status_code == 200
    refused = await client.put(status, json={"status": "shipped"})
    assert refused.status_code == 409
    assert refused.json()["error"]["status"] == "cancelled"
    found = (await client.get("/order-service/api/orders", params={"customer_id": "CUST-1"})).json()
    assert [order["id"] for order in found["orders"]] == ["ORD-1"]


async def test_a_payment_is_captured_and_refunded_in_parts(client: httpx.AsyncClient, control: Control) -> None:
    body = {"amount": 109.97, "payment_method": "credit_card", "order_id": "ORD-1"}
    payment = (await client.post("/payment-service/api/payments", json=body)).json()
    assert (payment["status"], payment["payment_successful"], payment["amount"]) == ("captured", True, 109.97)
    refund = f"/payment-service/api/payments/{payment['id']}/refund"
    part = (await client.post(refund, json={"amount": 9.97})).json()
    assert (part["status"], part["refunded_amount"]) == ("partially_refunded", 9.97)
    too_much = await client.post(refund, json={"amount": 100.01})
    assert (too_much.status_code, too_much.json()["error"]["left"]) == (409, 100.0)
    rest = [(await client.post(refund)).json() for _ in range(2)]
    assert rest[0] == rest[1]
    assert (rest[0]["status"], rest[0]["refunded_amount"]) == ("refunded", 109.97)
    assert len(await control.effects(action="payment.refunded")) == 2
    listed = (await client.get("/payment-service/api/payments", params={"order_id": "ORD-1"})).json()
    assert listed["payments"] == [rest[0]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount": 10_000.01}, "amount_over_limit"),
        ({"method": "declined_card"}, "card_declined"),
        ({"method": "expired_card"}, "card_expired"),
    ],
)
async def test_a_payment_is_declined_by_rule(
    client: httpx.AsyncClient, control: Control, change: dict[str, object], reason: str
) -> None:
    body = {"amount": 10_000, "method": "credit_card"} | change
    response = await client.post("/payment-service/api/payments", json=body)
    assert response.status_code == 402
    assert response.json()["error"]["code"] == "payment_declined"
    assert response.json()["error"]["reason"] == reason
    assert await control.effects() == []


async def test_stock_is_reserved_committed_and_given_back(client: httpx.AsyncClient, control: Control) -> None:
    async def stock() -> tuple[int, int]:
        entry = (await client.get("/inventory-service/api/stock/ITEM-003")).json()
        return entry["quantity"], entry["reserved"]

    wish = {"order_id": "ORD-1", "items": [{"sku": "ITEM-003", "quantity": 2, "price": 9.99}]}
    reservations = "/inventory-service/api/reservations"
    first = (await client.post(reservations, json=wish)).json()
    assert await stock() == (1, 2)
    refused = await client.post(reservations, json=wish)
    assert refused.status_code == 409
    assert refused.json()["error"]["missing"][0]["in_stock"] == 1

    assert [(await client.delete(f"{reservations}/{first['id']}")).status_code for _ in range(2)] == [204, 204]
    assert await stock() == (3, 0)
    second = (await client.post(reservations, json=wish)).json()
    assert (await client.post(f"{reservations}/{second['id']}/commit")).json()["status"] == "committed"
    assert await stock() == (1, 0)
    assert (await client.delete(f"{reservations}/{second['id']}")).status_code == 409
    actions = [effect["action"] for effect in await control.effects()]
    assert actions == ["stock.reserved", "stock.released", "stock.reserved", "stock.committed"]


async def test_releasing_what_never_was_is_no_failure(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/inventory-service/api/reservations/rsv_none")).status_code == 204


async def test_availability_sums_the_lines_of_one_article(client: httpx.AsyncClient) -> None:
    wish = {"items": [{"sku": "ITEM-003", "quantity": 2}, {"sku": "ITEM-003", "quantity": 2}]}
    found = (await client.post("/inventory-service/api/availability", json=wish)).json()
    assert found["inventory_available"] is False
    assert found["missing"] == [{"sku": "ITEM-003", "requested": 4, "in_stock": 3, "available": False}]
    one = (await client.get("/inventory-service/api/availability", params={"sku": "ITEM-001", "quantity": 5})).json()
    assert one["inventory_available"] is True
    assert (await client.post("/inventory-service/api/availability", json={"items": ITEMS})).status_code == 200


async def test_a_label_is_made_and_voided(client: httpx.AsyncClient) -> None:
    body = {"order_id": "ORD-1", "shipping_address": ADDRESS, "items": ITEMS}
    label = (await client.post("/shipping-service/api/labels", json=body)).json()
    assert label["tracking_number"].startswith("TRK")
    assert (await client.get(f"/shipping-service/api/labels/{label['id']}")).json() == label
    path = f"/shipping-service/api/labels/{label['id']}"
    assert [(await client.delete(path)).status_code for _ in range(2)] == [204, 204]
    wrong = await client.post("/shipping-service/api/labels", json=body | {"shipping_address": ADDRESS | {"zip": "?"}})
    assert wrong.status_code == 422
    assert wrong.json()["error"]["problems"][0]["where"] == "body.shipping_address.zip"


async def test_a_customer_grows_and_an_order_counts_once(client: httpx.AsyncClient, control: Control) -> None:
    path = "/crm-service/api/customers/CUST-67890"
    assert (await client.put(path, json={"order_status": "paid"})).json()["order_status"] == "paid"
    await client.put(path, json={"order_status": "paid"})
    purchase = {"order_id": "ORD-12345", "order_value": 109.97}
    for _ in range(2):
        customer = (await client.post(f"{path}/purchases", json=purchase)).json()
    assert (customer["lifetime_value"], customer["orders"]) == (109.97, ["ORD-12345"])
    assert len(await control.effects(service="crm-service")) == 2


async def test_a_customer_is_made_managed_and_deleted(client: httpx.AsyncClient) -> None:
    body = {"customer_id": "CUST-1", "name": "Dee"}
    assert (await client.post("/crm-service/api/customers", json=body)).status_code == 201
    assert (await client.post("/crm-service/api/customers", json=body)).status_code == 409
    path = "/crm-service/api/customers/CUST-1"
    by_rule = (await client.put(f"{path}/manager")).json()["manager"]
    assert (await client.put(f"{path}/manager", json={})).json()["manager"] == by_rule
    assert (await client.put(f"{path}/manager", json={"manager": "Zoe"})).json()["manager"] == "Zoe"
    assert (await client.post(f"{path}/notes", json={"text": "Called."})).status_code == 201
    assert [note["text"] for note in (await client.get(path)).json()["notes"]] == ["Called."]
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.put("/crm-service/api/customers/CUST-2", json={"name": "Eve"})).status_code == 201


async def test_accounts_and_invoices(client: httpx.AsyncClient, control: Control) -> None:
    account = "/billing-service/api/accounts/CUST-1"
    assert (await client.put(account, json={"plan": "premium"})).status_code == 201
    assert (await client.put(account, json={"plan": "premium"})).status_code == 200
    assert (await client.get(account)).json()["plan"] == "premium"
    body = {"customer_id": "CUST-1", "amount": 109.97, "order_id": "ORD-1"}
    invoice = (await client.post("/billing-service/api/invoices", json=body)).json()
    void = f"/billing-service/api/invoices/{invoice['id']}/void"
    assert [(await client.post(void)).json()["status"] for _ in range(2)] == ["void", "void"]
    listed = (await client.get("/billing-service/api/invoices", params={"customer_id": "CUST-1"})).json()
    assert [entry["status"] for entry in listed["invoices"]] == ["void"]
    assert (await client.delete(account)).status_code == 204
    actions = [effect["action"] for effect in await control.effects()]
    assert actions == ["account.opened", "invoice.created", "invoice.voided", "account.closed"]


async def test_events_are_counted_by_type(client: httpx.AsyncClient) -> None:
    events = "/analytics-service/api/events"
    kinds = ("order.paid", "order.paid", "user.joined")
    ids = [(await client.post(events, json={"type": kind})).json()["id"] for kind in kinds]
    assert (await client.delete(f"{events}/{ids[0]}")).status_code == 204
    metrics = (await client.get("/analytics-service/api/metrics")).json()
    assert metrics == {"events": {"order.paid": 1, "user.joined": 1}, "total": 2}
    assert (await client.get(events, params={"type": "user.joined"})).json()["count"] == 1
