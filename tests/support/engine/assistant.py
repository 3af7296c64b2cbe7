"""The ad-hoc assistant of a small application: its model says what each step of it needs."""

from typing import Any

from agents import Models, Script, Tool, Tools, Turn
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution
from tests.support.engine.engines import act, workflow

CITIES = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: compare_cities}
spec:
  input:
    schema:
      type: object
      properties: {cities: {type: array, items: {type: string}}}
      required: [cities]
  steps:
    - name: research
      type: map
      config: {items: "{{ input.cities }}"}
      steps:
        - {name: look, type: tool, config: {tool: TOOL, args: {city: "{{ item }}"}}}
    - name: criteria
      type: agent
      config: {message: "Criteria?"}
  output:
    values:
      facts: "{{ steps.research.output.results }}"
      criteria: "{{ steps.criteria.output.answer }}"
"""
READING, WRITING = CITIES.replace("TOOL", "look_up"), CITIES.replace("TOOL", "write_to")


class World:
    """What the tools did, and a model that says what each step of the assistant needs."""

    def __init__(self, route: str, *drafts: str, **more: Any) -> None:
        self.asked: list[str] = []
        self.done: list[str] = []
        self.drafts = [self._draft(text) for text in drafts]
        self.route = route
        self.more = more

    def _draft(self, text: str) -> dict[str, Any]:
        return {"workflow": text, "input": {"cities": ["Oslo", "Rome"]}, "summary": "Compares two cities."}

    def resources(self) -> list[Any]:
        world = self

        class Model(Script):
            def turn(self, spoken: int, asked: str, form: Any) -> Turn | None:
                wanted = (form or {}).get("properties", {})
                return world.say(asked, wanted)

        def look_up(city: str) -> dict[str, str]:
            self.done.append(f"look {city}")
            return {"city": city, "is": "fine"}

        def write_to(city: str) -> dict[str, str]:
            self.done.append(f"write {city}")
            return {"wrote": city}

        tools = Tools(
            [
                Tool("look_up", "Looks a city up.", look_up, effect="none"),
                Tool("write_to", "Writes to a city.", write_to, effect="irreversible"),
            ]
        )
        return [Models(allow_real=False, default="scripted:m", scripts=[Model("m")]), tools]

    def say(self, asked: str, wanted: dict[str, Any]) -> Turn:
        what = (
            "decide" if "route" in wanted else "plan" if "summary" in wanted else "fill" if "missing" in wanted else ""
        )
        self.asked.append(what or asked)
        if what == "decide":
            return Turn(structured={"route": self.route, "reason": "So it is.", "complexity": 3, "tasks": ["look"]})
        if what == "plan":
            number = sum(one == "plan" for one in self.asked) - 1
            return Turn(structured=self.drafts[min(number, len(self.drafts) - 1)])
        if what == "fill":
            return Turn(structured=self.more["fill"])
        return Turn(f"Said: {asked[:2000]}")


async def open_question(baton: Orchestrator, execution: Execution) -> Any:
    [wait] = await baton.waits(execution.id)
    return wait


REFUND = workflow(
    "refund",
    [act("pay", sensitive=True), act("tell", "pay")],
    input={
        "schema": {
            "type": "object",
            "properties": {"order": {"type": "string"}, "amount": {"type": "number", "minimum": 1}},
            "required": ["order", "amount"],
        }
    },
    output={"values": {"paid": "{{ input.amount }}"}},
)
