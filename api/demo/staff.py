"""The agents of the examples. Each has a script that speaks in place of a model (`api.demo.scripts`). With
`OPENAI_API_KEY` or `OPENAI_BASE_URL` in the environment a real one speaks instead: the one that
`OPENAI_MODEL` names, or `gpt-5-mini`.
"""

from typing import Final

from agents import Agent, Agents
from api.demo.voice import Voice


def _member(name: str, script: str, instructions: str, *tools: str, can: tuple[str, ...] = ()) -> Agent:
    return Agent(name=name, instructions=instructions, model=f"scripted:{script}", tools=tools, capabilities=can)


_STAFF: Final = (
    _member("welcome_agent", "welcome", "You greet new customers in two sentences.", can=("greeting",)),
    _member(
        "CustomerServiceAgent",
        "billing",
        "You are a helpful customer service agent.",
        "billing_history",
        can=("billing", "customer_service"),
    ),
    _member(
        "high_value_agent",
        "high-value",
        "You review transactions above 1000. Be strict with countries we do not trade with.",
        can=("review",),
    ),
    _member("manager_agent", "manager", "You find an account manager for a new customer.", "assign_manager"),
    _member(
        "review_agent",
        "review",
        "You prepare payments that failed for a person.",
        "queue_for_review",
        can=("review", "payments"),
    ),
    _member("order_validation_agent", "order-problems", "You explain to a customer what is wrong with an order."),
    _member(
        "inventory_agent",
        "out-of-stock",
        "You look after orders that cannot be delivered now.",
        "tell_customer_of_delay",
    ),
    _member("fulfillment_agent", "fulfillment", "You sum up how an order went.", "shipment_of_order"),
    _member(
        "dispatch_agent",
        "dispatch",
        "You decide whether an order can be shipped. Look at the order, then at the stock.",
        "look_up_order",
        "check_stock",
        can=("dispatch",),
    ),
    _member(
        "support_lead", "support-lead", "You answer complaints. Ask the desks that know, then sum up what they found."
    ),
    _member("apprentice", "speechless", "You are new here and answer complaints.", can=("complaints",)),
    _member("triage_agent", "triage", "You find out which desk a customer needs first, and hand over to it."),
    _member(
        "billing_desk",
        "billing-desk",
        "You look after invoices and charges. What is not about money you hand over.",
        "billing_history",
    ),
    _member(
        "shipping_desk",
        "shipping-desk",
        "You look after parcels. What is not about parcels you hand over.",
        "shipment_of_order",
    ),
)


def agents(voice: Voice | None = None) -> Agents:
    """Who may be named in an agent step.

    Args:
        voice: Whose words they speak; without it, each has its script.
    """
    speaks = voice or Voice()
    return Agents(one.model_copy(update={"model": speaks.model(one.model.partition(":")[2])}) for one in _STAFF)
