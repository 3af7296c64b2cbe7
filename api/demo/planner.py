"""What the scripted model says in place of one that plans: for `baton ask` among the examples, without a key.

Requests that name an order are planned, so that the order, the stock and the shipment are looked at side by side. Of
everything else it knows journeys (`api.demo.players.scripts`), and answers the rest as well as a script can.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from agents import Script, Turn
from api.demo.players.scripts import KNOWS_ONLY, Travel

NAME: Final = "assistant"
_ORDER: Final = re.compile(r"\bORD-\w+")
_PLAN: Final = """\
apiVersion: workflow/v1
kind: Workflow
metadata:
  name: order_overview
  description: Looks at an order, its stock and its shipment
spec:
  input:
    schema:
      type: object
      properties:
        order_id: { type: string }
      required: [order_id]
  steps:
    - { name: order, type: tool, config: { tool: look_up_order } }
    - { name: stock, type: tool, config: { tool: check_stock } }
    - { name: shipment, type: tool, config: { tool: shipment_of_order } }
  output:
    values:
      total: "{{ steps.order.output.total }}"
      in_stock: "{{ steps.stock.output.inventory_available }}"
      carrier: "{{ steps.shipment.output.carrier }}"
"""


class Planner(Travel):
    """Speaks by the form it is to answer in, and by what it is told."""

    def turn(self, spoken: int, asked: str, form: Mapping[str, Any] | None) -> Turn | None:
        order = _ORDER.search(asked)
        if order is None:
            return super().turn(spoken, asked, form)
        wanted = (form or {}).get("properties", {})
        if "route" in wanted:
            return Turn(structured={"route": "plan", "reason": "It takes several look-ups.", "complexity": 3})
        if "summary" in wanted:
            given = {"order_id": order[0]}
            return Turn(structured={"workflow": _PLAN, "input": given, "summary": "Looks at an order from all sides."})
        return Turn(_told(asked, order[0]))


def _told(asked: str, order: str) -> str:
    """The results in words, where there are any."""
    found = re.search(r'\{"results": (?P<results>\{.*\})\}\s*\Z', asked, re.DOTALL)
    if found is None:
        return KNOWS_ONLY
    results = json.loads(found["results"])
    stock = "everything is in stock" if results["in_stock"] else "something is out of stock"
    sent = f"it is on its way with {results['carrier']}" if results["carrier"] else "it has not been shipped"
    return f"{order} comes to {results['total']:g}; {stock}, and {sent}."


def planner() -> Script:
    """`scripted:assistant`."""
    return Planner(NAME)
