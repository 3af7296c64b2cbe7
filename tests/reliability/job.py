"""One execution that is carried out while engines are killed, and those of the examples, made to measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ORDER: Mapping[str, Any] = {
    "customer_id": "CUST-67890",
    "customer_email": "customer@example.com",
    "order_items": [
        {"sku": "ITEM-001", "quantity": 2, "price": 29.99},
        {"sku": "ITEM-002", "quantity": 1, "price": 49.99},
    ],
    "order_total": 109.97,
    "payment_method": "credit_card",
    "shipping_address": {"street": "123 Main St", "city": "Anytown", "state": "CA", "zip": "12345"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One execution.

    Attributes:
        status: How it must end.
        early: The event it waits for is published as soon as it can be known, not only once somebody waits (X07).
        linger: Seconds that it rests in memory before it parks.
        steered: How people steer it (see `steering`), if they do. Then nobody else answers what it asks.
        again: From which step it is retried and forked then.
        short_wait: Seconds, as in the engine's settings: with 0, every pause is a kept timer.
        reads: Requests without an idempotency key, because they change nothing (patterns), and whose each is; where
            several steps read one page, all of them, in their order.
        prepare: What must be there before it starts: path, body, and the key of the input that takes the id of what
            was made, if any.
    """

    id: str
    workflow: str
    input: Mapping[str, Any]
    status: str = "completed"
    early: bool = False
    linger: float = 30.0
    steered: str | None = None
    again: str = ""
    short_wait: float = 0.5
    reads: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    prepare: Sequence[tuple[str, Mapping[str, Any], str | None]] = ()


def registration(name: str, *, early: bool = False) -> Job:
    """X-1: validate, create, greet, wait for a click, activate."""
    given = {
        "username": name,
        "email": f"{name}@example.com",
        "password": "correct-horse-battery",
        "profile_data": {"first_name": name.title()},
    }
    return Job(id=f"registration-{name}", workflow="user-registration-workflow", input=given, early=early)


def order(number: int, *, declined: bool = False) -> Job:
    """X-14: reserve, charge, fulfil in four systems at once; or take everything back."""
    key = f"ORD-{number}"
    given = {**ORDER, "order_id": key, "payment_method": "declined_card" if declined else "credit_card"}
    return Job(
        id=f"order-{number}",
        workflow="ecommerce_order_processing",
        input=given,
        status="compensated" if declined else "completed",
        reads={rf"GET shipping-service /api/labels\?order_id={key}": "fulfillment_agent"},
    )


def report(patient: str) -> Job:
    """X-20: gather in two branches, analyse, have a physician look at it, file it."""
    fetch = "gathering.parallel_data_fetch"
    steps = {
        "labs": f"{fetch}.measured.fetch_labs",
        "vitals": f"{fetch}.measured.fetch_vitals",
        "medications": f"{fetch}.measured.fetch_medications",
        "history": f"{fetch}.written.fetch_history",
        "notes": f"{fetch}.written.fetch_notes",
        "data-quality": "gathering.judge_quality",
    }
    given = {"patient_id": patient}
    return Job(id=f"report-{patient}", workflow="report_generation", input=given, reads=_of_patient(patient, steps))


def _of_patient(patient: str, steps: Mapping[str, str]) -> dict[str, str]:
    return {f"GET patient-service /api/patients/{patient}/{part}": path for part, path in steps.items()}


def gathering(patient: str) -> Job:
    """X-16: four branches, each a request and a function."""
    steps = {
        "labs": "patient_data_gathering.labs.fetch_lab_results",
        "medications": "patient_data_gathering.medications.fetch_medications",
        "vitals": "patient_data_gathering.vitals.fetch_vitals",
        "history": "patient_data_gathering.history.fetch_history",
    }
    given = {"patient_id": patient}
    return Job(
        id=f"gathering-{patient}", workflow="patient_data_gathering", input=given, reads=_of_patient(patient, steps)
    )


def bookings() -> Job:
    """X-8: checked side by side, booked in turn."""
    items = [{"sku": "ITEM-001", "quantity": 1, "price": 29.99}]
    orders: list[Any] = [{"order_id": f"B-{number}", "items": items} for number in range(3)]
    wrong = {"order_id": "B-9", "items": [{"sku": "ITEM-001", "quantity": 1, "price": 2.0}], "total": 3.0}
    return Job(id="bookings", workflow="process_orders", input={"orders": [*orders, wrong]})


def customer(workflow: str, number: int, **more: Any) -> Job:
    """X-3, X-7, X-11: a customer is welcomed, set up, changed in three systems."""
    return Job(id=f"{workflow}-{number}", workflow=workflow, input={"customer_id": f"cust_{number}", **more})


def charged_twice(customer: str, order: str) -> Sequence[tuple[str, Mapping[str, Any], None]]:
    """What the billing desks of the examples find."""
    invoice = {"customer_id": customer, "amount": 109.97, "order_id": order}
    return [("/billing-service/api/invoices", invoice, None)] * 2


CASEY = {"id": "CUST-101", "name": "Casey Example", "email": "casey@example.com", "type": "standard"}


def invoices_of(customer: str) -> str:
    return rf"GET billing-service /api/invoices\?customer_id={customer}"


def labels_of(order: str) -> str:
    return rf"GET shipping-service /api/labels\?order_id={order}"
