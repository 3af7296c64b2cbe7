"""Targets of webhooks: who outside is told what happens, and up to which record they know it."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from graphs.errors import BatonError, NotFoundError
from orchestrator.store.acts import about
from orchestrator.store.chapter import Chapter
from orchestrator.store.port import Record, Target, Untold
from orchestrator.store.rows import from_json, from_time, to_json, to_record, to_time

_SELECT: Final = (
    "SELECT id, tenant, url, kinds, secret, told, failures, next_at, error, created_at, created_by FROM webhook_targets"
)
_INSERT: Final = (
    "INSERT INTO webhook_targets (id, tenant, url, kinds, secret, told, created_at, created_by) "
    "VALUES (?, ?, ?, ?, ?, (SELECT ifnull(max(seq), 0) FROM records), ?, ?)"
)
_NEWS: Final = (
    "SELECT r.seq, r.execution_id, r.kind, r.path, r.generation, r.at, r.data FROM records AS r "
    "JOIN executions AS e ON e.id = r.execution_id WHERE r.seq > ? AND e.tenant = ? AND r.kind IN ({}) "
    "AND e.replay = 'null' "  # what only might have been is no news
    "ORDER BY r.seq LIMIT ?"
)


class Targets(Chapter):
    """The chapter on targets of webhooks."""

    async def add_target(self, target: Target) -> None:
        """See the port."""
        made = to_time(target.created_at)
        row = (target.id, target.tenant, target.url, to_json(target.kinds), target.secret, made, target.created_by)
        about({"target_id": target.id})
        await self._writer.submit([(_INSERT, row)])

    async def targets(self, tenant: str | None = None) -> Sequence[Target]:
        """See the port."""
        sql = f"{_SELECT} WHERE ? IS NULL OR tenant = ? ORDER BY created_at, id"
        rows = await self._reader.read(lambda db: db.execute(sql, (tenant, tenant)).fetchall())
        return [_from_row(row) for row in rows]

    def target(self, target_id: str) -> Target | None:
        """See the port."""
        rows = self._reader.point(f"{_SELECT} WHERE id = ?", (target_id,))
        return _from_row(rows[0]) if rows else None

    async def remove_target(self, target_id: str, tenant: str) -> None:
        """See the port."""

        def work(db: sqlite3.Connection) -> BatonError | None:
            sql = "DELETE FROM webhook_targets WHERE id = ? AND tenant = ?"
            return None if db.execute(sql, (target_id, tenant)).rowcount else no_target(target_id)

        await self._writer.submit(work)

    async def news_for(self, target: Target, limit: int) -> Sequence[Record]:
        """See the port."""
        sql = _NEWS.format(", ".join("?" * len(target.kinds)))
        parameters = (target.told, target.tenant, *target.kinds, limit)
        rows = await self._reader.read(lambda db: db.execute(sql, parameters).fetchall())
        return [to_record(row) for row in rows]

    def newest_seq(self) -> int:
        """See the port."""
        return int(self._reader.point("SELECT ifnull(max(seq), 0) FROM records")[0][0])

    def next_target(self) -> datetime | None:
        """See the port."""
        return from_time(self._reader.point("SELECT min(next_at) FROM webhook_targets")[0][0])

    async def told(self, target_id: str, seq: int) -> None:
        """See the port."""
        sql = "UPDATE webhook_targets SET told = ?, failures = 0, next_at = NULL, error = NULL WHERE id = ?"
        await self._writer.submit([(sql, (seq, target_id))])

    async def not_told(self, target_id: str, error: str, next_at: datetime) -> None:
        """See the port."""
        sql = "UPDATE webhook_targets SET failures = failures + 1, next_at = ?, error = ? WHERE id = ?"
        await self._writer.submit([(sql, (to_time(next_at), error, target_id))])

    async def never_told(self, target_id: str, seq: int, error: str) -> None:
        """See the port."""
        keep = "INSERT OR REPLACE INTO untold (target, record, error, given_up_at) VALUES (?, ?, ?, ?)"
        pass_by = "UPDATE webhook_targets SET told = ?, failures = 0, next_at = NULL, error = ? WHERE id = ?"
        kept = (target_id, seq, error, self._now())
        await self._writer.submit([(keep, kept), (pass_by, (seq, error, target_id))])

    async def tell_again(self, target_id: str, after: int) -> None:
        """See the port."""
        again = "UPDATE webhook_targets SET told = ?, failures = 0, next_at = NULL, error = NULL WHERE id = ?"
        forget = "DELETE FROM untold WHERE target = ? AND record > ?"
        await self._writer.submit([(again, (after, target_id)), (forget, (target_id, after))])

    async def untold(self, target_id: str) -> Sequence[Untold]:
        """See the port."""
        sql = "SELECT record, error, given_up_at FROM untold WHERE target = ? ORDER BY record LIMIT 1000"
        rows = await self._reader.read(lambda db: db.execute(sql, (target_id,)).fetchall())
        return [Untold(seq, error, datetime.fromisoformat(at)) for seq, error, at in rows]


def no_target(target_id: str) -> NotFoundError:
    """The error for a target that is not there."""
    return NotFoundError(
        f"There is no webhook target '{target_id}'.",
        hint="List what there is: GET /v1/webhook-targets.",
        code="target_not_found",
    )


def _from_row(row: Sequence[Any]) -> Target:
    target_id, tenant, url, kinds, secret, told, failures, next_at, error, created_at, created_by = row
    return Target(
        id=target_id,
        tenant=tenant,
        url=url,
        kinds=tuple(from_json(kinds)),
        secret=secret,
        told=told,
        failures=failures,
        next_at=from_time(next_at),
        error=error,
        created_at=datetime.fromisoformat(created_at),
        created_by=created_by,
    )
