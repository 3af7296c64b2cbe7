"""order-service: orders, and whether what they say adds up."""

from decimal import Decimal
from typing import Any, Literal

from pydantic import AliasChoices, Field

from api.demo.services.calls import Answer, Body, CallDep, Money, Refused, ServiceRouter, new_id
from api.demo.services.store import Json, utc_now

Status = Literal["created", "validated", "on_hold", "paid", "fulfilled", "shipped", "cancelled"]
FINAL = ("shipped", "cancelled")


class Item(Body):
    sku: str = Field(min_length=1)
    quantity: int
    price: Money


class Order(Body):
    id: str | None = Field(None, validation_alias=AliasChoices("id", "order_id"), min_length=1, max_length=100)
    items: list[Item] = Field(validation_alias=AliasChoices("items", "order_items"))
    total: Money | None = Field(None, validation_alias=AliasChoices("total", "order_total"))
    customer_id: str | None = None
    customer_email: str | None = None
    customer_tier: str | None = None
    payment_method: str | None = None
    shipping_address: dict[str, Any] | None = None


class NewStatus(Body):
    status: Status
    reason: str | None = None


def router() -> ServiceRouter:
    routes = ServiceRouter("order-service")
    routes.serve("POST", "/api/orders", create_order)
    routes.serve("GET", "/api/orders", list_orders)
    routes.serve("POST", "/api/orders/validate", validate_given)
    routes.serve("GET", "/api/orders/{order_id}", get_order)
    routes.serve("POST", "/api/orders/{order_id}/validate", validate_order)
    routes.serve("PUT", "/api/orders/{order_id}/status", set_status)
    return routes


def create_order(call: CallDep, body: Order) -> Answer:
    order_id = body.id or new_id("ord")
    if call.get("order", order_id) is not None:
        raise Refused(409, "order_exists", f"There is an order '{order_id}' already.")
    order = body.model_dump() | {"id": order_id, "status": "created", "created_at": utc_now()}
    if body.total is None:
        order["total"] = float(_total(order["items"]))
    call.act("order.created", "order", order_id, order)
    return Answer(201, order)


def list_orders(call: CallDep, customer_id: str | None = None) -> Answer:
    orders = call.find("order") if customer_id is None else call.find("order", "customer_id", customer_id)
    return Answer(200, {"orders": orders, "count": len(orders)})


def get_order(call: CallDep, order_id: str) -> Answer:
    return Answer(200, call.need("order", order_id))


def validate_order(call: CallDep, order_id: str) -> Answer:
    return Answer(200, _verdict(call.need("order", order_id)))


def validate_given(call: CallDep, body: Order) -> Answer:
    """The same check for an order that is not stored."""
    return Answer(200, _verdict(body.model_dump()))


def set_status(call: CallDep, order_id: str, body: NewStatus) -> Answer:
    order = call.need("order", order_id)
    if order["status"] == body.status:
        return Answer(200, order)
    if order["status"] in FINAL:
        message = f"Order '{order_id}' is {order['status']}; that is final."
        raise Refused(409, "order_final", message, status=order["status"])
    order |= {"status": body.status, "status_reason": body.reason, "status_at": utc_now()}
    call.act(f"order.{body.status}", "order", order_id, order)
    return Answer(200, order)


def _total(items: list[Json]) -> Decimal:
    # Through text: 29.99 as a binary fraction is not 29.99, and three of them would not add up.
    return sum((Decimal(str(item["price"])) * item["quantity"] for item in items), Decimal(0))


def _verdict(order: Json) -> Json:
    items, stated = order["items"], order.get("total")
    computed = _total(items)
    problems = [
        {"code": "bad_quantity", "message": f"{item['sku']}: quantity {item['quantity']} is not positive."}
        for item in items
        if item["quantity"] <= 0
    ]
    if not items:
        problems.append({"code": "no_items", "message": "The order has no items."})
    if stated is not None and Decimal(str(stated)) != computed:
        problems.append({"code": "wrong_total", "message": f"The items come to {computed}, the order says {stated}."})
    return {
        "order_id": order.get("id"),
        "order_valid": not problems,
        "computed_total": float(computed),
        "stated_total": stated,
        "problems": problems,
    }
