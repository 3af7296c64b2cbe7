"""X-14: the document's order processing, as printed, on the real engine and a real database."""

import re
from typing import Any

import pytest

from agents import Agent, tool
from orchestrator.faces.jaf import WorkflowContext, WorkflowEngine, execute_workflow_stream
from tests.unit.faces import printed_order
from tests.unit.faces.conftest import Equip, PromptClock, scripted

ORDER: dict[str, Any] = {
    "order_id": "ORD-12345",
    "customer_id": "CUST-67890",
    "customer_email": "customer@example.com",
    "order_items": [{"sku": "ITEM-001", "quantity": 2, "price": 29.99}],
    "order_total": 109.97,
    "payment_method": "credit_card",
    "shipping_address": {"street": "123 Main St", "city": "Anytown", "state": "CA", "zip": "12345"},
    "customer_tier": "premium",
}
AGENTS = tuple(
    Agent(name=name, instructions="You look after orders.")
    for name in ("order_validation_agent", "inventory_agent", "fulfillment_agent")
)


class Shop:
    """The tools of the example, over one ledger."""

    def __init__(self, *, valid: bool = True, in_stock: bool = True) -> None:
        self.valid, self.in_stock = valid, in_stock
        self.payments: list[tuple[str, float]] = []
        self.calls: list[str] = []
        self.failing: dict[str, list[Exception]] = {}

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.failing.get(name):
            raise self.failing[name].pop(0)

    def tools(self) -> list[Any]:
        @tool
        def validate_order(order_id: str) -> dict[str, Any]:
            """Check an order."""
            self._called("validate_order")
            return {"order_valid": self.valid, "order_id": order_id}

        @tool
        def check_inventory(items: list[dict[str, Any]]) -> dict[str, Any]:
            """Look whether everything is there."""
            self._called("check_inventory")
            return {"inventory_available": self.in_stock, "items_checked": len(items)}

        @tool
        def process_payment(amount: float, payment_method: str, context: Any) -> dict[str, Any]:
            """Take the money."""
            self._called("process_payment")
            self.payments.append((context.idempotency_key, amount))
            return {"payment_successful": True, "paid_with": payment_method}

        @tool
        def update_inventory(items: list[dict[str, Any]]) -> dict[str, Any]:
            """Take the items out of the stock."""
            self._called("update_inventory")
            return {"fulfillment_status": "packed"}

        @tool
        def create_shipping_label(address: dict[str, str], items: list[dict[str, Any]]) -> dict[str, Any]:
            """Print a label."""
            self._called("create_shipping_label")
            return {"label": f"{address['city']} {address['zip']}"}

        @tool
        def send_confirmation_email(customer_email: str, order_id: str) -> dict[str, Any]:
            """Tell the customer."""
            self._called("send_confirmation_email")
            return {"mailed": customer_email}

        @tool
        def update_crm(customer_id: str, order_value: float) -> dict[str, Any]:
            """Note the order."""
            self._called("update_crm")
            return {"noted": customer_id}

        return [
            validate_order,
            check_inventory,
            process_payment,
            update_inventory,
            create_shipping_label,
            send_confirmation_email,
            update_crm,
        ]


@pytest.mark.capability("A05", "A08", "A09", "A10", "A12", "A14", "A16", "A17", "A18", "A19", "X02", "X30")
async def test_the_printed_program_runs(equip: Equip, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop()
    with equip(*shop.tools(), agents=AGENTS):
        await printed_order.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["🚀 Starting order processing workflow...", "✅ Workflow completed with status: completed"]
    assert re.fullmatch(r"⏱️ Total execution time: [0-9.]+ms", lines[2])
    assert lines[3:] == ["📊 Steps completed: 5/5", "🎉 Order ORD-12345 processed successfully!"]
    assert shop.calls[:3] == ["validate_order", "check_inventory", "process_payment"]
    assert sorted(shop.calls[3:]) == [
        "create_shipping_label",
        "send_confirmation_email",
        "update_crm",
        "update_inventory",
    ]


async def processed(**changes: Any) -> Any:
    workflow = await printed_order.create_order_processing_workflow()
    context = WorkflowContext("order_12345", initial_data=ORDER | changes, metadata={"source": "web"})
    return await WorkflowEngine().execute_workflow(workflow, context)


@pytest.mark.capability("D06", "F13", "M09", "M10")
async def test_what_tools_give_decides_where_it_goes(equip: Equip) -> None:
    shop = Shop()
    with equip(*shop.tools(), agents=AGENTS, models=scripted(Complete_order="Order {} is on its way")):
        result = await processed()
    assert result.is_success and result.success_rate == 100.0
    assert [step.step_id for step in result.steps] == [
        "validate_order",
        "inventory_check",
        "payment_processing",
        "fulfillment_check",
        "fulfillment_agent",
    ]
    variables = result.context.variables
    assert variables["payment_successful"] is True and variables["fulfillment_status"] == "packed"
    assert result.steps[3].output == {
        "total_steps": 4,
        "successful_steps": 4,
        "failed_steps": 0,
        "success_rate": 1.0,
        "failures": [],
        "results": {
            "update_inventory": {"fulfillment_status": "packed"},
            "create_shipping_label": {"label": "Anytown 12345"},
            "send_confirmation_email": {"mailed": "customer@example.com"},
            "update_crm": {"noted": "CUST-67890"},
        },
    }
    assert result.steps[4].output == "Order {} is on its way"
    assert result.context.initial_data["order_id"] == "ORD-12345"
    assert result.total_execution_time_ms == result.execution_time_ms > 0


@pytest.mark.parametrize(
    ("shop", "asked"),
    [
        (Shop(valid=False), ["Handle invalid order", "Handle out of stock items"]),
        (Shop(in_stock=False), ["Handle out of stock items"]),
    ],
    ids=["invalid order", "out of stock"],
)
async def test_an_order_that_cannot_be_filled_goes_to_agents(shop: Shop, asked: list[str], equip: Equip) -> None:
    with equip(*shop.tools(), agents=AGENTS):
        result = await processed()
    assert result.is_success and not shop.payments
    said = [step.output for step in result.steps[:3] if isinstance(step.output, str)]
    assert said == [f"You said: {text}" for text in asked]
    assert "update_crm" not in shop.calls


@pytest.mark.capability("E16", "M15", "E23", "E24")
async def test_the_handler_has_network_errors_tried_again_under_the_same_key(equip: Equip, clock: PromptClock) -> None:
    shop = Shop()
    shop.failing["check_inventory"] = [OSError("Network is unreachable"), OSError("Network is unreachable")]
    with equip(*shop.tools(), agents=AGENTS):
        result = await processed()
    assert result.is_success
    assert shop.calls.count("check_inventory") == 3
    assert len(clock.slept) == 2


async def test_the_handler_lets_other_errors_fail_and_says_so(equip: Equip) -> None:
    shop = Shop()
    shop.failing["process_payment"] = [ValueError("card declined")] * 9
    with equip(*shop.tools(), agents=AGENTS):
        result = await processed()
    assert result.status == "failed"
    assert result.error is not None and result.error.endswith("ValueError: card declined")
    assert shop.calls.count("process_payment") == 2, "its own attempts, and none that the handler granted"
    assert (result.steps_completed, result.total_steps) == (2, 5)


@pytest.mark.capability("E06", "E19", "Q02")
async def test_three_of_four_are_enough(equip: Equip) -> None:
    shop = Shop()
    shop.failing["update_crm"] = [ValueError("no such customer")] * 9
    with equip(*shop.tools(), agents=AGENTS):
        result = await processed()
    assert result.is_success
    assert result.steps[3].output["failures"][0]["step_id"] == "update_crm"


async def test_two_of_four_are_not(equip: Equip) -> None:
    shop = Shop()
    shop.failing = {name: [ValueError("no")] * 9 for name in ("update_crm", "send_confirmation_email")}
    with equip(*shop.tools(), agents=AGENTS):
        result = await processed()
    assert result.status == "failed" and result.steps_completed == 3


@pytest.mark.capability("A15", "O02")
async def test_results_stream_as_steps_end(equip: Equip) -> None:
    with equip(*Shop().tools(), agents=AGENTS):
        workflow = await printed_order.create_order_processing_workflow()
        context = WorkflowContext("order_12345", initial_data=ORDER)
        seen = [(step.path, step.status) async for step in execute_workflow_stream(workflow, context, nested=True)]
    assert seen[0] == ("validate_order", "completed") and seen[-1] == ("fulfillment_agent", "completed")
    assert seen[1:3] == [("inventory_check.check_inventory", "completed"), ("inventory_check", "completed")]
    assert seen[-2] == ("fulfillment_agent[0].model", "completed"), "what an agent asks its model is a step inside it"
    assert len(seen) == 13
