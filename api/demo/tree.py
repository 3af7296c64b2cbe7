"""A workflow's steps as a tree that grows while they run: what the demo shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from rich.text import Text
from rich.tree import Tree

from graphs.planner import COMPANION
from graphs.spec import Workflow
from orchestrator.store.port import Record

# Each status has a word beside its sign and its colour, so that neither is needed to read it.
SIGNS: Final[Mapping[str, tuple[str, str, str]]] = {
    "pending": ("·", ".", "dim"),
    "running": ("▸", ">", "cyan"),
    "retrying": ("↻", "~", "yellow"),
    "waiting": ("…", "?", "yellow"),
    "completed": ("✓", "+", "green"),
    "failed": ("✗", "x", "red"),
    "timed_out": ("✗", "x", "red"),
    "cancelled": ("✗", "x", "red"),
    "skipped": ("-", "-", "dim"),
}
_BEGUN = {"step.started": "running", "step.retrying": "retrying", "step.waiting": "waiting"}


@dataclass
class Line:
    """One step as it stands."""

    path: str
    status: str = "pending"
    attempts: int = 0
    seconds: float = 0.0
    note: str = ""


@dataclass
class StepTree:
    """The steps of one execution.

    Args:
        title: What stands above them.
        ascii_only: For terminals that know no other signs.
    """

    title: str
    ascii_only: bool = False
    lines: dict[str, Line] = field(default_factory=dict)

    @classmethod
    def of(cls, workflow: Workflow, *, ascii_only: bool = False) -> "StepTree":
        lines = {step.name: Line(step.name) for step in workflow.spec.steps}
        return cls(f"{workflow.name} {workflow.version}", ascii_only, lines)

    def take(self, records: Iterable[Record]) -> None:
        """Let records change what is shown."""
        for record in records:
            if record.path is not None and record.kind.startswith("step."):
                self._take_step(record.path, record.kind, record.data)

    def status(self, path: str) -> str:
        """How a step stands, as far as it is known here."""
        return self.lines[path].status if path in self.lines else "pending"

    def _take_step(self, path: str, kind: str, data: Mapping[str, Any]) -> None:
        for above in self.lines.values():
            # A step whose inner steps have begun is at work, whether or not its own record is there yet.
            if above.status == "pending" and above.path != path and _is_below(path, above.path):
                above.status = "running"
        line = self.lines.setdefault(path, Line(path))
        if kind in _BEGUN:
            line.status = _BEGUN[kind]
            line.note = str(data.get("message") or data.get("event_type") or "") if kind == "step.waiting" else ""
            return
        line.status = kind.removeprefix("step.")
        line.attempts = data.get("attempts", 0)
        line.seconds = _seconds(data)
        line.note = _note(data)

    def __rich__(self) -> Tree:
        root = Tree(Text(self.title, "bold"))
        nodes: dict[str, Tree] = {"": root}
        for path in sorted(filter(self._shown, self.lines), key=self._order):
            parent = max((known for known in nodes if _is_below(path, known)), key=len)
            nodes[path] = nodes[parent].add(self._text(self.lines[path], path[len(parent) :].lstrip(".")))
        return root

    def _shown(self, path: str) -> bool:
        """All but the fallbacks of steps that went well."""
        return not (path.endswith(COMPANION) and self.lines[path].status == "skipped")

    def _order(self, path: str) -> tuple[list[int], int]:
        """Parents before what is inside them; otherwise in the order in which the steps became known."""
        known = list(self.lines)
        above = [known.index(one) for one in known if one == path or _is_below(path, one)]
        return sorted(above, key=lambda place: len(known[place])), len(path)

    def _text(self, line: Line, name: str) -> Text:
        sign, plain, style = SIGNS.get(line.status, SIGNS["pending"])
        text = Text(f"{plain if self.ascii_only else sign} ", style)
        text.append(name, "default")
        text.append(f"  {line.status.replace('_', ' ')}", style)
        if line.seconds:
            text.append(f"  {line.seconds:.2f} s", "dim")
        if line.attempts > 1:
            text.append(f"  {line.attempts} attempts", "yellow")
        if line.note:
            text.append(f"  {line.note}", "dim")
        return text


def _is_below(path: str, above: str) -> bool:
    return not above or (path.startswith(above) and path[len(above) : len(above) + 1] in (".", "["))


def _seconds(data: Mapping[str, Any]) -> float:
    started, ended = data.get("started_at"), data.get("ended_at")
    if not started or not ended:
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def _note(data: Mapping[str, Any]) -> str:
    if by := data.get("decided_by"):
        return f"by {by}"
    if route := data.get("route"):
        return f"took '{route}'"
    error = data.get("error") or {}
    return str(error.get("message", ""))
