"""Triggers: what is kept of them beside the definitions they stand in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphs.errors import BatonError
from orchestrator.store.chapter import Chapter
from orchestrator.store.rows import from_json, to_json
from orchestrator.store.units import Statement

_EVENT = "SELECT seq, id, type, key, tenant, source, data, received_at FROM events"
_TRIGGERING = (
    "SELECT w.tenant, w.name, w.version, json_extract(d.document, '$.spec.triggers'), "
    "(SELECT min(created_at) FROM workflows AS f WHERE f.tenant = w.tenant AND f.name = w.name) "
    "FROM workflows AS w JOIN definitions AS d ON d.digest = w.digest "
    "WHERE w.seq = (SELECT max(seq) FROM workflows AS n WHERE n.tenant = w.tenant AND n.name = w.name "
    "AND n.status = 'published') AND json_extract(d.document, '$.spec.triggers') IS NOT NULL "
    "AND (? IS NULL OR w.tenant = ?) ORDER BY w.tenant, w.name"
)


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event as it was published; without a tenant it is everybody's."""

    seq: int
    id: str
    type: str
    key: str | None
    tenant: str | None
    source: str | None
    data: Any
    received_at: datetime

    @property
    def name(self) -> str:
        """Its id as whoever published it gave it: tenants' own are kept behind the tenant's name."""
        return self.id.removeprefix(f"{self.tenant}:") if self.tenant is not None else self.id


@dataclass(frozen=True, slots=True)
class Triggering:
    """A published workflow that has triggers, in the version that starts by name.

    Attributes:
        triggers: As the definition has them.
        since: When the first version of it was published: events from before do not start it.
    """

    tenant: str
    workflow: str
    version: str
    triggers: Sequence[dict[str, Any]]
    since: datetime


@dataclass(frozen=True, slots=True)
class Untriggered:
    """An event that a trigger could not start its workflow for."""

    event: str
    error: dict[str, Any]
    failed_at: datetime


class Triggers(Chapter):
    """The chapter on triggers."""

    async def untold_events(self, limit: int) -> Sequence[KeptEvent]:
        """Events that triggers have not seen yet, in their order."""
        sql = f"{_EVENT} WHERE seq > (SELECT seen FROM trigger_place) ORDER BY seq LIMIT ?"
        rows = await self._reader.read(lambda db: db.execute(sql, (limit,)).fetchall())
        return [_event(row) for row in rows]

    def event_of(self, event_id: str, tenant: str) -> KeptEvent | None:
        """An event by its id, as long as it is kept."""
        own = f"{tenant}:{event_id}"
        sql = f"{_EVENT} WHERE id IN (?, ?) AND ifnull(tenant, ?) = ?"
        rows = self._reader.point(sql, (event_id, own, tenant, tenant))
        return _event(rows[0]) if rows else None

    async def triggers_saw(self, seq: int, *, taken: bool) -> None:
        """Every trigger has done what it does about the events up to that one; `taken`: it has started something."""
        saw: list[Statement] = [("UPDATE trigger_place SET seen = max(seen, ?)", (seq,))]
        if taken:
            saw.append(("UPDATE events SET early = 0 WHERE seq = ? AND early", (seq,)))
        await self._writer.submit(saw)

    async def triggering(self, tenant: str | None = None) -> Sequence[Triggering]:
        """The workflows that have triggers."""
        rows = await self._reader.read(lambda db: db.execute(_TRIGGERING, (tenant, tenant)).fetchall())
        return [
            Triggering(tenant, name, version, from_json(text), datetime.fromisoformat(since))
            for tenant, name, version, text, since in rows
        ]

    async def triggers_off(self) -> frozenset[tuple[str, str, str]]:
        """Triggers that are switched off: tenant, workflow, name."""
        sql = "SELECT tenant, workflow, name FROM triggers_off"
        return frozenset(await self._reader.read(lambda db: db.execute(sql).fetchall()))

    async def switch_trigger(self, tenant: str, workflow: str, name: str, *, on: bool, by: str | None) -> None:
        """Switch a trigger on or off."""
        place = (tenant, workflow, name)
        off = (
            "INSERT OR IGNORE INTO triggers_off (tenant, workflow, name, changed_at, changed_by) VALUES (?, ?, ?, ?, ?)"
        )
        delete = "DELETE FROM triggers_off WHERE tenant = ? AND workflow = ? AND name = ?"
        await self._writer.submit([(delete, place) if on else (off, (*place, self._now(), by))])

    async def not_triggered(self, tenant: str, workflow: str, name: str, event: str, error: BatonError) -> None:
        """Keep that a trigger could not start its workflow."""
        sql = (
            "INSERT OR REPLACE INTO untriggered (tenant, workflow, name, event, error, failed_at) "
            "VALUES (?, ?, ?, ?, ?, ?)"
        )
        row = (tenant, workflow, name, event, to_json(error.as_dict()), self._now())
        await self._writer.submit([(sql, row)])

    async def triggered_after_all(self, tenant: str, workflow: str, name: str, event: str) -> None:
        """Forget that it could not."""
        sql = "DELETE FROM untriggered WHERE tenant = ? AND workflow = ? AND name = ? AND event = ?"
        await self._writer.submit([(sql, (tenant, workflow, name, event))])

    async def untriggered(self, tenant: str, workflow: str, name: str, limit: int = 1000) -> Sequence[Untriggered]:
        """The events it could not start its workflow for, newest first."""
        sql = (
            "SELECT event, error, failed_at FROM untriggered WHERE tenant = ? AND workflow = ? AND name = ? "
            "ORDER BY failed_at DESC, event LIMIT ?"
        )
        rows = await self._reader.read(lambda db: db.execute(sql, (tenant, workflow, name, limit)).fetchall())
        return [Untriggered(event, from_json(error), datetime.fromisoformat(at)) for event, error, at in rows]

    async def unstarted(self, code: str, limit: int) -> Sequence[tuple[str, str, str, str]]:
        """What triggers could not start for that reason: tenant, workflow, trigger and event, the oldest first."""
        sql = (
            "SELECT tenant, workflow, name, event FROM untriggered WHERE json_extract(error, '$.code') = ? "
            "ORDER BY failed_at, event LIMIT ?"
        )
        rows = await self._reader.read(lambda db: db.execute(sql, (code, limit)).fetchall())
        return [tuple(row) for row in rows]


def _event(row: Sequence[Any]) -> KeptEvent:
    seq, event_id, kind, key, tenant, source, data, received_at = row
    return KeptEvent(seq, event_id, kind, key, tenant, source, from_json(data), datetime.fromisoformat(received_at))
