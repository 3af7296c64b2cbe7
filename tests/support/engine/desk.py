"""A desk whose tools are called by agents, and agents in one line."""

from typing import Any

from agents import Call, Models, Script, Tool, Tools, Turn
from graphs.steps import StepContext


class Desk:
    """What tools did: name, arguments, idempotency key."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any], str]] = []

    def tool(self, name: str, **more: Any) -> Tool:
        def call(context: StepContext, amount: int = 0) -> dict[str, Any]:
            self.calls.append((name, {"amount": amount}, context.idempotency_key))
            return {"done": name, "amount": amount}

        return Tool(name, f"Does {name}.", call, **more)

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.calls]


def agent(**config: Any) -> dict[str, Any]:
    return {"name": "ask", "type": "agent", "config": {"model": "scripted:s", "message": "Go", **config}}


def resources(desk: Desk, *turns: Turn, tools: Any = (), **script: Any) -> list[Any]:
    named = [tool if isinstance(tool, Tool) else desk.tool(tool) for tool in tools]
    return [Models(allow_real=False, scripts=[Script("s", turns=turns, **script)]), Tools(named)]


CALLS = Turn("First.", calls=(Call("look", {"amount": 1}), Call("refund", {"amount": 500})))
DONE = Turn("Done.")
