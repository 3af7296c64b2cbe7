"""Events: kept when they come, delivered to every wait they match, there for waits that open later."""

import asyncio
import sqlite3
from collections.abc import Iterable
from typing import Any, Final
from uuid import uuid4

from graphs.errors import BatonError, ConflictError
from graphs.state import ExecutionStatus
from orchestrator.quota import Quota, TooManyEventsError, judge_event
from orchestrator.store.acts import about
from orchestrator.store.chapter import Chapter, raise_signal
from orchestrator.store.matching import awaited_fields, values_at
from orchestrator.store.port import PublishedEvent
from orchestrator.store.rows import from_json, to_json, to_time
from orchestrator.store.wait_rows import answer_by_event, event_answer

_INSERT: Final = (
    "INSERT INTO events (id, type, key, tenant, source, data, received_at, early, emitted) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INBOX: Final = "SELECT events, bytes FROM event_inboxes WHERE tenant = ?"
_GOES_ON: Final = ", ".join(f"'{status.value}'" for status in ExecutionStatus if not status.final)
_OLDEST: Final = f"SELECT min(created_at) FROM executions WHERE tenant = ? AND status IN ({_GOES_ON})"
_LET_GO: Final = (
    "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE tenant = ? AND early AND received_at < ? "
    "AND seq <= (SELECT seen FROM trigger_place) ORDER BY emitted LIMIT 10000)"
)


class Events(Chapter):
    """The chapter on events.

    Attributes:
        news: Set whenever one was published, for whoever put it there.
    """

    news: asyncio.Event | None = None

    async def publish_event(
        self,
        kind: str,
        data: Any,
        *,
        key: str | None,
        source: str | None,
        id: str | None = None,  # noqa: A002 - the port's name
        tenant: str | None = None,
        quota: Quota | None = None,
        emitted: bool = False,
    ) -> PublishedEvent:
        """See the port."""
        event_id, now, text = id or uuid4().hex, self._now(), to_json(data)

        def work(db: sqlite3.Connection) -> PublishedEvent | BatonError:
            if known := _known(db, event_id):
                first, *before = known
                # What a step says anew after a crash may read the clock: the first time counts.
                if not emitted and before != [kind, key, from_json(text)]:
                    return _id_reused()
                return _repeated(db, event_id, first)
            matched = list(_one_each(_waiting(db, kind, data, key, tenant, now)))
            if not matched and quota is not None and tenant is not None:
                early, held = db.execute(_INBOX, (tenant,)).fetchone() or (0, 0)
                if refused := judge_event(quota, tenant, early, held, len(text.encode())):
                    return refused
            row = (event_id, kind, key, tenant, source, text, now, not matched, emitted)
            seq = db.execute(_INSERT, row).lastrowid
            if not self._drives:
                db.execute("INSERT INTO signals (execution_id, kind, path) VALUES ('', 'published', NULL)")
            answer = event_answer(text, source, now)
            for wait, execution_id, path in matched:
                answer_by_event(db, wait, seq, execution_id, path, answer, now)
                raise_signal(db, execution_id, "event", path, now, own=self._drives)
            return PublishedEvent(event_id, tuple((execution_id, path) for _, execution_id, path in matched))

        about({"event_id": event_id})
        try:
            published: PublishedEvent = await self._writer.submit(work)
        except TooManyEventsError:
            assert quota is not None
            if not await self._make_room(str(tenant), to_time(self._clock.now() - quota.event_age)):
                raise
            published = await self._writer.submit(work)
        self.has_news()
        return published

    def has_news(self) -> None:
        """An event was published, here or by another process."""
        if self.news is not None:
            self.news.set()

    async def _make_room(self, tenant: str, before: str) -> int:
        """Delete old events of a tenant's that nothing took, and no execution that goes on can take; how many."""

        def work(db: sqlite3.Connection) -> int:
            oldest = db.execute(_OLDEST, (tenant,)).fetchone()[0]
            return db.execute(_LET_GO, (tenant, min(before, oldest or before))).rowcount

        deleted: int = await self._writer.submit(work)
        return deleted


def _known(db: sqlite3.Connection, event_id: str) -> tuple[int, str, str | None, Any] | None:
    """The event as it was published the first time: its seq, type, key, and data."""
    row = db.execute("SELECT seq, type, key, data FROM events WHERE id = ?", (event_id,)).fetchone()
    return None if row is None else (*row[:3], from_json(row[3]))


def _repeated(db: sqlite3.Connection, event_id: str, seq: int) -> PublishedEvent:
    """The event with what it answered then."""
    matched = db.execute("SELECT execution_id, path FROM deliveries WHERE event = ?", (seq,)).fetchall()
    return PublishedEvent(event_id, tuple((execution_id, path) for execution_id, path in matched), repeated=True)


def _id_reused() -> ConflictError:
    return ConflictError(
        "An event with this id was published before, with another type, key or data.",
        hint="Repeat what was sent with it at first, or give this event an id of its own.",
        code="event_id_reused",
    )


def _waiting(
    db: sqlite3.Connection, kind: str, data: Any, key: str | None, tenant: str | None, now: str
) -> Iterable[tuple[int, str, str]]:
    """Open waits the event matches: seq, execution, path. Not those whose time is over, which no engine has seen."""
    sql = (
        "SELECT seq, execution_id, path FROM waits WHERE status = 'open' AND kind = 'event' AND event_type = ? "
        "AND match_fields = ? AND match_values = ? AND (? IS NULL OR tenant = ?) AND (due IS NULL OR due > ?)"
    )
    for fields in list(awaited_fields(db, kind)):
        values = values_at(fields, data, key)
        if values is not None:
            yield from db.execute(sql, (kind, fields, values, tenant, tenant, now)).fetchall()


def _one_each(waits: Iterable[tuple[int, str, str]]) -> Iterable[tuple[int, str, str]]:
    """The oldest wait of each execution: an event answers one of them at most."""
    taken: set[str] = set()
    for wait in sorted(waits):
        if wait[1] not in taken:
            taken.add(wait[1])
            yield wait
