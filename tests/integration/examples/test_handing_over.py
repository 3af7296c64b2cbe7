"""X-24 and X-25: agents that hand over to one another, as ordinary steps."""

import pytest

from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from tests.integration.examples.support import World, run, statuses

CASEY = {"customer_id": "CUST-67890", "order_id": "ORD-12345"}


async def _charged_twice(world: World) -> None:
    for _ in range(2):
        invoice = {"customer_id": CASEY["customer_id"], "amount": 109.97, "order_id": CASEY["order_id"]}
        await world.post("/billing-service/api/invoices", invoice)


@pytest.mark.capability("I05", "I27", "F24")
async def test_a_supervisor_asks_two_agents_and_answers(baton: Orchestrator, world: World) -> None:
    await _charged_twice(world)
    execution = await run(baton, "agent_supervisor", CASEY)
    assert execution.status is ExecutionStatus.COMPLETED, execution.error
    assert execution.output == {
        "answer": "I asked both desks, and they see to it. The order was not shipped.",
        "asked": ["ask_billing", "ask_shipping"],
    }
    results = await baton.results(execution.id)
    assert results["lead[0].ask_billing-0"]["output"] == {
        "billing": "You were charged twice for order ORD-12345. The second charge will be paid back."
    }
    settled = statuses(results)
    assert settled["lead[0].ask_billing-0[0].billing_history-0"] == "completed", "its own tools are steps as well"
    assert [one.agent for one in await baton.usage(execution.id)] == [
        "support_lead",
        "CustomerServiceAgent",
        "fulfillment_agent",
    ]


@pytest.mark.capability("I05", "I27", "F19", "F21")
async def test_a_swarm_hands_over_until_all_is_answered(baton: Orchestrator, world: World) -> None:
    await _charged_twice(world)
    execution = await run(baton, "agent_swarm", CASEY)
    assert execution.status is ExecutionStatus.COMPLETED, execution.error
    assert execution.output == {
        "answer": "This is about money first. The second charge will be paid back. Your parcel has not left us yet.",
        "desks": ["triage_agent", "billing_desk", "shipping_desk"],
    }
    told = (await baton.results(execution.id))["talk[2].speak"]["output"]["messages"]
    assert [one["content"] for one in told[:3]] == [
        "This is about money first.",
        "The second charge will be paid back.",
        "I was charged twice, and where is my parcel?",
    ], "what was said goes with it"


async def test_a_swarm_begins_where_the_customer_is_sent(baton: Orchestrator, world: World) -> None:
    execution = await run(baton, "agent_swarm", {**CASEY, "message": "Where is my parcel?"})
    assert execution.output["desks"] == ["triage_agent", "shipping_desk"]
