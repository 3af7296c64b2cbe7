"""What the scripted models of the examples say.

A script reads what the tools found and answers with it, so the agents' work is real although no model is asked. A rule
answers what a tool found; a turn is what is said otherwise.
"""

from typing import Final

from agents import Call, Rule, Script, Turn

TOOL_FAILED = Rule(r"^Error: (?P<why>.*)", Turn(r"I could not find out: \g<why>"))


def _hands(words: str, over_to: str) -> Turn:
    return Turn(structured={"says": words, "hand_over_to": over_to})


DESKS: Final = (
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
"""Those who hand over to one another."""

SCRIPTS: Final = (
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
    *DESKS,
)
"""What `scripted:NAME` may name."""
