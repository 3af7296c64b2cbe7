"""shipping-service: labels, and their voiding."""

import hashlib
from typing import Any

from pydantic import AliasChoices, Field

from api.demo.services.calls import Answer, Body, CallDep, ServiceRouter, new_id
from api.demo.services.store import utc_now

CARRIERS = ("NORTHWIND", "PELICAN", "QUICKPOST")


class Address(Body):
    name: str | None = None
    street: str = Field(min_length=1)
    city: str = Field(min_length=1)
    state: str = Field(pattern="^[A-Z]{2}$")
    zip: str = Field(pattern=r"^\d{5}(-\d{4})?$")


class NewLabel(Body):
    order_id: str | None = None
    address: Address = Field(validation_alias=AliasChoices("address", "shipping_address"))
    items: list[dict[str, Any]] = Field(min_length=1)


def router() -> ServiceRouter:
    routes = ServiceRouter("shipping-service")
    routes.serve("POST", "/api/labels", create_label)
    routes.serve("GET", "/api/labels", list_labels)
    routes.serve("GET", "/api/labels/{label_id}", get_label)
    routes.serve("DELETE", "/api/labels/{label_id}", void_label)
    return routes


def create_label(call: CallDep, body: NewLabel) -> Answer:
    label_id = new_id("lbl")
    # The carrier depends on where it goes, so that the same address always gives the same one.
    place = int(hashlib.sha256(body.address.zip.encode()).hexdigest(), 16)
    label = {
        "id": label_id,
        "status": "created",
        **body.model_dump(),
        "carrier": CARRIERS[place % len(CARRIERS)],
        "tracking_number": f"TRK{label_id[-12:].upper()}",
        "created_at": utc_now(),
    }
    call.act("label.created", "label", label_id, label)
    return Answer(201, label)


def list_labels(call: CallDep, order_id: str | None = None) -> Answer:
    labels = call.find("label") if order_id is None else call.find("label", "order_id", order_id)
    return Answer(200, {"labels": labels, "count": len(labels)})


def get_label(call: CallDep, label_id: str) -> Answer:
    return Answer(200, call.need("label", label_id))


def void_label(call: CallDep, label_id: str) -> Answer:
    call.erase("label.voided", "label", label_id)
    return Answer(204)
