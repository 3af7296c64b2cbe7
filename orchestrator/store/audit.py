"""The audit trail: who did what, when, and how it ended. Append-only, chained by hashes.

Each row's hash is taken over its own fields and the hash of the row before, and the newest one is also kept apart. So a
row that was changed, taken out or put in is found, and so is an end that was cut off. Whoever can write the file can
write a whole new chain; keep the newest hash elsewhere (`baton audit verify` prints it) to notice that too.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from orchestrator.store.chain import COLUMNS, FIRST, HEAD, add_entry, row_hash
from orchestrator.store.chapter import Chapter
from orchestrator.store.port import AuditEntry, AuditFilter, AuditReport
from orchestrator.store.rows import from_json, to_time

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
        sql = f"SELECT {COLUMNS} FROM audit WHERE {' AND '.join(where)} ORDER BY seq LIMIT ?"
        rows = await self._reader.read(lambda db: db.execute(sql, (*parameters, which.limit)).fetchall())
        return [_entry(row) for row in rows]

    async def verify_audit(self, tenant: str | None = None) -> AuditReport:
        """See the port."""
        return await self._reader.read(lambda db: _verify(db, tenant))


def _verify(db: sqlite3.Connection, tenant: str | None) -> AuditReport:
    expected, previous, count, newest = 1, FIRST, 0, FIRST
    while rows := db.execute(
        f"SELECT {COLUMNS} FROM audit WHERE seq >= ? ORDER BY seq LIMIT {_BATCH}", (expected,)
    ).fetchall():
        for seq, *row, before, hashed in rows:
            if seq != expected:
                gone = f"{expected}" if seq == expected + 1 else f"{expected} to {seq - 1}"
                return AuditReport(False, count, newest, expected, f"row {gone} is gone")
            if before != previous:
                return AuditReport(False, count, newest, seq, f"row {seq} does not follow the row before it")
            if hashed != row_hash(seq, row, before):
                return AuditReport(False, count, newest, seq, f"row {seq} was changed")
            expected, previous = seq + 1, hashed
            if tenant in (None, row[1]):
                count, newest = count + 1, hashed
    head = db.execute("SELECT value FROM meta WHERE key = ?", (HEAD,)).fetchone()
    kept = int(head[0].partition(":")[0]) if head else 0
    if kept >= expected:
        return AuditReport(False, count, newest, expected, f"rows from {expected} on are gone")
    if expected > 1 and head and head[0] != f"{expected - 1}:{previous}":
        return AuditReport(False, count, newest, expected - 1, f"row {expected - 1} is not the one that was written")
    return AuditReport(True, count, newest)


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
