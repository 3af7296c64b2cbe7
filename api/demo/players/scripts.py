"""What the scripted models of `graphs/library/agents` say. Each takes the part of a model that is asked by an agent of
one example; what the tools give them is real.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from agents import Call, Failure, Rule, Script, Turn
from api.demo.players.tools import DEGREES, PAGES

_SUMMED_UP: Final = Rule("Context Extraction", Turn("The first pages describe churches."))
_PAGES: Final = tuple(
    Rule(rf"\Apage {page} of", Turn(calls=(Call("guidebook", {"page": page + 1}),))) for page in range(1, PAGES)
)


def _pay(name: str, amount: int) -> Call:
    return Call("pay_back", {"name": name, "amount": amount})


class WeatherClerk(Script):
    """Looks up every city that it is asked about, all in one turn."""

    def turn(self, spoken: int, asked: str, form: Mapping[str, Any] | None) -> Turn | None:
        if spoken == 0:
            return Turn(calls=tuple(Call("weather", {"city": city}) for city in DEGREES if city in asked))
        return Turn("I have looked at all of them.")


class Hasty(Script):
    """The same, one city less: for a replay with another model."""

    def turn(self, spoken: int, asked: str, form: Mapping[str, Any] | None) -> Turn | None:
        if spoken == 0:
            cities = [city for city in DEGREES if city in asked]
            return Turn(calls=tuple(Call("weather", {"city": city}) for city in cities[:-1]))
        return Turn("I have looked at most of them.")


class Travel(Script):
    """Decides, plans, fills in and sums up in place of the assistant's model, where a journey is asked about."""

    def turn(self, spoken: int, asked: str, form: Mapping[str, Any] | None) -> Turn | None:
        wanted = (form or {}).get("properties", {})
        cities = [city for city in DEGREES if city in asked]
        if "route" in wanted:
            routes = wanted["route"]["enum"]
            route = "plan" if "book" in asked.casefold() else "run city_report" if cities else "answer"
            route = route if route in routes else routes[0]
            return Turn(structured={"route": route, "reason": f"Of {len(routes)} ways, this one fits", "complexity": 2})
        if "missing" in wanted:
            return Turn(structured={"input": {"city": cities[0]} if cities else {}, "missing": []})
        if "summary" in wanted:
            # The first draft names a tool that there is not; what is wrong with it comes back, and is put right.
            plan = PLAN if "no tool" in asked else PLAN.replace("tool: book", "tool: bok")
            return Turn(
                structured={"workflow": plan, "input": {"cities": cities}, "summary": "Books a hotel in each city."}
            )
        found = re.search(r'\{"results": .*\}\s*\Z', asked, re.DOTALL)
        return Turn(f"It is done: {found[0]}" if found else KNOWS_ONLY)


PLAN: Final = """\
apiVersion: workflow/v1
kind: Workflow
metadata:
  name: hotels
  description: Books a hotel in each of several cities
spec:
  input:
    schema:
      type: object
      properties:
        cities: { type: array, items: { type: string } }
      required: [cities]
  steps:
    - name: each
      type: map
      config: { items: "{{ input.cities }}" }
      steps:
        - { name: hotel, type: tool, config: { tool: book, args: { what: "hotel-{{ item }}" } } }
  output:
    values:
      bookings: "{{ steps.each.output.results }}"
"""
KNOWS_ONLY: Final = "I am a script and know only orders and journeys: ask me how ORD-12345 is doing."

PLAYERS: Final = (
    WeatherClerk("weather-clerk"),
    Hasty("hasty-clerk"),
    Script(
        "traveller",
        turns=(
            Turn(
                calls=(
                    Call("weather", {"city": "Rome"}),
                    Call("order_status", {"order_id": "ORD-12345"}),
                    Call("city_report", {"city": "Rome"}),
                    Call("trains_timetable", {"to": "Rome"}),
                    Call("ferries_timetable", {"to": "Rome"}),
                    Call("pack", {"city": "Rome"}),
                )
            ),
            Turn("All is prepared."),
        ),
    ),
    Script(
        "reader",
        turns=(
            Turn(structured={"city": "Rome", "days": "a long weekend"}),
            Turn(structured={"city": "Rome", "days": 3}),
        ),
    ),
    Script(
        "overreaching",
        turns=(
            Turn(
                calls=(
                    Call("teleport", {"to": "Rome"}),
                    Call("pay_back", {"name": "me", "amount": 900}),
                    Call("weather", {"town": "Rome"}),
                )
            ),
            Turn(calls=(Call("weather", {"city": "Rome"}),)),
            Turn("17 degrees; the rest is not for me to do."),
        ),
    ),
    Script(
        "bookworm",
        rules=(
            _SUMMED_UP,
            *_PAGES,
            Rule(rf"\Apage {PAGES} of", Turn("I have read it.")),
            Rule(".", Turn(calls=(Call("guidebook", {"page": 1}),))),
        ),
    ),
    Script("restless", rules=(Rule(".", Turn(calls=(Call("weather", {"city": "Rome"}),))),)),
    Script("patient", turns=(Turn(calls=(Call("slow_desk"),)), Turn("It said good day."))),
    Script(
        "cashier",
        turns=(
            Turn(
                calls=(
                    _pay("Ann", 50),
                    _pay("Ben", 200),
                    _pay("Cleo", 300),
                    _pay("Dan", 400),
                    _pay("Eve", 500),
                )
            ),
            Turn("That is all."),
        ),
    ),
    Script("paymaster", turns=(Turn(calls=(_pay("Eve", 500),)), Turn("Eve has her money."))),
    Script(
        "steady",
        turns=(
            Turn(calls=(Call("look_up_order"),)),
            Turn(calls=(Call("queue_for_review"),)),
            Turn("The payment is before a person."),
        ),
    ),
    Script(
        "agency",
        turns=(
            Turn(calls=(Call("book", {"what": "flight"}),)),
            Turn(calls=(Call("book", {"what": "hotel"}),)),
            Turn(calls=(Call("book", {"what": "car"}),)),
            Turn("All is booked."),
        ),
    ),
    Script(
        "unlucky",
        turns=(Turn("Well, thank you.", failures=(Failure("rate_limit", retry_after=0.1), Failure("server"))),),
    ),
    Script(
        "doorman",
        turns=(
            Turn(structured={"route": "complaints", "explanation": "It sounds like one."}),
            Turn(structured={"route": "refunds", "explanation": "They want their money back."}),
        ),
    ),
    Script("stray", rules=(Rule(".", Turn(structured={"route": "riddles", "explanation": "It is one."})),)),
    Script("speechless", rules=(Rule(".", Turn(failures=(Failure("invalid"),) * 9)),)),
    Script("soothing", rules=(Rule(".", Turn("I am sorry to hear that; you will have your money back.")),)),
)
"""What `scripted:NAME` names there."""
