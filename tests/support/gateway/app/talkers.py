"""Models that speak from scripts, for tests of what hears them."""

from typing import Any

from agents.models.models import Models
from agents.models.scripts import Call, Rule, Script, Turn
from agents.tools.tools import Tools, tool

ORDER = Turn("I look. ", calls=(Call("find_order", {"number": "7"}),))
REFUND = Turn("", calls=(Call("refund", {"amount": 500}),))


@tool
def find_order(number: str) -> str:
    """Find an order."""
    return f"Order {number} is on its way."


@tool(approval="args.amount > 100")
def refund(amount: int) -> str:
    """Pay money back."""
    return f"{amount} paid back."


def resources() -> list[Any]:
    """For `baton serve --module`."""
    clerk = Script(
        "clerk",
        rules=(
            Rule("on its way", Turn("It is on its way.")),
            Rule("paid back", Turn("Your money is on its way.")),
            Rule("not approved", Turn("Nobody allowed that.")),
            Rule("where is", ORDER),
            Rule("refund", REFUND),
        ),
        otherwise="echo",
    )
    return [Models(allow_real=False, scripts=[clerk]), Tools([find_order, refund])]
