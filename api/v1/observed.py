"""What somebody sees who may observe and not read: that things ran, when, and how they ended; none of their values.

Of each document the fields are named that are shown; all others are null. A field that is added is hidden until it is
named here. Of an error its code is shown: its message may hold values.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from api.security import Right, needs

OBSERVED: Final = needs(Right.READ, narrowed=[Right.OBSERVE])
"""For routes that ask `Principal.reads`, and show less where it is not so."""

_EXECUTION: Final = frozenset(
    {
        *("id", "workflow", "version", "status", "compensation", "priority", "parent", "forked_at", "generation"),
        *("created_at", "started_at", "ended_at", "updated_at", "active_seconds", "digest", "drives", "usage"),
    }
)
_STEP: Final = frozenset(
    {"path", "type", "status", "attempts", "started_at", "ended_at", "queued", "again_at", "waits_for"}
)
_STANDING: Final = frozenset({"path", "reason", "outcome"})
_WAIT: Final = frozenset({"path", "kind", "status", "due", "opened_at"})
_RECORD: Final = frozenset({"seq", "kind", "path", "generation", "at"})
_LETTER: Final = frozenset(
    {
        *("id", "execution_id", "path", "kind", "workflow", "tenant", "status", "escalated"),
        *("created_at", "closed_at", "closed_by"),
    }
)


def execution(document: Mapping[str, Any]) -> dict[str, Any]:
    """An execution, brief or whole."""
    return _shown(document, _EXECUTION)


def told(document: Mapping[str, Any]) -> dict[str, Any]:
    """An execution with its steps, waits, forks and costs."""
    return {
        "execution": execution(document["execution"]),
        "steps": [_step(one) for one in document["steps"]],
        "waits": [_shown(one, _WAIT) for one in document["waits"]],
        "forks": [execution(one) for one in document["forks"]],
        "usage": document["usage"],
        "cost": document["cost"],
        "left_standing": [_shown(one, _STANDING) for one in document["left_standing"]],
    }


def record(document: Mapping[str, Any]) -> dict[str, Any]:
    """A record: its kind says what happened."""
    return _shown(document, _RECORD)


def letter(document: Mapping[str, Any]) -> dict[str, Any]:
    """A dead letter."""
    return _shown(document, _LETTER)


def _step(document: Mapping[str, Any]) -> dict[str, Any]:
    inside = {"steps": [_step(one) for one in document["steps"]]} if "steps" in document else {}
    return _shown(document, _STEP) | inside


def _shown(document: Mapping[str, Any], seen: Collection[str]) -> dict[str, Any]:
    shown = {name: value if name in seen else None for name, value in document.items()}
    error = document.get("error")
    if isinstance(error, Mapping):
        shown["error"] = {"code": error.get("code")}
    return shown
