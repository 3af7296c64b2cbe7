"""Who was first: for those who ask something of an execution that has moved on because of somebody else's asking."""

import sqlite3
from collections.abc import Mapping
from typing import Final

from orchestrator.store.rows import from_json
from orchestrator.store.values.asked import Asked

_SAID: Final[Mapping[str, str]] = {
    "execution.rewound": "had it go on",
    "execution.redriven": "redrove it",
    "execution.continued": "let it go on",
    "approval.decided": "decided what it asked",
}
_LAST: Final = (
    f"SELECT kind, at, data FROM records WHERE execution_id = ? AND kind IN ({', '.join('?' for _ in _SAID)}) "
    "ORDER BY seq DESC LIMIT 1"
)
REQUESTS: Final = "SELECT cancel_requested, pause_requested FROM executions WHERE id = ?"


def asked_last(db: sqlite3.Connection, execution_id: str) -> Asked | None:
    """What was asked of it last; None when nothing ever was."""
    requests = db.execute(REQUESTS, (execution_id,)).fetchone() or ()
    asked = [
        Asked(request["by"], request["at"], what)
        for request, what in zip(map(from_json, requests), ("asked for its end", "paused it"), strict=False)
        if request is not None
    ]
    for kind, at, data in db.execute(_LAST, (execution_id, *_SAID)):
        asked.append(Asked(from_json(data).get("by"), at, _SAID[kind]))
    return max(asked, key=lambda one: one.at, default=None)
