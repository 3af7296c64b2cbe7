"""Figures for whoever watches over a gateway: how many of what there are, and what has happened since a record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from graphs.budget import SPENT
from orchestrator.store.chapter import Chapter
from orchestrator.store.rows import to_time

_EXECUTIONS: Final = "SELECT status, count(*) FROM executions WHERE tenant = ? GROUP BY status"
_RUNS: Final = "SELECT status, count(*) FROM thread_runs WHERE tenant = ? GROUP BY status"
_QUEUED: Final = (
    "SELECT ifnull(sum(due_at IS NULL OR due_at <= ?), 0), ifnull(sum(due_at > ?), 0) FROM thread_runs "
    "WHERE tenant = ? AND status = 'pending'"
)
_LETTERS: Final = "SELECT count(*) FROM dead_letters WHERE tenant = ? AND status = 'open'"
_OWED: Final = (
    "SELECT ifnull(sum(given_up_at IS NULL), 0), ifnull(sum(given_up_at IS NOT NULL), 0) FROM run_webhooks "
    "WHERE tenant = ?"
)
_EARLY: Final = (
    "SELECT events, bytes, (SELECT min(received_at) FROM events WHERE tenant = ? AND early AND NOT emitted) "
    "FROM event_inboxes WHERE tenant = ?"
)
_HAPPENED: Final = (
    "SELECT r.kind, e.workflow, json_extract(r.data, '$.started_at'), json_extract(r.data, '$.ended_at'), "
    f"CASE WHEN r.kind = '{SPENT}' THEN r.data END "
    "FROM records AS r JOIN executions AS e ON e.id = r.execution_id "
    "WHERE r.seq > ? AND r.seq <= ? AND e.tenant = ? AND e.replay = 'null' "
    "AND json_extract(r.data, '$.uncounted') IS NULL "
    f"AND r.kind IN ('step.completed', 'step.failed', 'step.timed_out', 'step.cancelled', 'step.skipped', '{SPENT}')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How much of what a tenant has at this moment.

    Attributes:
        executions, runs: By status.
        queued, delayed: Runs whose turn has not come, and whose time has not.
        letters: Dead letters that are open.
        owed, given_up: Ends of runs that somebody is still to be told of, and that were put aside.
        early, early_bytes, early_age: Events from outside that nothing has taken, bytes of their data, seconds
            since the first came.
    """

    executions: Mapping[str, int]
    runs: Mapping[str, int]
    queued: int
    delayed: int
    letters: int
    owed: int
    given_up: int
    early: int
    early_bytes: int
    early_age: float


@dataclass(frozen=True, slots=True)
class Happened:
    """A step that settled, or a call of a model (`spent`)."""

    kind: str
    workflow: str
    started_at: str | None
    ended_at: str | None
    spent: str | None


class Figures(Chapter):
    """The chapter on figures."""

    async def counted(self, tenant: str) -> Standing:
        """How much of what there is."""
        clock = self._clock.now()
        now = to_time(clock)

        def work(db: Any) -> Standing:
            queued, delayed = db.execute(_QUEUED, (now, now, tenant)).fetchone()
            owed, given_up = db.execute(_OWED, (tenant,)).fetchone()
            early, held, since = db.execute(_EARLY, (tenant, tenant)).fetchone() or (0, 0, None)
            return Standing(
                executions=dict(db.execute(_EXECUTIONS, (tenant,)).fetchall()),
                runs=dict(db.execute(_RUNS, (tenant,)).fetchall()),
                queued=queued,
                delayed=delayed,
                letters=db.execute(_LETTERS, (tenant,)).fetchone()[0],
                owed=owed,
                given_up=given_up,
                early=early,
                early_bytes=held,
                early_age=max(0.0, (clock - datetime.fromisoformat(since)).total_seconds()) if since else 0.0,
            )

        return await self._reader.read(work)

    async def happened(self, tenant: str, after: int, until: int) -> Sequence[Happened]:
        """What has happened behind one record, up to another; replays left out."""
        parameters = (after, until, tenant)
        rows = await self._reader.read(lambda db: db.execute(_HAPPENED, parameters).fetchall())
        return [Happened(*row) for row in rows]
