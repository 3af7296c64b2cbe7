"""The steps of a story, as a tree: how each stands, and what people see of that."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from graphs.planner import COMPANION

SETTLED: Final = frozenset({"completed", "failed", "timed_out", "cancelled", "skipped"})
INTERRUPTED: Final = "interrupted"
"""The status that is shown of what was at work when its engine ended; it is kept as running."""
_GOING_ON: Final = (INTERRUPTED, "running", "retrying", "waiting", "queued")


@dataclass(slots=True)
class Node:
    """A step, or a place between steps (a branch, an item of a map), which has no type and no records of its own.

    Attributes:
        status: As in `StepStatus`.
        question: What it waits for, while it does.
        along: Whose question's answer it waits for, while it does.
        progress: What it last said of its progress.
        queued: Seconds it waited for a place under a limit.
        again_at: While it is retrying, or held back: when it is tried again.
        gone_on: It failed, and what follows goes on all the same.
    """

    path: str
    name: str
    type: str = ""
    status: str = "pending"
    attempts: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: Mapping[str, Any] | None = None
    detail: str = ""
    question: Mapping[str, Any] | None = None
    along: str | None = None
    progress: Any = None
    queued: float = 0.0
    again_at: datetime | None = None
    gone_on: bool = False
    children: dict[str, "Node"] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        return self.status in SETTLED

    @property
    def at_rest(self) -> bool:
        """Whether it waits by itself, and needs nobody at work for that."""
        return self.question is not None or self.along is not None or self.again_at is not None

    @property
    def waits_for(self) -> list[str]:
        """The paths of what is asked or awaited, here and in what is below."""
        found = {node.path if node.question is not None else node.along: None for node in self.walk()}
        return [path for path in found if path is not None]

    @property
    def companion(self) -> bool:
        """Whether it answers the failure of the step it stands below."""
        return self.name == COMPANION

    def walk(self) -> Iterator["Node"]:
        """This node and everything below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()

    def as_document(self) -> dict[str, Any]:
        """The node as JSON values."""
        document = {
            "path": self.path,
            "type": self.type or None,
            "status": self.shown_status,
            "attempts": self.attempts,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "queued": self.queued or None,
            "error": self.error,
            "again_at": self.again_at,
            "detail": self.detail or None,
            "waits_for": self.waits_for or None,
        }
        return document | (
            {"steps": [child.as_document() for child in self.children.values()]} if self.children else {}
        )

    @property
    def shown_status(self) -> str:
        """The status people see: a step with steps inside waits when what still goes on in it waits."""
        if self.settled or not self.children:
            return self.status
        inside = {child.came_to for child in self.children.values()}
        for status in _GOING_ON:
            if status in inside:
                return status
        between = self.status == "pending" and inside - {"pending"}
        if not between:
            return self.status
        for status in ("failed", "timed_out", "cancelled"):
            if status in inside:
                return "failed" if status == "timed_out" else status
        return "completed" if inside <= SETTLED else "running"

    @property
    def came_to(self) -> str:
        """The status that counts for what is around it: of a failure that was answered, that of the answer."""
        if self.gone_on:
            return "completed"
        answer = self.children.get(COMPANION)
        status = answer.shown_status if answer is not None and self.settled else "pending"
        return self.shown_status if status in ("pending", "skipped") else status
