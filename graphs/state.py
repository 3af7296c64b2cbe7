"""What an execution knows: the results of its steps, and where it stands.

Everything here is JSON values, so the checkpoint needs no serializer but msgpack's own kinds and can hold no code.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

FINALLY = "~finally"
"""The name of the plan of `finally` steps, in paths: `~finally.close`, `fulfil.~finally.close`."""
COMPENSATION = "~compensation"
"""The name of the plan of what undoes, in paths: `~compensation.orders[3].refund`."""
UNHEARD = "/unheard"
"""How the key ends of an effect that a call may have had which was cut off."""


def follows_the_end(path: str) -> bool:
    """Whether a step undoes, or is one of the `finally` steps: it is performed each time that an end is come to."""
    return path.startswith(COMPENSATION) or FINALLY in path


class ExecutionStatus(StrEnum):
    """Where an execution stands (ST1, ST4, X29)."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPENSATING = "compensating"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    COMPENSATED = "compensated"
    COMPENSATION_FAILED = "compensation_failed"
    BUDGET_EXCEEDED = "budget_exceeded"

    @property
    def final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in _FINAL

    @property
    def resting(self) -> bool:
        """Whether it waits for the world outside: an approval, an event, a time, or a larger budget."""
        return self in _RESTING

    @property
    def said(self) -> str:
        """As the rest of a sentence: `has failed`, `is running`."""
        words = self.replace("_", " ")
        if self in (ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT):
            return f"has {words}"
        if self is ExecutionStatus.COMPENSATION_FAILED:
            return "could not be compensated"
        if self is ExecutionStatus.BUDGET_EXCEEDED:
            return "has used up its budget"
        return f"was {words}" if self.final else f"is {words}"


_RESTING = frozenset({ExecutionStatus.WAITING, ExecutionStatus.BUDGET_EXCEEDED})
_FINAL = frozenset(
    {
        ExecutionStatus.COMPLETED,
        ExecutionStatus.FAILED,
        ExecutionStatus.TIMED_OUT,
        ExecutionStatus.CANCELLED,
        ExecutionStatus.COMPENSATED,
        ExecutionStatus.COMPENSATION_FAILED,
    }
)


class StepStatus(StrEnum):
    """Where a step stands (ST2, ST3, X29). The last five are settled: they never change again."""

    PENDING = "pending"
    WAITING = "waiting"
    RUNNING = "running"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class Result(TypedDict):
    """How a step settled; kept in the state under the step's name and in its record, in one transaction.

    Attributes:
        status: A settled `StepStatus`.
        output: What dependents read as `steps.NAME.output`; absent means null.
        error: `{"code", "message", "category", …}` of a step that failed or timed out.
        reason: Why a step was skipped or cancelled: `condition` (its own was false), `upstream` (what it depends on
            did not go as needed), `unneeded` (it was there for a failure, which did not come), `halted` (the plan had
            ended), `join` (enough others had succeeded), `cancelled`.
        detail: The same for people.
        variables: What the step sets.
        attempts: Tries made; 0 for a skipped step.
        started_at, ended_at: ISO 8601, UTC. `started_at` is when its own work began, not its waiting for others.
        queued: Seconds it waited for a place, where a limit made it wait.
        outcome: `unknown`: its call was cut off (a time limit, a lost connection, a cancel, the death of a process)
            and may have acted all the same.
        idempotency_key: With that: what it was made with.
        continued: The failure does not stop dependents (`on_failure: continue`).
        goto: The step that is gone on with, because this one failed.
        decided_by: Who answered, for approvals.
        route: The way a conditional or a switch went.
        inner: For partitions only: the results of the steps inside, by name.
        served: In a replay: the path in the record that the result was taken from.
        unfinished: For compensations and `finally` only: what failed or was stopped, by name: `error`, `attempts`,
            `undoes`.
        inherited: In a fork: the execution that did it, and whose it is to undo.
        undone: In a fork: that one had undone it already.
        uncounted: It is left out of the figures (`metrics_enabled: false`).
    """

    status: str
    output: NotRequired[Any]
    error: NotRequired[dict[str, Any]]
    reason: NotRequired[str]
    detail: NotRequired[str]
    variables: NotRequired[dict[str, Any]]
    attempts: NotRequired[int]
    started_at: NotRequired[str]
    ended_at: NotRequired[str]
    queued: NotRequired[float]
    outcome: NotRequired[Literal["unknown"]]
    idempotency_key: NotRequired[str]
    continued: NotRequired[bool]
    goto: NotRequired[str]
    decided_by: NotRequired[str]
    route: NotRequired[str]
    inner: NotRequired[dict[str, Any]]
    served: NotRequired[str]
    unfinished: NotRequired[dict[str, Any]]
    inherited: NotRequired[str]
    undone: NotRequired[bool]
    uncounted: NotRequired[bool]


class Kept(dict[str, Result]):
    """Results by step name that are durable already, each with its record: LangGraph is told of them when their body
    ends, and need not keep them before its next checkpoint."""


class Happened(NamedTuple):
    """One thing an execution did, as its history keeps it.

    Attributes:
        seq: Grows in the order of commits.
        kind: `settled`: a step has a result. `opened`: a composite step has found out what it is about; `data` holds
            that. `effect`: a step has done something to the world outside; `data` says how it is undone.
        superseded: It counts no longer, because what it belongs to was made anew.
    """

    seq: int
    kind: Literal["settled", "opened", "effect"]
    path: str
    data: Mapping[str, Any]
    superseded: bool = False

    @property
    def owner(self) -> str | None:
        """The execution that did it, where that is another one: this one was forked off it, and found it done."""
        owner: str | None = self.data.get("inherited")
        return owner


def merge(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    """The reducer for maps: later writes win, key by key."""
    return {**(old or {}), **(new or {})}


def join_path(prefix: str, name: str) -> str:
    """`orders` and `[3].charge` give `orders[3].charge`; `fulfil` and `label` give `fulfil.label`."""
    if not prefix:
        return name
    return prefix + name if name.startswith("[") else f"{prefix}.{name}"
