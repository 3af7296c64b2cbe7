"""The history of an execution as states that clients can page through: one for each step that settled."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphs.state import Result
from orchestrator.ids import shown_id
from orchestrator.serving.answers import interrupt_id, interrupts_of, question_of
from orchestrator.serving.messages import conversation_of, told_to
from orchestrator.serving.served import Document
from orchestrator.store.port import Execution, OpenWait, Record
from orchestrator.time_travel.anew import is_inside

_SETTLED = frozenset({"step.completed", "step.failed", "step.timed_out", "step.cancelled", "step.skipped"})


@dataclass(frozen=True, slots=True)
class Moment:
    """An execution right after a record: its number, what had settled, what it was that settled last."""

    seq: int
    at: Any
    path: str | None
    results: Mapping[str, Result] = field(default_factory=dict)


def values_of(
    execution: Execution, results: Mapping[str, Result], left_standing: Sequence[Mapping[str, Any]] = ()
) -> Document:
    """What clients read as the values of an execution's thread.

    Args:
        left_standing: What it did, and is not undone though it should not stand.
    """
    standing = {"left_standing": list(left_standing)} if left_standing else {}
    return {
        **standing,
        "workflow": execution.workflow,
        "version": execution.version,
        "status": str(execution.status),
        "input": execution.input,
        "steps": {path: result.get("output") for path, result in results.items() if _is_top(path)},
        "output": execution.output,
        "error": execution.error,
        "messages": conversation_of(execution),
    }


def moments_of(records: Sequence[Record]) -> Iterator[Moment]:
    """Every moment at which a step had just settled, oldest first; what was made anew later counts until then."""
    results: dict[str, Result] = {}
    for record in records:
        if record.kind == "execution.rewound":
            gone = record.data.get("superseded") or ()
            results = {path: result for path, result in results.items() if not _goes(path, gone)}
        elif record.kind in _SETTLED and record.path is not None and record.seq is not None:
            results = {**results, record.path: dict(record.data)}  # type: ignore[dict-item]
            yield Moment(record.seq, record.at, record.path, results)


def state_now(
    execution: Execution,
    results: Mapping[str, Result],
    waits: Sequence[OpenWait],
    plan: Sequence[str],
    moments: Sequence[Moment],
    left_standing: Sequence[Mapping[str, Any]] = (),
) -> Document:
    """The state of an execution as it stands; `plan` names its steps."""
    following = [] if execution.status.final else [name for name in plan if name not in results]
    asked = interrupts_of(waits)
    seqs = ["0", *(str(moment.seq) for moment in moments)]
    parent = seqs[-2] if len(seqs) > 1 else None
    state = _state(execution, values_of(execution, results, left_standing), parent, seqs[-1], following)
    state["tasks"] = [_task(wait) for wait in waits]
    state["interrupts"] = [each for group in asked.values() for each in group]
    state["created_at"] = execution.updated_at or execution.created_at
    return state


def states_of(execution: Execution, moments: Sequence[Moment], plan: Sequence[str]) -> list[Document]:
    """The moments of an execution as states, oldest first."""
    states = []
    for index, moment in enumerate(moments):
        parent = str(moments[index - 1].seq) if index else None
        following = [name for name in plan if name not in moment.results]
        then = {"output": None, "error": None, "status": "running", "messages": told_to(execution)}
        values = {**values_of(execution, moment.results), **then}
        state = _state(execution, values, parent, str(moment.seq), following)
        state["created_at"] = moment.at
        state["metadata"] |= {"source": "loop", "step": index, "writes": moment.path}
        states.append(state)
    return states


def follower_of(moments: Sequence[Moment], seq: int) -> str | None:
    """The step that settled next after a moment: where to go on from, to go on from there."""
    return next((moment.path for moment in moments if moment.seq > seq), None)


def _state(execution: Execution, values: Document, parent: str | None, here: str, following: Sequence[str]) -> Document:
    where = {"thread_id": shown_id(execution.id), "checkpoint_ns": ""}
    return {
        "values": values,
        "next": list(following),
        "tasks": [],
        "interrupts": [],
        "metadata": {
            "graph_id": execution.workflow,
            "version": execution.version,
            "thread_id": shown_id(execution.id),
            "parents": {},
        },
        "created_at": None,
        "checkpoint": {**where, "checkpoint_id": here},
        "parent_checkpoint": {**where, "checkpoint_id": parent} if parent is not None else None,
        "checkpoint_id": here,
        "parent_checkpoint_id": parent,
    }


def _task(wait: OpenWait) -> Document:
    asked = {"id": interrupt_id(wait), "value": question_of(wait)}
    return {
        "id": interrupt_id(wait),
        "name": wait.path,
        "path": [wait.path],
        "error": None,
        "interrupts": [asked],
        "checkpoint": None,
        "state": None,
        "result": None,
    }


def _goes(path: str, gone: Sequence[str]) -> bool:
    return any(path == other or is_inside(path, other) for other in gone)


def _is_top(path: str) -> bool:
    return "." not in path and "[" not in path and "#" not in path
