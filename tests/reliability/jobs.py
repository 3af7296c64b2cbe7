"""What is carried out while engines are killed: executions with fixed ids, their inputs, and how they must end."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from agents import Functions
from api.demo import catalogue
from graphs.loader import load_file
from graphs.spec import Workflow
from graphs.steps import StepTypes
from orchestrator.plugins import installed_step_types
from tests.integration.examples.papers import CONTRACT, INVOICE, VAGUE
from tests.reliability.job import (
    CASEY,
    Job,
    bookings,
    charged_twice,
    customer,
    gathering,
    invoices_of,
    labels_of,
    order,
    registration,
    report,
)
from tests.reliability.journal import Journal, needs_mending, note_down, note_down_with_undo, refuse

HERE = Path(__file__).parent
OWN = (
    *("in_process", "nested_approvals", "every_point", "saga", "steered", "given_up"),
    *("taken_back", "taken_back_inside", "taken_back_badly", "taken_back_beside"),
)

NESTED = Job(
    id="nested",
    workflow="nested_approvals",
    input={"wards": [{"name": "north", "beds": ["n1", "n2"]}, {"name": "south", "beds": ["s1"]}]},
)
IN_PROCESS = Job(id="in-process", workflow="in_process", input={"items": ["iron", "tin", "lead"]})
EVERY_POINT = Job(id="every-point", workflow="every_point", input={"order": "A-1"}, linger=0.0)
LINGERING = replace(EVERY_POINT, id="every-point-lingering", linger=30.0)
TAKEN_BACK = Job(id="taken-back", workflow="taken_back", input={}, status="compensated")
TAKEN_BACK_INSIDE = Job(id="taken-back-inside", workflow="taken_back_inside", input={}, status="compensated")
TAKEN_BACK_BADLY = Job(id="taken-back-badly", workflow="taken_back_badly", input={}, status="compensation_failed")
TAKEN_BACK_BESIDE = Job(id="taken-back-beside", workflow="taken_back_beside", input={}, status="compensated")
SAGA = Job(id="saga", workflow="saga", input={"travellers": ["ann", "bob", "cleo"]}, status="compensated")
STEERED = Job(id="steered", workflow="steered", input={}, steered="all", short_wait=0.0)
GIVEN_UP = Job(id="given-up", workflow="given_up", input={}, status="compensated", steered="given_up", short_wait=0.0)
CALLED_OFF = Job(
    id="called-off", workflow="steered", input={}, status="compensated", steered="called_off", short_wait=0.0
)

BATCH: Sequence[Job] = (
    registration("john"),
    registration("jane", early=True),
    order(1001),
    order(1002, declined=True),
    report("PAT-001"),
    report("PAT-002"),
    NESTED,
    IN_PROCESS,
    TAKEN_BACK_BESIDE,
)
"""The examples side by side, as an engine has them."""

MORE: Sequence[Job] = (
    TAKEN_BACK_INSIDE,
    TAKEN_BACK_BADLY,
    SAGA,
    gathering("PAT-003"),
    bookings(),
    customer("customer_onboarding", 1, name="John Doe", customer_email="doe@example.com"),
    customer("customer_setup", 2, name="Jane Roe", email="roe@example.com", tier="premium"),
    customer("multi_system_update", 3, changes={"tier": "gold"}),
    Job(
        id="declined-charge",
        workflow="payment_processing",
        input={"order_id": "ORD-2001", "payment_method": "declined_card"},
    ),
    Job(id="large-payment", workflow="payment_check", input={"payment_amount": 1500}),
    Job(
        id="sign-up",
        workflow="create_if_not_exists",
        input={"username": "jack_roe", "email": "jack@example.com"},
        reads={r"GET user-service /api/users\?email=.*": "look_up_user"},
    ),
    Job(id="series", workflow="data_processing", input={"values": [12, 15, 11, 14, 13, 97, 12]}),
    Job(id="two-states", workflow="example_workflow", input={}),
    Job(id="invoice", workflow="document_ingestion", input={"title": "Invoice", "content": INVOICE}),
    Job(
        id="no-number",
        workflow="document_ingestion",
        input={"title": "Invoice", "content": "Invoice without a number. Bill to ACME. Subtotal, tax, total."},
        status="compensated",
    ),
    Job(
        id="contract",
        workflow="dataforge_document_processing",
        input={"title": "Paper", "content": CONTRACT},
        reads={r"GET document-service /api/documents/doc_\w+/entities": "collect_entities"},
    ),
    Job(id="vague", workflow="DocumentProcessingWorkflow", input={"content": VAGUE}),
    Job(id="classified", workflow="retryable_classification", input={"content": CONTRACT}),
)
"""Nearly all other examples."""


AGENTS: Sequence[Job] = (
    Job(
        id="inquiry",
        workflow="customer_service",
        input={"customer_id": "CUST-101", "priority": "high"},
        reads={invoices_of("CUST-101"): "customer_service[0].billing_history-0"},
        prepare=[("/crm-service/api/customers", CASEY, None), *charged_twice("CUST-101", "ORD-101")],
    ),
    Job(
        id="routed",
        workflow="approval_routing",
        input={},
        prepare=[("/document-service/api/documents", {"title": "Paper", "content": CONTRACT}, "document_id")],
    ),
    Job(
        id="dispatched",
        workflow="orchestrated_agent_task",
        input={},
        reads={
            "GET order-service /api/orders/ORD-12345": (
                *("look_up_order", "assess[0].look_up_order-0", "assess[1].check_stock-0"),
            ),
            "GET crm-service /api/customers/CUST-67890": "look_up_customer",
        },
    ),
    Job(
        id="supervised",
        workflow="agent_supervisor",
        input={"customer_id": "CUST-102", "order_id": "ORD-102"},
        reads={
            invoices_of("CUST-102"): "lead[0].ask_billing-0[0].billing_history-0",
            labels_of("ORD-102"): "lead[1].ask_shipping-0[0].shipment_of_order-0",
        },
        prepare=charged_twice("CUST-102", "ORD-102"),
    ),
    Job(
        id="swarming",
        workflow="agent_swarm",
        input={"customer_id": "CUST-103", "order_id": "ORD-103"},
        reads={
            invoices_of("CUST-103"): "talk[1].speak[0].billing_history-0",
            labels_of("ORD-103"): "talk[2].speak[0].shipment_of_order-0",
        },
        prepare=charged_twice("CUST-103", "ORD-103"),
    ),
)
"""X-4, X-17, X-22, a supervisor and a swarm: agents, documents that must be there, pages that several steps read."""

GONE_BACK: Sequence[Job] = (
    STEERED,
    CALLED_OFF,
    GIVEN_UP,
    replace(registration("jim"), id="registration-jim", steered="outside", again="activate_user_account"),
    replace(NESTED, id="nested-steered", steered="outside", again="report"),
)
"""Paused, continued, cancelled, redriven, retried and forked while engines are killed."""

PROOF: Sequence[Job] = (
    registration("john"),
    registration("jane", early=True),
    order(1001),
    order(1002, declined=True),
    NESTED,
    SAGA,
    TAKEN_BACK_BADLY,
    TAKEN_BACK_BESIDE,
)
"""User registration, order processing, a nested map with approvals, and sagas that are mostly compensation."""

MANY: Sequence[Job] = tuple(
    replace(EVERY_POINT, id=f"every-point-{number}", input={"order": f"A-{number}"}) for number in range(60)
)
"""Starts, decisions and events without a break, for copies of the file while it is written."""

MANY_IN_PROCESS: Sequence[Job] = tuple(replace(IN_PROCESS, id=f"in-process-{number}") for number in range(6))
"""Nothing is asked of anybody, and nothing over HTTP."""

JOBS: Mapping[str, Job] = {
    job.id: job
    for job in (
        *(*BATCH, *MORE, *AGENTS, *GONE_BACK, *MANY, *MANY_IN_PROCESS),
        *(EVERY_POINT, LINGERING, TAKEN_BACK, TAKEN_BACK_BADLY),
    )
}


def workflows() -> list[Workflow]:
    """The examples and our own."""
    own = (load_file(HERE / f"{name}.yaml", step_types=step_types()).workflow for name in OWN)
    return [*catalogue.workflows(), *own]


@cache
def step_types() -> StepTypes:
    """Looked for once by all that are forked from one process."""
    return installed_step_types()


def resources(journal: Path) -> list[Any]:
    """What the steps of all of them ask for."""
    given = catalogue.resources()
    functions = next(one for one in given if isinstance(one, Functions))
    functions.register("note_down", note_down)
    functions.register("note_down_with_undo", note_down_with_undo)
    functions.register("refuse", refuse)
    functions.register("needs_mending", needs_mending)
    return [*given, Journal(journal)]
