"""Webhooks of runs: whom to tell of a run's end, kept in the transaction that ends it."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from graphs.errors import BatonError, NotFoundError
from orchestrator.store.acts import about
from orchestrator.store.chapter import Chapter
from orchestrator.store.rows import from_json, from_time, to_json, to_time
from orchestrator.store.served.values import Ended, Run

_SELECT = "SELECT run_id, tenant, url, body, failures, next_at, error, ended_at, given_up_at FROM run_webhooks"
_OWE = "INSERT OR IGNORE INTO run_webhooks (run_id, tenant, url, host, body, ended_at) VALUES (?, ?, ?, ?, ?, ?)"
_DUE = "given_up_at IS NULL AND (next_at IS NULL OR next_at <= ?)"


@dataclass(frozen=True, slots=True)
class RunWebhook:
    """The end of a run that somebody is to be told of.

    Attributes:
        body: `run`, as its columns were, and the `values`, `interrupts` and `error` it left.
        failures, next_at, error: Attempts that failed, when the next one is, and what went wrong.
        given_up_at: When it was put aside.
    """

    run_id: str
    tenant: str
    url: str
    body: Mapping[str, Any]
    failures: int
    next_at: datetime | None
    error: str | None
    ended_at: datetime
    given_up_at: datetime | None


class RunWebhooks(Chapter):
    """The chapter on webhooks of runs."""

    async def run_webhook_hosts(self, now: datetime) -> Sequence[tuple[str, str]]:
        """Tenants, and hosts that are to be told of the ends of their runs now."""
        sql = f"SELECT DISTINCT tenant, host FROM run_webhooks WHERE {_DUE}"
        return await self._reader.read(lambda db: db.execute(sql, (to_time(now),)).fetchall())

    async def run_webhooks_due(self, now: datetime, tenant: str, host: str, limit: int) -> Sequence[RunWebhook]:
        """What to tell a host now, what waits longest first."""
        sql = f"{_SELECT} WHERE {_DUE} AND tenant = ? AND host = ? ORDER BY next_at, ended_at LIMIT ?"
        rows = await self._reader.read(lambda db: db.execute(sql, (to_time(now), tenant, host, limit)).fetchall())
        return [_from_row(row) for row in rows]

    def next_run_webhook(self) -> datetime | None:
        """When the first of those that did not answer is to be told again."""
        return from_time(self._reader.point("SELECT min(next_at) FROM run_webhooks WHERE given_up_at IS NULL")[0][0])

    async def run_webhooks(self, tenant: str, limit: int) -> Sequence[RunWebhook]:
        """A tenant's that were not told yet, newest first."""
        sql = f"{_SELECT} WHERE tenant = ? ORDER BY ended_at DESC, run_id LIMIT ?"
        rows = await self._reader.read(lambda db: db.execute(sql, (tenant, limit)).fetchall())
        return [_from_row(row) for row in rows]

    async def run_told(self, run_id: str) -> None:
        """Whoever was to be told knows."""
        await self._writer.submit([("DELETE FROM run_webhooks WHERE run_id = ?", (run_id,))])

    async def run_not_told(self, run_id: str, error: str, next_at: datetime | None) -> None:
        """An attempt failed; without a next one, it is put aside."""
        sql = (
            "UPDATE run_webhooks SET failures = failures + 1, error = ?, next_at = ?, given_up_at = ? WHERE run_id = ?"
        )
        later, aside = (to_time(next_at), None) if next_at is not None else (None, self._now())
        await self._writer.submit([(sql, (error, later, aside, run_id))])

    async def tell_run_again(self, run_id: str, tenant: str) -> None:
        """Try again from the beginning.

        Raises:
            NotFoundError: there is none, or it was told.
        """
        sql = (
            "UPDATE run_webhooks SET failures = 0, next_at = NULL, given_up_at = NULL, error = NULL "
            "WHERE run_id = ? AND tenant = ?"
        )

        def work(db: sqlite3.Connection) -> BatonError | None:
            if db.execute(sql, (run_id, tenant)).rowcount:
                return None
            return NotFoundError(f"Nobody is to be told of run '{run_id}'.", code="run_webhook_not_found")

        await self._writer.submit(work)

    def run_webhook_secret(self, tenant: str) -> bytes | None:
        """What a tenant's messages are signed with, encrypted; None before the first."""
        rows = self._reader.point("SELECT secret FROM run_webhook_secrets WHERE tenant = ?", (tenant,))
        return rows[0][0] if rows else None

    async def keep_run_webhook_secret(self, tenant: str, secret: bytes, *, anew: bool) -> bytes:
        """Keep a secret; one that is there already stays, unless it is to be another. Gives the one that counts."""

        def work(db: sqlite3.Connection) -> bytes:
            verb = "REPLACE" if anew else "IGNORE"
            row = (tenant, secret, self._now())
            db.execute(f"INSERT OR {verb} INTO run_webhook_secrets (tenant, secret, made_at) VALUES (?, ?, ?)", row)
            sql = "SELECT secret FROM run_webhook_secrets WHERE tenant = ?"
            return bytes(db.execute(sql, (tenant,)).fetchone()[0])

        about({"signs_for": tenant})
        kept: bytes = await self._writer.submit(work)
        return kept


def owe(db: sqlite3.Connection, run: Run, ended: Ended) -> None:
    """Keep whom a run's client wants told of its end."""
    url = run.request.get("webhook")
    if not isinstance(url, str):
        return
    names = ("id", "thread_id", "assistant_id", "status", "metadata", "multitask", "request")
    body = {
        "run": {name: getattr(run, name) for name in names},
        "created_at": run.created_at,
        "started_at": (run.begun_at or {}).get("at"),
        "updated_at": run.updated_at,
        "values": ended.state,
        "interrupts": ended.interrupts,
        "error": ended.error,
    }
    assert run.ended_at is not None
    db.execute(_OWE, (run.id, run.tenant, url, _host(url), to_json(body), to_time(run.ended_at)))


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:  # whoever calls it will say what is wrong with it
        return ""


def _from_row(row: Sequence[Any]) -> RunWebhook:
    run_id, tenant, url, body, failures, next_at, error, ended_at, given_up_at = row
    ended = datetime.fromisoformat(ended_at)
    return RunWebhook(
        run_id, tenant, url, from_json(body), failures, from_time(next_at), error, ended, from_time(given_up_at)
    )
