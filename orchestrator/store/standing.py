"""What there is, as digests: for entries of the audit trail that say how a thing stood before an act and after it."""

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any, Final

from orchestrator.store.chain import digest_of
from orchestrator.store.rows import to_json

Thing = Mapping[str, Any]
"""A thing by what says which it is: `{"execution_id": …, "path": …}`."""

_THREAD: Final = (
    "SELECT t.*, (SELECT max(checkpoint_id) FROM checkpoints AS c WHERE c.thread_id = t.id AND c.checkpoint_ns = ''), "
    "(SELECT count(*) FROM checkpoints AS c WHERE c.thread_id = t.id AND c.checkpoint_ns = '') "
    "FROM threads AS t WHERE t.id = ? AND t.tenant = ?"
)
_EXECUTION: Final = "SELECT * FROM executions WHERE id = ? AND tenant = ?"
_WAIT: Final = (
    "SELECT w.* FROM waits AS w JOIN executions AS e ON e.id = w.execution_id "
    "WHERE w.execution_id = ? AND w.path = ? AND NOT w.superseded AND e.tenant = ?"
)
_THINGS: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    ("execution_id", "path"): (_WAIT,),
    ("execution_id",): (_EXECUTION,),
    ("thread_id", "run_id"): ("SELECT * FROM thread_runs WHERE thread_id = ? AND id = ? AND tenant = ?",),
    ("thread_id",): (_THREAD, _EXECUTION),
    ("assistant_id",): ("SELECT * FROM assistants WHERE id = ? AND tenant = ?",),
    ("cron_id",): ("SELECT * FROM crons WHERE id = ? AND tenant = ?",),
    ("letter_id",): ("SELECT * FROM dead_letters WHERE seq = ? AND tenant = ?",),
    ("source_id",): ("SELECT * FROM webhook_sources WHERE id = ? AND tenant = ?",),
    ("target_id",): ("SELECT * FROM webhook_targets WHERE id = ? AND tenant = ?",),
    ("run_id",): ("SELECT * FROM run_webhooks WHERE run_id = ? AND tenant = ?",),
    ("name", "version"): ("SELECT * FROM workflows WHERE name = ? AND version = ? AND tenant = ?",),
    ("name", "trigger"): ("SELECT * FROM triggers_off WHERE workflow = ? AND name = ? AND tenant = ?",),
    ("namespace", "key"): ("SELECT * FROM items WHERE namespace = ? AND key = ? AND tenant = ?",),
    ("event_id",): ("SELECT * FROM events WHERE id = ? AND tenant = ?",),
    ("signs_for",): ("SELECT * FROM run_webhook_secrets WHERE tenant = ? AND tenant = ?",),
}
"""By the names that say which it is, the closest first: the rows it is made of."""


def standing(db: sqlite3.Connection, thing: Thing, tenant: str) -> str | None:
    """A digest of what a tenant has under those names; None where there is nothing.

    Raises:
        KeyError: nothing goes by them.
    """
    names = thing_named(thing)
    parameters = (*(_cell(thing[name]) for name in names), tenant)
    rows = [row for sql in _THINGS[names] for row in db.execute(sql, parameters).fetchall()]
    return digest_of([[_plain(value) for value in row] for row in rows]) if rows else None


def thing_named(named: Collection[str]) -> tuple[str, ...]:
    """The names out of these that say which thing is meant; none where they say none."""
    return next((names for names in _THINGS if all(name in named for name in names)), ())


def _cell(given: Any) -> Any:
    return to_json(given) if isinstance(given, list) else given


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
