"""A step in its place: what it needs, and which of the six nodes performs it."""

from dataclasses import dataclass
from typing import NamedTuple

from graphs.spec import Outcome, Step
from graphs.steps import Node, StepType

COMPANION = "~fallback"


class Need(NamedTuple):
    """A step of the same plan that must settle first, and how."""

    step: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, eq=False)
class PlannedStep:
    """A step in its place.

    Attributes:
        name: Unique in its plan: `charge`, `[3].charge`, `left.fetch`, `charge~fallback`.
        local: What stands before the names of its siblings: `[3].`, `left.` or "".
        index: Which item of a map or a loop it belongs to.
        group: The branch or item it counts for in a join.
        stands_for: For a companion: the step whose failure it answers.
        undoes: For a compensation: the step whose effect it undoes.
        kind: For a step that was made at run time: what performs it, with all it needs. Such a step is written
            nowhere, so nothing in it is an expression.
    """

    name: str
    step: Step
    node: Node
    needs: tuple[Need, ...] = ()
    local: str = ""
    index: int | None = None
    group: str | None = None
    stands_for: str | None = None
    undoes: str | None = None
    kind: StepType | None = None
