"""A request that names no workflow, to the application of the examples."""

import pytest

from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from tests.integration.examples.support import World, finished, statuses


@pytest.mark.capability("I05", "F22", "F18", "O22")
async def test_an_order_is_looked_at_from_all_sides_at_once(baton: Orchestrator, world: World) -> None:
    execution = await finished(baton, await baton.ask("How is ORD-12345 doing?"))
    assert execution.status is ExecutionStatus.COMPLETED, execution.error
    assert (
        execution.output["answer"] == "ORD-12345 comes to 109.97; everything is in stock, and it has not been shipped."
    )
    assert execution.output["route"] == "plan" and execution.output["refused"] is None
    settled = statuses(await baton.results(execution.id))
    assert {settled[f"route.draft[0].carry_out.{name}"] for name in ("order", "stock", "shipment")} == {"completed"}
    await baton.save_plan(execution.id, "order_overview")
    again = await finished(baton, await baton.start("order_overview", {"order_id": "ORD-12345"}))
    assert again.output["in_stock"] is True


async def test_a_question_is_answered(baton: Orchestrator, world: World) -> None:
    execution = await finished(baton, await baton.ask("What can you do?"))
    assert execution.output["answer"].startswith("I am a script and know only orders")
