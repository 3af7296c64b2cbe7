"""inventory-service: what is in stock, and what of it is reserved."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from api.demo.services.calls import Answer, Body, Call, CallDep, Refused, ServiceRouter, new_id
from api.demo.services.store import Json, utc_now


class Wanted(Body):
    sku: str = Field(min_length=1)
    quantity: int = Field(ge=1)
    price: float | None = Field(None, description="Taken, so that the items of an order fit; not looked at")


class Wish(Body):
    items: list[Wanted] = Field(min_length=1)


class NewReservation(Wish):
    order_id: str | None = None


class Stock(Body):
    quantity: int = Field(ge=0)


def router() -> ServiceRouter:
    routes = ServiceRouter("inventory-service")
    routes.serve("GET", "/api/stock", list_stock)
    routes.serve("GET", "/api/stock/{sku}", get_stock)
    routes.serve("PUT", "/api/stock/{sku}", set_stock)
    routes.serve("GET", "/api/availability", availability)
    routes.serve("POST", "/api/availability", check_availability)
    routes.serve("POST", "/api/reservations", reserve)
    routes.serve("GET", "/api/reservations/{reservation_id}", get_reservation)
    routes.serve("POST", "/api/reservations/{reservation_id}/commit", commit_reservation)
    routes.serve("DELETE", "/api/reservations/{reservation_id}", release)
    return routes


def list_stock(call: CallDep) -> Answer:
    return Answer(200, {"stock": call.find("stock")})


def get_stock(call: CallDep, sku: str) -> Answer:
    return Answer(200, call.need("stock", sku))


def set_stock(call: CallDep, sku: str, body: Stock) -> Answer:
    stock = call.get("stock", sku) or {"sku": sku, "reserved": 0}
    stock["quantity"] = body.quantity
    call.act("stock.set", "stock", sku, stock)
    return Answer(200, stock)


def availability(call: CallDep, sku: str, quantity: Annotated[int, Query(ge=1)] = 1) -> Answer:
    return Answer(200, _availability(call, {sku: quantity}))


def check_availability(call: CallDep, body: Wish) -> Answer:
    return Answer(200, _availability(call, _summed(body.items)))


def reserve(call: CallDep, body: NewReservation) -> Answer:
    wanted = _summed(body.items)
    found = _availability(call, wanted)
    if not found["inventory_available"]:
        names = ", ".join(item["sku"] for item in found["missing"])
        raise Refused(409, "out_of_stock", f"Not enough in stock: {names}.", missing=found["missing"])
    for sku, quantity in wanted.items():
        _move(call, sku, quantity=-quantity, reserved=quantity)
    reservation: Json = {
        "id": new_id("rsv"),
        "order_id": body.order_id,
        "status": "reserved",
        "items": [{"sku": sku, "quantity": quantity} for sku, quantity in wanted.items()],
        "created_at": utc_now(),
    }
    call.act("stock.reserved", "reservation", reservation["id"], reservation)
    return Answer(201, reservation)


def get_reservation(call: CallDep, reservation_id: str) -> Answer:
    return Answer(200, call.need("reservation", reservation_id))


def commit_reservation(call: CallDep, reservation_id: str) -> Answer:
    """The goods have left: what was reserved is gone for good."""
    return _closed(call, call.need("reservation", reservation_id), "committed")


def release(call: CallDep, reservation_id: str) -> Answer:
    """Give the goods back. Nothing to give back is no failure: a compensation may run twice."""
    reservation = call.get("reservation", reservation_id)
    if reservation is not None:
        _closed(call, reservation, "released")
    return Answer(204)


def _closed(call: Call, reservation: Json, status: Literal["committed", "released"]) -> Answer:
    if reservation["status"] == status:
        return Answer(200, reservation)
    if reservation["status"] != "reserved":
        message = f"Reservation '{reservation['id']}' is {reservation['status']} and cannot be {status}."
        raise Refused(409, "reservation_closed", message, status=reservation["status"])
    for item in reservation["items"]:
        back = item["quantity"] if status == "released" else 0
        _move(call, item["sku"], quantity=back, reserved=-item["quantity"])
    reservation |= {"status": status, f"{status}_at": utc_now()}
    call.act(f"stock.{status}", "reservation", reservation["id"], reservation)
    return Answer(200, reservation)


def _summed(items: list[Wanted]) -> dict[str, int]:
    """Quantity by article: two lines of one article must not each pass by themselves."""
    wanted: dict[str, int] = {}
    for item in items:
        wanted[item.sku] = wanted.get(item.sku, 0) + item.quantity
    return wanted


def _availability(call: Call, wanted: dict[str, int]) -> Json:
    lines = []
    for sku, quantity in wanted.items():
        in_stock = (call.get("stock", sku) or {"quantity": 0})["quantity"]
        lines.append({"sku": sku, "requested": quantity, "in_stock": in_stock, "available": in_stock >= quantity})
    missing = [line for line in lines if not line["available"]]
    return {"inventory_available": not missing, "items": lines, "missing": missing}


def _move(call: Call, sku: str, *, quantity: int, reserved: int) -> None:
    stock = call.need("stock", sku)
    stock |= {"quantity": stock["quantity"] + quantity, "reserved": stock["reserved"] + reserved}
    call.put("stock", sku, stock)
