"""Sources of webhooks: who may send us messages, and what they become."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from graphs.errors import BatonError, ConflictError, NotFoundError
from orchestrator.store.acts import about
from orchestrator.store.chapter import Chapter
from orchestrator.store.port import Message, Source
from orchestrator.store.rows import to_time

_SELECT: Final = "SELECT id, tenant, name, event_type, secrets, created_at, created_by FROM webhook_sources"
_INSERT: Final = (
    "INSERT INTO webhook_sources (id, tenant, name, event_type, secrets, created_at, created_by) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)


class Sources(Chapter):
    """The chapter on sources of webhooks."""

    async def add_source(self, source: Source) -> None:
        """See the port."""
        made, by = to_time(source.created_at), source.created_by
        row = (source.id, source.tenant, source.name, source.event_type, source.secrets, made, by)

        def work(db: sqlite3.Connection) -> BatonError | None:
            taken = "SELECT 1 FROM webhook_sources WHERE tenant = ? AND name = ?"
            if db.execute(taken, (source.tenant, source.name)).fetchone():
                return ConflictError(f"There is a webhook source '{source.name}' already.", code="source_exists")
            db.execute(_INSERT, row)
            return None

        about({"source_id": source.id})
        await self._writer.submit(work)

    def source(self, source_id: str) -> Source | None:
        """See the port."""
        rows = self._reader.point(f"{_SELECT} WHERE id = ?", (source_id,))
        return _from_row(rows[0]) if rows else None

    async def sources(self, tenant: str) -> Sequence[Source]:
        """See the port."""
        sql = f"{_SELECT} WHERE tenant = ? ORDER BY name"
        rows = await self._reader.read(lambda db: db.execute(sql, (tenant,)).fetchall())
        return [_from_row(row) for row in rows]

    async def change_source(self, source_id: str, tenant: str, secrets: bytes) -> None:
        """See the port."""
        sql = "UPDATE webhook_sources SET secrets = ? WHERE id = ? AND tenant = ?"
        await self._touched(source_id, sql, (secrets, source_id, tenant))

    async def remove_source(self, source_id: str, tenant: str) -> None:
        """See the port."""
        sql = "DELETE FROM webhook_sources WHERE id = ? AND tenant = ?"
        await self._touched(source_id, sql, (source_id, tenant))

    async def heard(self, event_id: str, message: Message) -> None:
        """See the port."""

        def work(db: sqlite3.Connection) -> BatonError | None:
            row = db.execute("SELECT said, signed_at FROM events WHERE id = ?", (event_id,)).fetchone()
            if row is None:  # it was let go meanwhile
                return None
            said, signed_at = row
            if said is not None and said != message.digest:
                return id_reused(message.id)
            if signed_at is not None and message.signed_at <= signed_at:
                return ConflictError(
                    f"The message '{message.id}' came before, with this signature or a newer one: it is a replay.",
                    hint="To send a message again, sign it again, with the time it is then.",
                    code="webhook_replayed",
                )
            sql = "UPDATE events SET said = ?, signed_at = ? WHERE id = ?"
            db.execute(sql, (message.digest, message.signed_at, event_id))
            return None

        await self._writer.submit(work)

    async def _touched(self, source_id: str, sql: str, parameters: Sequence[Any]) -> None:
        def work(db: sqlite3.Connection) -> BatonError | None:
            return None if db.execute(sql, parameters).rowcount else no_source(source_id)

        await self._writer.submit(work)


def id_reused(message_id: str) -> ConflictError:
    """The error for another message under an id that is taken."""
    return ConflictError(
        f"Another message came with the id '{message_id}' before.",
        hint="Give each message an id of its own; the first one counts.",
        code="webhook_id_reused",
    )


def no_source(source_id: str) -> NotFoundError:
    """The error for a source that is not there."""
    return NotFoundError(
        f"There is no webhook source '{source_id}'.",
        hint="List what there is: GET /v1/webhooks.",
        code="source_not_found",
    )


def _from_row(row: Sequence[Any]) -> Source:
    source_id, tenant, name, event_type, secrets, created_at, created_by = row
    return Source(
        id=source_id,
        tenant=tenant,
        name=name,
        event_type=event_type,
        secrets=secrets,
        created_at=datetime.fromisoformat(created_at),
        created_by=created_by,
    )
