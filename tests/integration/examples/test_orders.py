"""X-6, X-8, X-9, X-11 and X-14: orders and payments, when all goes well and when it does not."""

from collections.abc import Mapping
from typing import Any

import pytest

from api.demo.acts import ORDER
from graphs.clock import ManualClock
from graphs.spec import Workflow
from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from tests.integration.examples.conftest import Engine
from tests.integration.examples.support import World, finished, hurried, run, statuses
from tests.support.waiting import until

NAME = "ecommerce_order_processing"
INSIDE = "fulfillment_check.order_fulfillment"
FULFILMENT = {
    "update_inventory": "stock.committed",
    "create_shipping_label": "label.created",
    "send_confirmation_email": "email.sent",
    "update_crm": "customer.purchase_added",
}


@pytest.mark.capability("X-14", "F05", "F07", "F13", "F24", "F30", "I05", "D06", "D18", "D19", "D20", "O24")
async def test_an_order_is_fulfilled(baton: Orchestrator, world: World) -> None:
    execution = await run(
        baton,
        NAME,
        ORDER,
        execution_id="order_12345",
        metadata={"started_by": "order_service", "priority": "normal", "source": "web"},
    )
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.id == "order_12345"
    assert execution.metadata["source"] == "web"
    output = execution.output
    assert (output["order_status"], output["order_value"], output["not_done"]) == ("fulfilled", 109.97, [])
    assert output["tracking_number"] in output["note"]
    actions = await world.actions(execution)
    assert actions[:2] == ["stock.reserved", "payment.captured"]
    assert sorted(actions[2:]) == sorted(FULFILMENT.values())
    assert (await world.stock("ITEM-001")) == {"sku": "ITEM-001", "quantity": 99_998, "reserved": 0}


@pytest.mark.capability("X-14", "E11", "E13", "E21", "E23", "E24", "I24", "X11")
async def test_a_declined_payment_releases_the_reservation(baton: Orchestrator, world: World) -> None:
    execution = await run(baton, NAME, ORDER | {"payment_method": "declined_card"})
    assert execution.status is ExecutionStatus.COMPENSATED
    assert execution.error is not None
    assert execution.error["step"] == "payment_processing"
    assert await world.actions(execution) == ["stock.reserved", "stock.released", "email.sent"]
    assert (await world.stock("ITEM-001"))["reserved"] == 0
    # A declined card is no network trouble: it was asked once.
    assert len(await world.requests("payment-service", "/api/payments")) == 1
    (mail,) = (await world.get("/notification-service/api/outbox", to="orders@example.com"))["messages"]
    assert "card_declined" in mail["text"]


@pytest.mark.capability("E19", "E06", "Q02", "O05", "O25", "M11", "P07")
async def test_three_of_four_are_enough(baton: Orchestrator, world: World, examples: Mapping[str, Workflow]) -> None:
    await world.fault("crm-service", status=500)
    execution = await run(baton, hurried(examples[NAME]), ORDER)
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["not_done"] == ["update_crm"]
    assert len(await world.requests("crm-service")) == 3
    results = await baton.results(execution.id)
    assert results[f"{INSIDE}.update_crm"]["status"] == "failed"
    counts = results[INSIDE]["output"]
    assert (counts["total_steps"], counts["successful_steps"], counts["success_rate"]) == (4, 3, 0.75)


@pytest.mark.capability("E11", "E12", "E19", "X11")
async def test_two_of_four_are_not_and_everything_is_taken_back(
    baton: Orchestrator, world: World, examples: Mapping[str, Workflow]
) -> None:
    await world.fault("crm-service", status=500)
    await world.fault("inventory-service", route="/api/reservations/", method="POST", status=500)
    execution = await run(baton, hurried(examples[NAME]), ORDER)
    assert execution.status is ExecutionStatus.COMPENSATED
    actions = await world.actions(execution)
    # Last done, first undone; then the workflow's own steps in the order they are written.
    assert actions[-4:] == ["payment.refunded", "stock.released", "label.voided", "email.sent"]
    stock = await world.stock("ITEM-001")
    assert (stock["quantity"], stock["reserved"]) == (100_000, 0)
    (payment,) = (await world.get("/payment-service/api/payments"))["payments"]
    assert payment["status"] == "refunded"


@pytest.mark.capability("E12", "X11")
async def test_a_compensation_that_fails_does_not_stop_the_others(
    baton: Orchestrator, world: World, examples: Mapping[str, Workflow]
) -> None:
    await world.fault("crm-service", status=500)
    await world.fault("shipping-service", status=500)
    await world.fault("payment-service", route="/api/payments/", method="POST", status=500)
    execution = await run(baton, hurried(examples[NAME]), ORDER)
    assert execution.status is ExecutionStatus.COMPENSATION_FAILED
    results = statuses(await baton.results(execution.id))
    assert results["~compensation.refund_payment"] == "failed"
    assert results["~compensation.notify_team"] == "completed"


@pytest.mark.capability("F13", "F15", "I05", "X-14")
async def test_an_invalid_order_goes_to_an_agent(baton: Orchestrator, world: World) -> None:
    execution = await run(baton, NAME, ORDER | {"order_total": 1.0})
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["order_status"] == "invalid"
    assert await world.actions(execution) == []
    results = await baton.results(execution.id)
    assert results["reserve_items"]["status"] == "skipped"
    assert "109.97" in results["inventory_check"]["output"]["handled_by_agent"]


@pytest.mark.capability("F13", "I06", "I07", "X-14")
async def test_what_is_sold_out_is_told_to_the_customer_by_an_agent_with_a_tool(
    baton: Orchestrator, world: World
) -> None:
    items = [{"sku": "ITEM-004", "quantity": 1, "price": 5.0}]
    execution = await run(baton, NAME, ORDER | {"order_items": items, "order_total": 5.0})
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["order_status"] == "out_of_stock"
    assert await world.actions(execution) == ["email.sent"]
    (effect,) = await world.effects(action="email.sent")
    assert effect["idempotency_key"].startswith(f"{execution.id}:payment_processing.inventory_agent[0].")


@pytest.mark.capability("D22", "Q01", "E01")
async def test_a_charge_whose_answer_was_lost_is_not_made_twice(
    baton: Orchestrator, world: World, examples: Mapping[str, Workflow]
) -> None:
    await world.fault("payment-service", fail_next=1, down=True, after_effect=True)
    execution = await run(baton, hurried(examples[NAME]), ORDER)
    assert execution.status is ExecutionStatus.COMPLETED
    asked = await world.requests("payment-service", "/api/payments", "POST")
    assert [row["replayed"] for row in asked] == [False, True]
    assert len({row["idempotency_key"] for row in asked}) == 1
    assert len(await world.effects(action="payment.captured")) == 1


@pytest.mark.capability("X-6", "F13", "T05", "T07", "T08", "T09", "P13")
@pytest.mark.parametrize(
    ("given", "route", "found"),
    [
        ({"payment_amount": 1500}, "approval", "Approved after review: 1500"),
        ({"payment_amount": 1500, "country": "XX"}, "approval", "Rejected: we do not trade with XX"),
        ({"payment_amount": 1000}, "auto_approve", "rule"),
        ({}, "auto_approve", "rule"),
    ],
)
async def test_large_payments_are_reviewed(baton: Orchestrator, given: dict[str, Any], route: str, found: str) -> None:
    execution = await run(baton, "payment_check", given)
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["route"] == route
    assert found in str(execution.output["result"])


def orders(count: int, **more: Any) -> list[dict[str, Any]]:
    items = [{"sku": "ITEM-001", "quantity": 1, "price": 29.99}]
    return [{"order_id": f"A-{n}", "items": items} | more for n in range(count)]


@pytest.mark.capability("X-8", "F08", "F10", "F11", "F19", "F20", "T06", "T11", "X31")
async def test_orders_are_checked_side_by_side_and_booked_in_turn(baton: Orchestrator, world: World) -> None:
    bulk = {"order_id": "B-1", "items": [{"sku": "ITEM-002", "quantity": 10, "price": 49.99}]}
    wrong = {"order_id": "W-1", "items": [{"sku": "ITEM-001", "quantity": 1, "price": 2.0}], "total": 3.0}
    execution = await run(baton, "process_orders", {"orders": [*orders(2), bulk, wrong]})
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["processed"] == 4
    first, second, third, fourth = execution.output["orders"]
    assert first == {"order_id": "A-0", "total": 29.99, "booked": True}
    assert second["order_id"] == "A-1"
    assert third["total"] == 474.9
    assert fourth["booked"] is False
    assert [effect["subject"] for effect in await world.effects(action="order.created")] == ["A-0", "A-1", "B-1"]


@pytest.mark.capability("F21", "P08")
async def test_a_loop_has_a_bound(baton: Orchestrator, world: World) -> None:
    execution = await run(baton, "process_orders", {"orders": orders(11)})
    assert execution.status is ExecutionStatus.FAILED
    assert execution.error is not None
    assert execution.error["code"] == "loop_limit"
    assert len(await world.effects(action="order.created")) == 10


@pytest.mark.capability("X-9", "E15", "E17", "E18", "P03")
async def test_a_declined_payment_is_prepared_for_a_person(baton: Orchestrator, world: World) -> None:
    execution = await run(baton, "payment_processing", {"order_id": "ORD-1", "payment_method": "declined_card"})
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["status"] == "in_review"
    assert await world.actions(execution) == ["notification.sent"]
    assert len(await world.requests("payment-service", method="POST")) == 1


@pytest.mark.capability("X-9", "E01", "E03", "M19")
async def test_a_payment_gets_over_what_passes(
    baton: Orchestrator, world: World, examples: Mapping[str, Workflow]
) -> None:
    await world.fault("payment-service", method="POST", fail_next=3, status=503)
    execution = await run(baton, hurried(examples["payment_processing"]), {"order_id": "ORD-1"})
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["status"] == "captured"
    asked = await world.requests("payment-service", method="POST")
    assert [row["status"] for row in asked] == [503, 503, 503, 201]


@pytest.mark.capability("X-9", "E07", "E15", "E17", "Q07")
async def test_a_charge_that_timed_out_is_looked_for_before_it_is_made_again(engine: Engine, world: World) -> None:
    # The charge is made, and the answer never comes: the worst there is.
    await world.fault("payment-service", route="/api/payments", method="POST", hang=True, after_effect=True)
    clock = ManualClock()
    async with engine(clock=clock) as baton:
        execution = await baton.start("payment_processing", {"order_id": "ORD-1"})

        async def charged() -> bool:
            return bool(await world.effects(action="payment.captured"))

        await until(charged, "the charge is made")
        await world.mend("payment-service")
        clock.advance(31)
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["status"] == "captured"
    assert results["process_payment"]["status"] == "timed_out"
    assert results["process_payment~fallback"]["route"] == "retry_payment"
    assert len(await world.effects(action="payment.captured")) == 1


@pytest.mark.capability("X-11", "E19", "Q02", "P07", "F12")
@pytest.mark.parametrize(
    ("down", "status", "updated"),
    [
        ((), ExecutionStatus.COMPLETED, 3),
        (("billing-service",), ExecutionStatus.COMPLETED, 2),
        (("billing-service", "crm-service"), ExecutionStatus.FAILED, None),
    ],
)
async def test_two_of_three_systems_are_enough(
    baton: Orchestrator,
    world: World,
    examples: Mapping[str, Workflow],
    down: tuple[str, ...],
    status: ExecutionStatus,
    updated: int | None,
) -> None:
    for service in down:
        await world.fault(service, down=True)
    given = {"customer_id": "CUST-67890", "changes": {"tier": "gold"}}
    execution = await run(baton, hurried(examples["multi_system_update"]), given)
    assert execution.status is status
    if updated is not None:
        assert execution.output["updated"] == updated
        assert execution.output["failed"] == [service.replace("-service", "").join(["update_", ""]) for service in down]
    for service in down:
        asked = await world.requests(service)
        assert len(asked) == 3
        assert len({row["idempotency_key"] for row in asked}) == 1
