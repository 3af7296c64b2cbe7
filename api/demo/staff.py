"""The agents of the examples. Each has a script that speaks in place of a model (`api.demo.scripts`). With
`OPENAI_API_KEY` or `OPENAI_BASE_URL` in the environment a real one speaks instead: the one that
`OPENAI_MODEL` names, or `gpt-5-mini`.
"""

from collections.abc import Mapping
from typing import Final

from agents import Agent, Agents

REAL: Final = "openai:gpt-5-mini"


def real_model(environment: Mapping[str, str]) -> str | None:
    """The model that speaks in place of the scripts; None when there is no key and no server, or none is allowed."""
    there = any(environment.get(name) for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"))
    if not there or environment.get("BATON_REAL_MODELS", "allow") == "refuse":
        return None
    return f"openai:{named}" if (named := environment.get("OPENAI_MODEL")) else REAL


_STAFF: Final = (
    Agent(
        name="welcome_agent",
        instructions="You greet new customers in two sentences.",
        model="scripted:welcome",
        capabilities=("greeting",),
    ),
    Agent(
        name="CustomerServiceAgent",
        instructions="You are a helpful customer service agent.",
        model="scripted:billing",
        tools=("billing_history",),
        capabilities=("billing", "customer_service"),
    ),
    Agent(
        name="high_value_agent",
        instructions="You review transactions above 1000. Be strict with countries we do not trade with.",
        model="scripted:high-value",
        capabilities=("review",),
    ),
    Agent(
        name="manager_agent",
        instructions="You find an account manager for a new customer.",
        model="scripted:manager",
        tools=("assign_manager",),
    ),
    Agent(
        name="review_agent",
        instructions="You prepare payments that failed for a person.",
        model="scripted:review",
        tools=("queue_for_review",),
        capabilities=("review", "payments"),
    ),
    Agent(
        name="order_validation_agent",
        instructions="You explain to a customer what is wrong with an order.",
        model="scripted:order-problems",
    ),
    Agent(
        name="inventory_agent",
        instructions="You look after orders that cannot be delivered now.",
        model="scripted:out-of-stock",
        tools=("tell_customer_of_delay",),
    ),
    Agent(
        name="fulfillment_agent",
        instructions="You sum up how an order went.",
        model="scripted:fulfillment",
        tools=("shipment_of_order",),
    ),
    Agent(
        name="dispatch_agent",
        instructions="You decide whether an order can be shipped. Look at the order, then at the stock.",
        model="scripted:dispatch",
        tools=("look_up_order", "check_stock"),
        capabilities=("dispatch",),
    ),
    Agent(
        name="support_lead",
        instructions="You answer complaints. Ask the desks that know, then sum up what they found.",
        model="scripted:support-lead",
    ),
    Agent(
        name="triage_agent",
        instructions="You find out which desk a customer needs first, and hand over to it.",
        model="scripted:triage",
    ),
    Agent(
        name="billing_desk",
        instructions="You look after invoices and charges. What is not about money you hand over.",
        model="scripted:billing-desk",
        tools=("billing_history",),
    ),
    Agent(
        name="shipping_desk",
        instructions="You look after parcels. What is not about parcels you hand over.",
        model="scripted:shipping-desk",
        tools=("shipment_of_order",),
    ),
)


def agents(model: str | None = None) -> Agents:
    """Who may be named in an agent step.

    Args:
        model: Whose words all of them speak; without it, each has its script.
    """
    return Agents(agent if model is None else agent.model_copy(update={"model": model}) for agent in _STAFF)
