"""The records of an execution in the words of langgraph-sdk's streams."""

from collections.abc import Sequence
from typing import Any

from orchestrator.serving.answers import interrupt_id, question_of
from orchestrator.serving.served import Say
from orchestrator.store.port import OpenWait, Record

_QUIET = frozenset({"execution.rested", "step.waiting"})


class Following:
    """Says what an execution does.

    Args:
        modes: What the client asked for.
    """

    def __init__(self, modes: Sequence[str], say: Say) -> None:
        self._modes = frozenset(modes)
        self._say = say
        self._asked: set[str] = set()

    def record(self, record: Record) -> None:
        """Say a record: a settled step as an update of its own, everything as it is for `custom`."""
        if record.kind == "step.completed" and "updates" in self._modes:
            self._say("updates", {record.path: record.data.get("output")})
        if "custom" in self._modes and record.kind not in _QUIET:
            self._say("custom", fact_of(record))
        if "tasks" in self._modes and record.kind.startswith("step.") and record.kind not in _QUIET:
            self._say("tasks", fact_of(record))

    def questions(self, waits: Sequence[OpenWait]) -> None:
        """Say what is asked, each thing once: it must not be missed, whatever was asked for."""
        new = [wait for wait in waits if interrupt_id(wait) not in self._asked]
        self._asked.update(interrupt_id(wait) for wait in new)
        if new:
            mode = "updates" if "updates" in self._modes or "values" not in self._modes else "values"
            asked = [{"id": interrupt_id(wait), "value": question_of(wait)} for wait in new]
            self._say(mode, {"__interrupt__": asked})

    def values(self, values: Any) -> None:
        """Say the whole state."""
        if "values" in self._modes:
            self._say("values", values)


def fact_of(record: Record) -> dict[str, Any]:
    """A record as JSON values."""
    return {
        "type": record.kind,
        "path": record.path,
        "at": record.at,
        "generation": record.generation,
        "seq": record.seq,
        "data": record.data,
    }
