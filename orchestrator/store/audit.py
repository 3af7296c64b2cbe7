"""The audit trail: who did what, when, and how it ended. Append-only, chained by hashes.

Each row's hash is taken over its own fields and the hash of the row before, and the newest one is also kept apart. So a
row that was changed, taken out or put in is found, and so is an end that was cut off. Whoever can write the file can
write a whole new chain; keep the newest hash elsewhere (`baton audit verify` prints it) to notice that too.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from orchestrator.store.chapter import Chapter
from orchestrator.store.port import AuditEntry, AuditFilter, AuditReport
from orchestrator.store.rows import from_json, to_json, to_time

_COLUMNS: Final = "seq, at, tenant, actor, action, target, outcome, detail, previous, hash"
FIRST: Final = "0" * 64
"""What the first row follows."""

_HEAD: Final = "audit_head"
_BATCH: Final = 5000


class Audit(Chapter):
    """The chapter on the audit trail."""

    def note(self, entry: AuditEntry) -> None:
        """See the port."""
        self._writer.hand_over(lambda db: add_entry(db, entry), thread=None)

    async def audit(self, which: AuditFilter) -> Sequence[AuditEntry]:
        """See the port."""
        where, parameters = ["seq > ?"], list[Any]([which.after])
        for condition, value in (
            ("tenant = ?", which.tenant),
            ("actor = ?", which.actor),
            ("action = ?", which.action),
            ("at >= ?", to_time(which.since) if which.since else None),
        ):
            if value is not None:
                where.append(condition)
                parameters.append(value)
        sql = f"SELECT {_COLUMNS} FROM audit WHERE {' AND '.join(where)} ORDER BY seq LIMIT ?"
        rows = await self._reader.read(lambda db: db.execute(sql, (*parameters, which.limit)).fetchall())
        return [_entry(row) for row in rows]

    async def verify_audit(self) -> AuditReport:
        """See the port."""
        return await self._reader.read(_verify)


def add_entry(db: sqlite3.Connection, entry: AuditEntry) -> None:
    """Add a row, in the transaction of what it tells of."""
    newest = db.execute("SELECT value FROM meta WHERE key = ?", (_HEAD,)).fetchone()
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
    hashed = _hash(seq, row, previous)
    db.execute(f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (seq, *row, previous, hashed))
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_HEAD, f"{seq}:{hashed}"))


def entry_hash(seq: int, values: Sequence[Any], previous: str) -> str:
    """The hash of a row, of its values from `at` to `detail` as JSON has them."""
    *plain, detail = values
    return _hash(seq, [*plain, to_json(detail)], previous)


def digest_of(value: Any) -> str:
    """What tells a value from every other, for entries that say what was before an act and after it."""
    return f"sha256:{hashlib.sha256(to_json(value).encode()).hexdigest()}"


def _hash(seq: int, row: Sequence[Any], previous: str) -> str:
    return hashlib.sha256(orjson.dumps([seq, *row, previous])).hexdigest()


def _verify(db: sqlite3.Connection) -> AuditReport:
    expected, previous, count = 1, FIRST, 0
    while rows := db.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE seq >= ? ORDER BY seq LIMIT {_BATCH}", (expected,)
    ).fetchall():
        for seq, *row, before, hashed in rows:
            if seq != expected:
                gone = f"{expected}" if seq == expected + 1 else f"{expected} to {seq - 1}"
                return AuditReport(False, count, previous, expected, f"row {gone} is gone")
            if before != previous:
                return AuditReport(False, count, previous, seq, f"row {seq} does not follow the row before it")
            if hashed != _hash(seq, row, before):
                return AuditReport(False, count, previous, seq, f"row {seq} was changed")
            expected, previous, count = seq + 1, hashed, count + 1
    head = db.execute("SELECT value FROM meta WHERE key = ?", (_HEAD,)).fetchone()
    kept = int(head[0].partition(":")[0]) if head else 0
    if kept >= expected:
        return AuditReport(False, count, previous, expected, f"rows from {expected} on are gone")
    if count and head and head[0] != f"{expected - 1}:{previous}":
        return AuditReport(False, count, previous, expected - 1, f"row {expected - 1} is not the one that was written")
    return AuditReport(True, count, previous)


def _entry(row: Sequence[Any]) -> AuditEntry:
    seq, at, tenant, actor, action, target, outcome, detail, previous, hashed = row
    return AuditEntry(
        seq=seq,
        at=datetime.fromisoformat(at),
        tenant=tenant,
        actor=actor,
        action=action,
        target=target,
        outcome=outcome,
        detail=from_json(detail),
        previous=previous,
        hash=hashed,
    )
