"""The tools of the small examples in `graphs/library/agents`: a travel agency that books nothing anywhere."""

import asyncio
from typing import Any, Final

from agents import Tool, service_tool, tool

Json = dict[str, Any]

DEGREES: Final = {"Oslo": 4, "Rome": 17, "Cairo": 26, "Lima": 19}
PAGES: Final = 6
LOOK_UP_SECONDS: Final = 0.3
"""How long a look-up takes: long enough that those side by side are seen to be."""


@tool(effect="none")
async def weather(city: str) -> Json:
    """How warm it is in a city."""
    await asyncio.sleep(LOOK_UP_SECONDS)
    return {"city": city, "degrees": DEGREES.get(city, 12)}


@tool(effect="none")
def guidebook(page: int) -> str:
    """One page of the guidebook, by its number. The first line says how many there are."""
    return f"page {page} of {PAGES}\n" + "On the left of the square stands a church, and behind it another one. " * 24


@tool(effect="none", timeout=60)
async def slow_desk() -> str:
    """Asks a desk that takes its time."""
    await asyncio.sleep(60)
    return "Good day."


@tool(effect="reversible", undo="cancel")
def book(what: str) -> Json:
    """Book one part of a journey."""
    return {"booking": f"{what}-1"}


@tool(effect="reversible")
def cancel(booking: str) -> str:
    """Cancel a booking."""
    return f"{booking} is cancelled"


@tool(effect="irreversible")
def pay_back(name: str, amount: float) -> Json:
    """Pay a traveller back."""
    return {"paid": amount, "to": name}


def packing_list(city: str) -> list[str]:
    """What to pack for a city."""
    return ["a coat", "an umbrella"] if DEGREES.get(city, 12) < 15 else ["a hat"]


def tools() -> tuple[Tool, ...]:
    """All of them, one an endpoint of a service."""
    order = service_tool(
        "order_status", "The order of that number, and how it stands.", "order-service", "/api/orders/{order_id}"
    )
    return (weather, guidebook, slow_desk, book, cancel, pay_back, order)
