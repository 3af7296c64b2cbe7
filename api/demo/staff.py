"""The agents of the examples, and what the scripted models say in their place.

A script reads what the tools found and answers with it, so the agents' work is real although no model is asked. With
`OPENAI_API_KEY` or `OPENAI_BASE_URL` in the environment a real one speaks instead: the one that
`OPENAI_MODEL` names, or `gpt-5-mini`.
"""

from collections.abc import Mapping
from typing import Final

from agents import Agent, Agents, Call, Rule, Script, Turn

REAL: Final = "openai:gpt-5-mini"


def real_model(environment: Mapping[str, str]) -> str | None:
    """The model that speaks in place of the scripts; None when there is no key and no server, or none is allowed."""
    there = any(environment.get(name) for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"))
    if not there or environment.get("BATON_REAL_MODELS", "allow") == "refuse":
        return None
    return f"openai:{named}" if (named := environment.get("OPENAI_MODEL")) else REAL


def agents(model: str | None = None) -> Agents:
    """Who may be named in an agent step.

    Args:
        model: Whose words all of them speak; without it, each has its script.
    """
    return Agents(
        (
            Agent(
                name="welcome_agent",
                instructions="You greet new customers in two sentences.",
                model=model or "scripted:welcome",
                capabilities=("greeting",),
            ),
            Agent(
                name="CustomerServiceAgent",
                instructions="You are a helpful customer service agent.",
                model=model or "scripted:billing",
                tools=("billing_history",),
                capabilities=("billing", "customer_service"),
            ),
            Agent(
                name="high_value_agent",
                instructions="You review transactions above 1000. Be strict with countries we do not trade with.",
                model=model or "scripted:high-value",
                capabilities=("review",),
            ),
            Agent(
                name="manager_agent",
                instructions="You find an account manager for a new customer.",
                model=model or "scripted:manager",
                tools=("assign_manager",),
            ),
            Agent(
                name="review_agent",
                instructions="You prepare payments that failed for a person.",
                model=model or "scripted:review",
                tools=("queue_for_review",),
                capabilities=("review", "payments"),
            ),
            Agent(
                name="order_validation_agent",
                instructions="You explain to a customer what is wrong with an order.",
                model=model or "scripted:order-problems",
            ),
            Agent(
                name="inventory_agent",
                instructions="You look after orders that cannot be delivered now.",
                model=model or "scripted:out-of-stock",
                tools=("tell_customer_of_delay",),
            ),
            Agent(
                name="fulfillment_agent",
                instructions="You sum up how an order went.",
                model=model or "scripted:fulfillment",
                tools=("shipment_of_order",),
            ),
            Agent(
                name="dispatch_agent",
                instructions="You decide whether an order can be shipped. Look at the order, then at the stock.",
                model=model or "scripted:dispatch",
                tools=("look_up_order", "check_stock"),
                capabilities=("dispatch",),
            ),
            Agent(
                name="support_lead",
                instructions="You answer complaints. Ask the desks that know, then sum up what they found.",
                model=model or "scripted:support-lead",
            ),
            Agent(
                name="triage_agent",
                instructions="You find out which desk a customer needs first, and hand over to it.",
                model=model or "scripted:triage",
            ),
            Agent(
                name="billing_desk",
                instructions="You look after invoices and charges. What is not about money you hand over.",
                model=model or "scripted:billing-desk",
                tools=("billing_history",),
            ),
            Agent(
                name="shipping_desk",
                instructions="You look after parcels. What is not about parcels you hand over.",
                model=model or "scripted:shipping-desk",
                tools=("shipment_of_order",),
            ),
        )
    )


TOOL_FAILED = Rule(r"^Error: (?P<why>.*)", Turn(r"I could not find out: \g<why>"))


def scripts() -> tuple[Script, ...]:
    """What `scripted:NAME` may name. A rule answers what a tool found; a turn is what is said otherwise."""
    return (
        Script(
            "welcome",
            rules=(
                Rule(
                    r"Welcome new customer (?P<name>.+)",
                    Turn(r"Welcome, \g<name>! We are glad to have you. Your account is being prepared."),
                ),
            ),
        ),
        Script(
            "billing",
            rules=(
                TOOL_FAILED,
                Rule(
                    r'"invoices": (?P<n>\d+), "charged_twice": \[\]',
                    Turn(r"There are \g<n> invoices on your account, and none was charged twice."),
                ),
                Rule(
                    r'"charged_twice": \["(?P<order>[^"]+)"',
                    Turn(r"You were charged twice for order \g<order>. The second charge will be paid back."),
                ),
            ),
            turns=(Turn(calls=(Call("billing_history"),)),),
        ),
        Script(
            "high-value",
            rules=(
                Rule(r'"country": "(?P<c>XX|ZZ)"', Turn(r"Rejected: we do not trade with \g<c>.")),
                Rule(r'"payment_amount": (?P<amount>[\d.]+)', Turn(r"Approved after review: \g<amount>.")),
            ),
        ),
        Script(
            "manager",
            rules=(TOOL_FAILED, Rule(r'"manager": "(?P<who>[^"]+)"', Turn(r"\g<who> will look after this customer."))),
            turns=(Turn(calls=(Call("assign_manager"),)),),
        ),
        Script(
            "review",
            rules=(TOOL_FAILED, Rule(r'"queued": "(?P<id>[^"]+)"', Turn(r"Put before the payments team (\g<id>)."))),
            turns=(Turn(calls=(Call("queue_for_review"),)),),
        ),
        Script(
            "order-problems",
            rules=(Rule(r'"message": "(?P<first>[^"]+)"', Turn(r"Your order cannot be taken: \g<first>")),),
        ),
        Script(
            "out-of-stock",
            rules=(TOOL_FAILED, Rule(r'"told": "(?P<to>[^"]+)"', Turn(r"Told \g<to> that the order takes longer."))),
            turns=(Turn(calls=(Call("tell_customer_of_delay"),)),),
        ),
        Script(
            "fulfillment",
            rules=(
                TOOL_FAILED,
                Rule(r'"carrier": null', Turn("The order was not shipped.")),
                Rule(
                    r'"carrier": "(?P<by>[^"]+)", "tracking_number": "(?P<no>[^"]+)"',
                    Turn(r"The order is on its way with \g<by>, tracking number \g<no>."),
                ),
            ),
            turns=(Turn(calls=(Call("shipment_of_order"),)),),
        ),
        Script(
            "dispatch",
            rules=(
                Rule(
                    r'"inventory_available": true',
                    Turn(structured={"recommendation": "ship", "reason": "Everything is in stock."}),
                ),
                Rule(
                    r'"inventory_available": false',
                    Turn(structured={"recommendation": "hold", "reason": "Not everything is in stock."}),
                ),
            ),
            turns=(Turn(calls=(Call("look_up_order"),)), Turn(calls=(Call("check_stock"),))),
        ),
        *_desks(),
    )


def _desks() -> tuple[Script, ...]:
    """Those who hand over to one another."""
    return (
        Script(
            "support-lead",
            rules=(
                Rule(r'"shipping": "(?P<found>[^"]+)"', Turn(r"I asked both desks, and they see to it. \g<found>")),
                Rule('"billing": "', Turn(calls=(Call("ask_shipping", {"question": "Where is the parcel?"}),))),
            ),
            turns=(Turn(calls=(Call("ask_billing", {"question": "Was anything charged twice?"}),)),),
        ),
        Script(
            "triage",
            rules=(
                Rule("charge|invoice", _hands("This is about money first.", "billing_desk")),
                Rule(".", _hands("This is about a parcel.", "shipping_desk")),
            ),
        ),
        Script(
            "billing-desk",
            rules=(
                Rule(r'"charged_twice": \[\]', _hands("Nothing was charged twice.", "shipping_desk")),
                Rule(r'"charged_twice": \["', _hands("The second charge will be paid back.", "shipping_desk")),
                Rule(".", Turn(calls=(Call("billing_history"),))),
            ),
        ),
        Script(
            "shipping-desk",
            rules=(
                Rule(r'"carrier": null', _hands("Your parcel has not left us yet.", "nobody")),
                Rule(r'"carrier": "', _hands("Your parcel is on its way.", "nobody")),
                Rule(".", Turn(calls=(Call("shipment_of_order"),))),
            ),
        ),
    )


def _hands(words: str, over_to: str) -> Turn:
    return Turn(structured={"says": words, "hand_over_to": over_to})
