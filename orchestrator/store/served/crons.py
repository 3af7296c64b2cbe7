"""Crons: kept, found by when they are next due, moved on."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from graphs.errors import BatonError, NotFoundError
from orchestrator.store.acts import about
from orchestrator.store.chapter import Chapter
from orchestrator.store.rows import from_time, to_json, to_time
from orchestrator.store.served.table import Table
from orchestrator.store.served.values import Cron, Search

CRONS = Table(
    "crons",
    Cron,
    times=("end_at", "next_at", "created_at", "updated_at"),
    plain=("id", "tenant", "assistant_id", "thread_id", "schedule", "timezone", "on_run_completed", "enabled"),
)


_OWNED = "tenant = ? AND json_extract(owner, '$.source') = ?"


class Crons(Chapter):
    """The chapter on crons."""

    async def create_cron(self, cron: Cron) -> Cron:
        """Keep a cron."""
        about({"cron_id": cron.id})
        await self._writer.submit(lambda db: CRONS.insert(db, cron))
        return cron

    def cron(self, cron_id: str, tenant: str) -> Cron | None:
        """The cron, if there is one."""
        rows = self._reader.point(f"{CRONS.select} WHERE id = ? AND tenant = ?", (cron_id, tenant))
        return _whole(CRONS.value(rows[0])) if rows else None

    async def crons(self, which: Search) -> Sequence[Cron]:
        """Crons that fit."""
        return [_whole(cron) for cron in await self._reader.read(lambda db: CRONS.search(db, which))]

    async def count_crons(self, which: Search) -> int:
        """How many crons fit."""
        return await self._reader.read(lambda db: CRONS.count(db, which))

    async def change_cron(self, cron_id: str, tenant: str, changes: Mapping[str, Any]) -> Cron:
        """Change a cron.

        Raises:
            NotFoundError: there is none.
        """
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Cron | BatonError:
            found = CRONS.find(db, id=cron_id, tenant=tenant)
            if found is None:
                return no_cron(cron_id)
            CRONS.update(db, {"id": cron_id}, {**changes, "updated_at": now})
            return _whole(replace(found, **changes, updated_at=now))

        changed: Cron = await self._writer.submit(work)
        return changed

    async def move_cron(self, cron: Cron, next_at: datetime | None, failure: Mapping[str, Any] | None = None) -> None:
        """What was due has been started, or could not be: the next time, unless somebody has changed the cron
        meanwhile."""
        where = {"id": cron.id, "next_at": cron.next_at}
        await self._writer.submit(lambda db: CRONS.update(db, where, {"next_at": next_at, "failure": failure}))

    async def delete_cron(self, cron_id: str, tenant: str) -> None:
        """Delete a cron.

        Raises:
            NotFoundError: there is none.
        """
        await self._writer.submit(lambda db: None if CRONS.delete(db, id=cron_id, tenant=tenant) else no_cron(cron_id))

    def owns_crons(self, source: str, tenant: str) -> bool:
        """Whether somebody has any."""
        return bool(self._reader.point(f"SELECT 1 FROM crons WHERE {_OWNED} LIMIT 1", (tenant, source)))

    async def renew_crons(self, source: str, tenant: str, owner: Mapping[str, Any]) -> None:
        """What is kept of an owner, on all that is theirs."""
        sql = f"UPDATE crons SET owner = json_patch(owner, ?) WHERE {_OWNED}"
        await self._writer.submit([(sql, (to_json(owner), tenant, source))])

    async def crons_due(self, now: datetime) -> Sequence[Cron]:
        """Enabled crons whose time has come."""
        sql = f"{CRONS.select} WHERE enabled AND next_at IS NOT NULL AND next_at <= ? ORDER BY next_at"
        rows = await self._reader.read(lambda db: db.execute(sql, (to_time(now),)).fetchall())
        return [_whole(CRONS.value(row)) for row in rows]

    def next_cron(self) -> datetime | None:
        """When the first of all enabled crons is due."""
        rows = self._reader.point("SELECT min(next_at) FROM crons WHERE enabled AND next_at IS NOT NULL")
        return from_time(rows[0][0])


def _whole(cron: Cron) -> Cron:
    return replace(cron, enabled=bool(cron.enabled))


def no_cron(cron_id: str) -> NotFoundError:
    return NotFoundError(f"There is no cron '{cron_id}'.", code="cron_not_found")
