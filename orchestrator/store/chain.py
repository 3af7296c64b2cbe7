"""The chain of the audit trail: a row's hash is taken over its own fields and the hash of the row before."""

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import orjson

from orchestrator.store.rows import to_json, to_time
from orchestrator.store.values import AuditEntry

COLUMNS: Final = "seq, at, tenant, actor, action, target, outcome, detail, previous, hash"
FIRST: Final = "0" * 64
"""What the first row follows."""

HEAD: Final = "audit_head"
"""Where the newest row's number and hash are kept apart."""


def add_entry(db: sqlite3.Connection, entry: AuditEntry) -> None:
    """Add a row, in the transaction of what it tells of."""
    newest = db.execute("SELECT value FROM meta WHERE key = ?", (HEAD,)).fetchone()
    last, previous = (int(newest[0].partition(":")[0]), newest[0].partition(":")[2]) if newest else (0, FIRST)
    row = (
        to_time(entry.at),
        entry.tenant,
        entry.actor,
        entry.action,
        entry.target,
        entry.outcome,
        to_json(entry.detail),
    )
    # Never a number that was used: rows that somebody cut off at the end leave a gap behind.
    seq = max(last, db.execute("SELECT ifnull(max(seq), 0) FROM audit").fetchone()[0]) + 1
    hashed = row_hash(seq, row, previous)
    db.execute(f"INSERT INTO audit ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (seq, *row, previous, hashed))
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (HEAD, f"{seq}:{hashed}"))


def entry_hash(seq: int, values: Sequence[Any], previous: str) -> str:
    """The hash of a row, of its values from `at` to `detail` as JSON has them."""
    *plain, detail = values
    return row_hash(seq, [*plain, to_json(detail)], previous)


def row_hash(seq: int, row: Sequence[Any], previous: str) -> str:
    """The hash of a row, of its cells from `at` to `detail`."""
    return hashlib.sha256(orjson.dumps([seq, *row, previous])).hexdigest()


def digest_of(value: Any) -> str:
    """What tells a value from every other, for entries that say what was before an act and after it."""
    return f"sha256:{hashlib.sha256(to_json(value).encode()).hexdigest()}"
