"""What an execution's models have cost, from the records of their calls."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agents.reasoning.agent_calls import REFUSED
from graphs.budget import SPENT
from orchestrator.store.port import Record

SPENDING = (SPENT, REFUSED)
"""Kinds of the records that tell of it."""


@dataclass(slots=True)
class Usage:
    """The calls of one agent's model in one step. `cost` is None where a price was not known.

    Attributes:
        step: The agent step's path.
        seconds: Time until the answers were there.
        refused: Calls of tools that the model wanted and that were not made.
        estimated: Calls of which the provider did not say what they took, and which count as what was held for them.
    """

    step: str
    agent: str
    model: str
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0
    seconds: float = 0.0
    refused: int = 0
    estimated: int = 0

    def add(self, other: "Usage") -> None:
        """Count another's with these."""
        self.calls += other.calls
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.seconds = round(self.seconds + other.seconds, 3)
        self.refused += other.refused
        self.estimated += other.estimated
        self.cost = None if self.cost is None or other.cost is None else round(self.cost + other.cost, 9)

    def as_document(self) -> dict[str, Any]:
        return asdict(self)

    def figures(self) -> dict[str, Any]:
        """The numbers alone."""
        return {key: value for key, value in asdict(self).items() if key not in ("step", "agent", "model")}


def usage_of(records: Iterable[Record]) -> list[Usage]:
    """Every call that was made, also failed ones and those that were made again, by step, agent and model."""
    found: dict[tuple[str, str, str], Usage] = {}
    for record in records:
        if record.kind not in SPENDING or record.data.get("calls") == 0:
            continue
        path, agent = record.path or "", str(record.data["agent"])
        # A model that chooses a route is asked by the step itself; others from inside their agent's step.
        step = path if agent == path else path.rpartition("[")[0]
        key = (step, agent, str(record.data["model"]))
        usage = found.setdefault(key, Usage(*key))
        if record.kind == REFUSED:
            usage.refused += 1
            continue
        usage.calls += 1
        usage.estimated += bool(record.data.get("estimated"))
        usage.input_tokens += int(record.data.get("input_tokens") or 0)
        usage.output_tokens += int(record.data.get("output_tokens") or 0)
        usage.seconds = round(usage.seconds + float(record.data.get("seconds") or 0), 3)
        cost = record.data.get("cost")
        failed = not record.data.get("tokens")  # a call that gave nothing costs nothing that anybody could know
        if cost is not None and usage.cost is not None:
            usage.cost = round(usage.cost + float(cost), 9)
        elif cost is None and not failed:
            usage.cost = None
    return list(found.values())


def spent_in_all(usages: Iterable[Usage]) -> Usage:
    """The same as one."""
    whole = Usage("", "", "")
    for usage in usages:
        whole.add(usage)
    return whole


def totals(usages: Sequence[Usage]) -> dict[str, dict[str, Usage]]:
    """The same by `agent`, by `model`, and (under "") of the whole `execution`."""
    found: dict[str, dict[str, Usage]] = {"agent": {}, "model": {}, "execution": {}}
    for usage in usages:
        for by, name in (("agent", usage.agent), ("model", usage.model), ("execution", "")):
            found[by].setdefault(name, Usage("", "", "")).add(usage)
    return found


def costs_of(usages: Sequence[Usage]) -> dict[str, dict[str, Any]]:
    """`totals` as JSON values."""
    return {by: {name: one.figures() for name, one in those.items()} for by, those in totals(usages).items()}
