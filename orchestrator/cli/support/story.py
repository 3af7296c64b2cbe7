"""An execution's story: its steps as a tree, told by its records one after the other. Pure; printing is elsewhere."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from graphs.planner import COMPANION
from graphs.state import FINALLY, ExecutionStatus
from graphs.undo import COMPENSATION
from orchestrator.cli.support.nodes import INTERRUPTED, SETTLED, Node
from orchestrator.driving.together import ALONG
from orchestrator.store.port import Execution, Record
from orchestrator.time_travel.ownership import INHERITANCE_UNDONE

_PARTS: Final = re.compile(r"\[\d+\]|~[^.\[~]+|[^.\[~]+")
_RESTING: Final = frozenset({"pending", "queued", "waiting", "paused", "budget_exceeded"})
_STATUSES: Final = frozenset(ExecutionStatus)
_WORKING: Final = frozenset({"running", "compensating"})


def status_left(status: str) -> str:
    """A status as it is shown when no engine drives the file."""
    return INTERRUPTED if status in _WORKING else status


def origin(execution: Execution) -> str:
    """What an execution with a parent is of it: a replay has changed nothing, whatever its steps say."""
    return "fork of" if execution.replay is None else "replay of"


class Story:
    """What is known of an execution: begun from its definition, carried on by its records.

    Args:
        execution: As it stood when the story began.
        document: Its definition as JSON values: names and types of the steps that have not begun.
    """

    def __init__(self, execution: Execution, document: Mapping[str, Any] | None = None) -> None:
        self.execution = execution
        self.status = str(execution.status)
        self.root = Node("", "")
        self.seen = 0
        """The last record's number: what comes after it is news."""
        self.failure: Mapping[str, Any] | None = None
        """Why the last drive was given up, when it was."""
        self.left_standing: Sequence[Mapping[str, Any]] = ()
        """What it did that cannot be undone, or was not: each with its path and the reason."""
        self.undriven_since: datetime | None = None
        """When it was last heard of, where no engine drives it."""
        for step in (document or {}).get("spec", {}).get("steps", ()):
            self.root.children[step["name"]] = Node(step["name"], step["name"], _type(step))
        self._types = dict(_types(document or {}))

    def tell(self, records: Iterable[Record]) -> None:
        """Carry the story on."""
        for record in records:
            self.apply(record)

    def apply(self, record: Record) -> bool:
        """Take one record in; False when it was known."""
        if record.seq is not None:
            if record.seq <= self.seen:
                return False
            self.seen = record.seq
        if record.kind.startswith("step.") and self.status in _RESTING:
            self.status = "running"
        if record.kind.startswith("step."):
            self.failure = None  # it was driven again
        if record.kind.startswith("execution."):
            self._apply_to_execution(record)
        elif record.kind == INHERITANCE_UNDONE:
            self._say(record.data["paths"], f"undone since by execution {record.data['by']}")
        elif record.kind == "drive.failed":
            self.failure = record.data
        elif record.path:
            self._apply_to_step(self.node(record.path), record)
        return True

    def node(self, path: str) -> Node:
        """The node at a path, made with everything above it when it is new."""
        node, above = self.root, ""
        for part in _PARTS.findall(path):
            above = above + part if part[0] in "[~" or not above else f"{above}.{part}"
            if part not in node.children:
                node.children[part] = Node(above, part, self._types.get(re.sub(r"\[\d+\]", "[]", above), ""))
            node = node.children[part]
        return node

    def steps(self) -> Iterator[Node]:
        """Every node, parents first."""
        for child in self.root.children.values():
            yield from child.walk()

    def statuses(self) -> dict[str, str]:
        """Statuses by path, for drawings."""
        return {node.path: node.shown_status for node in self.steps() if node.shown_status != "pending"}

    def settle(self, execution: Execution) -> None:
        """The execution as it was left: steps that were cut short are not at work any more."""
        self.execution, self.status = execution, str(execution.status)
        if execution.status in (ExecutionStatus.RUNNING, ExecutionStatus.COMPENSATING):
            return
        for node in self.steps():
            if not node.settled and not node.at_rest and not node.children:
                node.status = "pending"

    def leave(self, since: datetime) -> None:
        """The execution as its engine left it that ended without a word: nothing goes on."""
        self.undriven_since = since
        self.status = status_left(self.status)
        for node in [node for node in self.steps() if node.shown_status == "running"]:
            node.status, node.ended_at = INTERRUPTED, since

    def asks_only(self, open_paths: Collection[str]) -> None:
        """What was answered, and not yet taken up, is asked no more: only these are still open."""
        for node in self.steps():
            if node.question is not None and node.path not in open_paths:
                node.question, node.status = None, "running"

    def _apply_to_execution(self, record: Record) -> None:
        word = record.kind.partition(".")[2]
        if word in _STATUSES:
            self.status = word
            self.left_standing = record.data.get("left_standing", ())
            for path, owner in record.data.get("left_alone", {}).items():
                self._say([path], f"left alone: done by execution {owner}")
        elif word == "started":
            self.status = "running"
        elif word == "undo_asked":
            self.status, self.left_standing = "queued", ()
        elif word == "rewound":
            self.status, self.left_standing = "queued", ()
            for path in record.data.get("superseded", ()):
                self._forget(path, alone=False)
            for path in record.data.get("superseded_alone", ()):
                self._forget(path, alone=True)

    def _say(self, paths: Iterable[str], detail: str) -> None:
        for path in paths:
            self.node(path).detail = detail

    def _forget(self, path: str, *, alone: bool) -> None:
        *above, last = _PARTS.findall(path) or [""]
        node = self.root
        for part in above:
            if part not in node.children:
                return
            node = node.children[part]
        old = node.children.get(last)
        if old is None:
            return
        if alone or (node is self.root and last not in (COMPENSATION, FINALLY)):
            node.children[last] = Node(old.path, old.name, old.type, children=old.children if alone else {})
        else:
            del node.children[last]

    def _apply_to_step(self, node: Node, record: Record) -> None:
        word, data = record.kind.partition(".")[2], record.data
        if word == "came_late":
            node.detail = f"its call came back late, and {data['outcome']}"
        if node.settled and word not in SETTLED:
            # Records that are never kept arrive beside those that are, and other processes write theirs when they can.
            return
        if record.kind == "approval.decided":
            node.question, node.status = None, "running"
        elif word == "progress":
            node.progress = data.get("data")
        elif word == "started" and node.question is None and node.along is None:
            # A step that is taken up again keeps its first start: that is when its own work began.
            node.started_at = node.started_at if node.status in ("running", "retrying") else record.at
            node.detail, node.again_at = "", None
            node.status, node.attempts = "running", max(node.attempts, data.get("attempt", 1))
        elif word == "retrying":
            node.status, node.attempts, node.error = "retrying", data["attempt"], data.get("error")
            node.again_at = _time(data.get("due"))
            node.started_at = node.started_at or record.at
        elif word == "held":
            node.status, node.again_at = "waiting", _time(data.get("due"))
            node.detail = f"for '{data.get('breaker')}', whose circuit breaker is open"
        elif word == "queued":
            node.status, node.detail = "queued", f"for a place under the limit of '{data.get('limit')}'"
        elif record.kind == ALONG:
            node.status, node.along, node.question = "waiting", str(data["with"]), None
            node.started_at, node.detail = node.started_at or record.at, f"with {node.along}: {data['message']}"
        elif word == "waiting":
            node.status, node.question, node.along = "waiting", data, None
            node.started_at = node.started_at or record.at
        elif word in SETTLED:
            _settle(node, word, record)


def _settle(node: Node, status: str, record: Record) -> None:
    data = record.data
    node.status, node.question, node.along, node.progress, node.again_at = status, None, None, None, None
    node.attempts = data.get("attempts", node.attempts)
    node.queued = data.get("queued", 0.0)
    node.gone_on = bool(data.get("continued"))
    node.error, node.detail = data.get("error"), data.get("detail") or data.get("reason") or ""
    node.started_at = _time(data.get("started_at")) or node.started_at
    node.ended_at = _time(data.get("ended_at")) or record.at
    if by := data.get("decided_by"):
        node.detail = f"by {by}"
    elif route := data.get("route"):
        node.detail = f"route {route}"
    elif data.get("outcome") == "unknown" and "not known" not in node.detail:
        node.detail = f"{node.detail}; {_UNHEARD}" if node.detail else _UNHEARD
    elif owner := data.get("inherited"):
        node.detail = f"{'undone' if data.get('undone') else 'done'} by execution {owner}"


_UNHEARD = "it was cut off, and may have acted: what it has done is not known"


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _type(step: Mapping[str, Any]) -> str:
    return str(step.get("type", "service_call"))


def _types(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Types of steps by path, items of maps and loops as `[]`."""
    spec = document.get("spec", {})
    yield from _types_in(spec.get("steps", ()), "")
    yield from _types_in(spec.get("compensation", {}).get("steps", ()), f"{COMPENSATION}.")
    yield from _types_in(spec.get("finally", ()), f"{FINALLY}.")


def _types_in(steps: Iterable[Mapping[str, Any]], above: str) -> Iterator[tuple[str, str]]:
    for step in steps:
        path, kind = f"{above}{step['name']}", _type(step)
        yield path, kind
        below = f"{path}[]." if kind in ("map", "loop") else f"{path}."
        lists = [step.get(key) or () for key in ("steps", "then", "else", "default")]
        for inner in [*lists, *(case.get("steps", ()) for case in step.get("cases", ()))]:
            yield from _types_in(inner, below)
        for branch, inner in (step.get("branches") or {}).items():
            yield from _types_in(inner, f"{path}.{branch}.")
        if undo := step.get("compensate"):
            yield from _types_in([undo], f"{COMPENSATION}.{above}")
        if fallback := (step.get("on_failure") or {}).get("fallback"):
            yield f"{path}{COMPANION}", _type(fallback)
