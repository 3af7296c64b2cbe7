"""crm-service: customers, what they bought, who looks after them."""

import hashlib
from decimal import Decimal
from typing import Any

from pydantic import AliasChoices, ConfigDict, Field

from api.demo.services.calls import Answer, Body, CallDep, Money, Refused, ServiceRouter, new_id
from api.demo.services.store import utc_now

MANAGERS = ("Ada Okafor", "Ben Lindqvist", "Chen Wei", "Dolores Ramírez")


class NewCustomer(Body):
    id: str | None = Field(None, validation_alias=AliasChoices("id", "customer_id"), min_length=1, max_length=100)
    name: str | None = None
    email: str | None = None
    type: str = "standard"
    tier: str = "standard"


class Changes(Body):
    """Any fields: a customer's record grows with what the business wants to know."""

    model_config = ConfigDict(extra="allow")


class Purchase(Body):
    order_id: str = Field(min_length=1)
    order_value: Money


class Manager(Body):
    manager: str | None = Field(None, description="One is assigned by the customer's id when none is named")


class Note(Body):
    text: str = Field(min_length=1)
    author: str | None = None


def router() -> ServiceRouter:
    routes = ServiceRouter("crm-service")
    routes.serve("POST", "/api/customers", create_customer)
    routes.serve("GET", "/api/customers/{customer_id}", get_customer)
    routes.serve("PUT", "/api/customers/{customer_id}", change_customer)
    routes.serve("DELETE", "/api/customers/{customer_id}", delete_customer)
    routes.serve("POST", "/api/customers/{customer_id}/purchases", add_purchase)
    routes.serve("PUT", "/api/customers/{customer_id}/manager", assign_manager)
    routes.serve("POST", "/api/customers/{customer_id}/notes", add_note)
    return routes


def create_customer(call: CallDep, body: NewCustomer) -> Answer:
    customer_id = body.id or new_id("cus")
    if call.get("customer", customer_id) is not None:
        raise Refused(409, "customer_exists", f"There is a customer '{customer_id}' already.")
    customer = body.model_dump() | _beginnings(customer_id)
    call.act("customer.created", "customer", customer_id, customer)
    return Answer(201, customer)


def get_customer(call: CallDep, customer_id: str) -> Answer:
    return Answer(200, call.need("customer", customer_id))


def change_customer(call: CallDep, customer_id: str, body: Changes) -> Answer:
    """Merge the given fields into the record; make it where there is none."""
    before = call.get("customer", customer_id)
    customer = (before or _beginnings(customer_id)) | body.model_dump() | {"id": customer_id}
    if customer != before:
        call.act("customer.updated" if before else "customer.created", "customer", customer_id, customer)
    return Answer(200 if before else 201, customer)


def delete_customer(call: CallDep, customer_id: str) -> Answer:
    call.erase("customer.deleted", "customer", customer_id)
    return Answer(204)


def add_purchase(call: CallDep, customer_id: str, body: Purchase) -> Answer:
    """Count an order once, whatever key it comes with: an order is bought once."""
    customer = call.need("customer", customer_id)
    if body.order_id not in customer["orders"]:
        value = Decimal(str(customer["lifetime_value"])) + body.order_value
        customer |= {"orders": [*customer["orders"], body.order_id], "lifetime_value": float(value)}
        call.act("customer.purchase_added", "customer", customer_id, customer)
    return Answer(200, customer)


def assign_manager(call: CallDep, customer_id: str, body: Manager | None = None) -> Answer:
    customer = call.need("customer", customer_id)
    by_id = MANAGERS[int(hashlib.sha256(customer_id.encode()).hexdigest(), 16) % len(MANAGERS)]
    manager = (body.manager if body is not None else None) or customer.get("manager") or by_id
    if customer.get("manager") != manager:
        customer["manager"] = manager
        call.act("customer.manager_assigned", "customer", customer_id, customer)
    return Answer(200, customer)


def add_note(call: CallDep, customer_id: str, body: Note) -> Answer:
    customer = call.need("customer", customer_id)
    note = {"id": new_id("not"), **body.model_dump(), "at": utc_now()}
    customer["notes"] = [*customer["notes"], note]
    call.act("customer.note_added", "customer", customer_id, customer)
    return Answer(201, note)


def _beginnings(customer_id: str) -> dict[str, Any]:
    return {"id": customer_id, "lifetime_value": 0.0, "orders": [], "notes": [], "created_at": utc_now()}
