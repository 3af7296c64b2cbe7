"""X-3, X-4, X-5, X-7, X-10, X-12, X-13, X-22 and X-23: agents with tools, tools by themselves, and the small ones."""

from typing import Any

import pytest

from api.demo.catalogue import DetailedWorkflowLogger
from graphs.clock import ManualClock
from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from tests.integration.examples.conftest import Engine
from tests.integration.examples.support import World, finished, rested, run, statuses

CASEY = "CUST-67890"


@pytest.mark.capability("X-3", "X-5", "D06", "D16", "D19", "I05", "I06", "T07", "T08", "X30")
async def test_a_customer_is_welcomed(baton: Orchestrator, world: World) -> None:
    given = {"customer_id": "cust_12345", "name": "John Doe", "customer_email": "john@example.com"}
    execution = await run(
        baton, "customer_onboarding", given, user_context={"customer_id": "cust_12345"}, metadata={"priority": "high"}
    )
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["welcome"].startswith("Welcome, John Doe!")
    assert execution.output["verification_status"] == "sent"
    assert execution.user_context == {"customer_id": "cust_12345"}
    assert await world.actions(execution) == ["customer.created", "email.sent"]
    (mail,) = (await world.get("/notification-service/api/outbox", to="john@example.com"))["messages"]
    assert mail["subject"] == "Welcome to our service"


@pytest.mark.capability("X-3", "E11")
async def test_a_welcome_that_cannot_be_sent_closes_the_account(baton: Orchestrator, world: World) -> None:
    await world.fault("notification-service", status=422)
    given = {"customer_id": "cust_12345", "name": "John Doe", "customer_email": "john@example.com"}
    execution = await run(baton, "customer_onboarding", given)
    assert execution.status is ExecutionStatus.COMPENSATED
    assert await world.actions(execution) == ["customer.created", "customer.deleted"]


@pytest.mark.capability("X-4", "F15", "I05", "I07", "A23", "A25", "D21")
@pytest.mark.parametrize("priority", ["high", "normal"])
async def test_only_urgent_inquiries_go_to_the_agent(baton: Orchestrator, world: World, priority: str) -> None:
    for _ in range(2):
        invoice = {"customer_id": CASEY, "amount": 109.97, "order_id": "ORD-12345"}
        await world.post("/billing-service/api/invoices", invoice)
    execution = await run(baton, "customer_service", {"customer_id": CASEY, "priority": priority})
    assert execution.status is ExecutionStatus.COMPLETED
    result = (await baton.results(execution.id))["customer_service"]
    if priority == "high":
        assert execution.output["answer"].startswith("You were charged twice for order ORD-12345.")
        assert [call["name"] for call in result["output"]["tool_calls"]] == ["billing_history"]
        assert result["output"]["usage"]["total_tokens"] > 0
    else:
        assert (result["status"], result["reason"]) == ("skipped", "condition")
        assert execution.output["answer"] is None


@pytest.mark.capability("X-7", "F05", "F12", "T10", "I10", "I18")
async def test_three_systems_are_set_up_side_by_side(baton: Orchestrator, world: World) -> None:
    given = {"customer_id": "cust_777", "name": "Jane Roe", "email": "jane@example.com", "tier": "premium"}
    execution = await run(baton, "customer_setup", given)
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output == {"set_up": 3, "manager": "Ada Okafor will look after this customer."}
    customer = await world.get("/crm-service/api/customers/cust_777")
    assert (customer["name"], customer["manager"]) == ("Jane Roe", "Ada Okafor")


@pytest.mark.capability("X-10", "D22", "Q01")
async def test_a_user_is_created_once(baton: Orchestrator, world: World) -> None:
    given = {"username": "jane_roe", "email": "jane@example.com"}
    first = await run(baton, "create_if_not_exists", given)
    second = await run(baton, "create_if_not_exists", given)
    assert (first.output["created"], second.output["created"]) == (True, False)
    assert first.output["user_id"] == second.output["user_id"]
    assert len(await world.effects(action="user.created")) == 1


@pytest.mark.capability("D22", "D20")
async def test_starting_twice_under_one_key_is_starting_once(baton: Orchestrator, world: World) -> None:
    given = {"username": "jane_roe", "email": "jane@example.com"}
    first = await run(baton, "create_if_not_exists", given, idempotency_key="sign-up-7")
    second = await run(baton, "create_if_not_exists", given, idempotency_key="sign-up-7")
    assert first.id == second.id
    assert len(await world.requests("user-service")) == 2


@pytest.mark.capability("X-12", "X-13", "P02", "Q03", "Q04", "O11", "O12", "O13", "A24")
async def test_data_are_checked_computed_and_reviewed(engine: Engine) -> None:
    logger = DetailedWorkflowLogger()
    async with engine(hooks=[logger]) as baton:
        execution = await rested(baton, await baton.start("data_processing", {"values": [12, 15, 11, 14, 13, 97, 12]}))
        (wait,) = await baton.waits(execution.id)
        assert wait.wait.question["payload"]["outliers"] == [97]
        await baton.decide(execution.id, "human_review", "approve", by="kim")
        execution = await finished(baton, execution)
    assert execution.output["summary"]["median"] == 13
    assert execution.output["reviewed_by"] == "kim"
    completed = [entry for entry in logger.entries if entry["event"] == "Completed step"]
    assert [entry["step_name"] for entry in completed] == ["quick_validation", "heavy_computation", "human_review"]
    assert all(entry["success"] and entry["duration_ms"] >= 0 for entry in completed)
    started = next(entry for entry in logger.entries if entry["event"] == "Starting step")
    assert started["state_keys"] == ["values"]
    assert started["workflow_id"] == "data_processing"


@pytest.mark.capability("X-12", "E26", "Y08", "X13")
@pytest.mark.parametrize(
    ("values", "message"),
    [([1, 2], "at least five values are needed"), ([1, 2, 3, 4, "five"], "'five' is not a number")],
)
async def test_data_that_do_not_fit_fail_at_once(baton: Orchestrator, values: list[Any], message: str) -> None:
    execution = await run(baton, "data_processing", {"values": values})
    assert execution.status is ExecutionStatus.FAILED
    assert execution.error is not None
    assert message in execution.error["message"]
    assert (await baton.results(execution.id))["quick_validation"]["attempts"] == 1


@pytest.mark.capability("X-12", "P02", "P09", "Q03", "Q07")
async def test_a_reviewer_has_an_hour(engine: Engine) -> None:
    clock = ManualClock()
    async with engine(clock=clock) as baton:
        execution = await rested(baton, await baton.start("data_processing", {"values": [1, 2, 3, 4, 5]}))
        clock.advance(3601)
        execution = await finished(baton, execution)
    assert execution.status is ExecutionStatus.TIMED_OUT


@pytest.mark.capability("X-22", "C07", "F18", "I05", "I07", "I10", "I27", "O22", "T13", "A51", "M16")
async def test_an_agent_looks_and_the_workflow_ships(baton: Orchestrator, world: World) -> None:
    execution = await run(baton, "orchestrated_agent_task", {})
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["recommendation"] == "ship"
    assert execution.output["tools_used"] == ["look_up_order", "check_stock"]
    assert execution.output["customer_tier"] == "premium"
    assert execution.output["result"]["order_id"] == "ORD-12345"
    assert await world.actions(execution) == ["label.created"]
    (planned,) = [record for record in await baton.records(execution.id) if record.kind == "execution.planned"]
    assert planned.data["execution_strategy"]["pattern"] == "react"
    assert planned.data["task_analysis"]["complexity_score"] > 0
    assert planned.data["task_analysis"]["sensitive"] == ["create_label"]


@pytest.mark.capability("X-22", "I08", "E17", "E18", "F18", "T13")
async def test_what_is_not_in_stock_is_held_once_a_person_agrees(baton: Orchestrator, world: World) -> None:
    order = {
        "order_id": "ORD-2",
        "customer_id": "nobody",
        "items": [{"sku": "ITEM-004", "quantity": 1, "price": 5}],
        "shipping_address": {"street": "1 Elm", "city": "Oak", "state": "CA", "zip": "12345"},
    }
    await world.post("/order-service/api/orders", order)
    execution = await rested(baton, await baton.start("orchestrated_agent_task", {"order_id": "ORD-2"}))
    (wait,) = await baton.waits(execution.id)
    assert wait.wait.question["message"] == "Hold order ORD-2? Not everything is in stock."
    await baton.decide(execution.id, wait.path, "approve", by="mo")
    execution = await finished(baton, execution)
    assert execution.status is ExecutionStatus.COMPLETED
    # The CRM does not know this customer: the fallback's result stands for the failed look-up.
    assert execution.output["customer_tier"] == "standard"
    assert statuses(await baton.results(execution.id))["look_up_customer~fallback"] == "completed"
    assert (await world.get("/order-service/api/orders/ORD-2"))["status"] == "on_hold"


@pytest.mark.capability("X-23", "F23", "F28", "A60", "X27")
async def test_two_states_and_a_transition(baton: Orchestrator) -> None:
    execution = await run(baton, "example_workflow")
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output == {"path": ["state1", "state2"], "state": "state2"}
