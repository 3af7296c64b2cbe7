"""Poison: an execution over which processes die again and again is put aside, so that the others go on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphs.errors import EngineError
from graphs.state import ExecutionStatus
from orchestrator.driving.aftermath import alert, letter
from orchestrator.store.port import DeadLetter, Execution, Record

POISONED = "poisoned"


@dataclass(frozen=True, slots=True)
class PutAside:
    """The end of an execution that is put aside; nothing of it runs, not even what undoes it."""

    status: ExecutionStatus
    compensation: ExecutionStatus | None
    error: dict[str, Any]
    letter: DeadLetter
    records: list[Record]


def is_poisoned(execution: Execution) -> bool:
    """Whether it was put aside: no step of it has failed, and it can go on where it was."""
    return execution.error is not None and execution.error.get("code") == POISONED


def put_aside(execution: Execution, now: datetime) -> PutAside:
    """How an execution ends over which too many processes have died."""
    undoing = execution.concluded is not None and execution.concluded["compensate"]
    compensation = ExecutionStatus.COMPENSATION_FAILED if undoing else None
    timed_out = (execution.concluded or {}).get("status") == "timed_out"
    status = ExecutionStatus.TIMED_OUT if timed_out else compensation or ExecutionStatus.FAILED
    error = EngineError(
        f"The process that drove execution '{execution.id}' died {execution.deaths} times in a row, and it got no "
        "further in between: it is put aside.",
        hint=f"Mend what killed it, then: baton dead-letters --execution {execution.id}.",
        code=POISONED,
    ).as_dict() | {"category": "logic"}
    return PutAside(
        status,
        compensation,
        error,
        letter(execution, "poisoned", "", error, now, escalated=True, deaths=execution.deaths),
        [
            alert(execution, "error", status, error, now, escalated=True),
            Record(
                execution.id, f"execution.{status}", now, None, execution.generation, {"output": None, "error": error}
            ),
        ],
    )
