"""Circuit breakers: as the driving engine keeps them, for others to see and to reset."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from graphs.errors import BatonError, NotFoundError
from graphs.policies.breaker import CLOSED, Breaker
from orchestrator.store.chapter import Chapter, raise_signal
from orchestrator.store.port import KeptBreaker
from orchestrator.store.rows import from_time, to_json, to_time

AWAITED: Final = "breaker:"
"""Before a breaker's name, in `event_type` of the timers of those who wait for it."""

_SELECT = (
    "SELECT name, state, failures, opened_at, until, reason, updated_at, (SELECT count(*) FROM waits "
    f"WHERE status = 'open' AND kind = 'timer' AND event_type = '{AWAITED}' || name) FROM breakers"
)
_KEEP = (
    "INSERT OR REPLACE INTO breakers (name, state, failures, opened_at, until, reason, updated_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)


class Breakers(Chapter):
    """The chapter on breakers."""

    async def breakers(self) -> Sequence[KeptBreaker]:
        """See the port. By name."""
        rows = await self._reader.read(lambda db: db.execute(f"{_SELECT} ORDER BY name").fetchall())
        return [_from_row(row) for row in rows]

    def keep_breaker(self, name: str, breaker: Breaker, *, rings: bool) -> None:
        """See the port."""
        now = self._now()
        row = _to_row(name, breaker, now)

        def work(db: sqlite3.Connection) -> None:
            db.execute(_KEEP, row)
            if rings:
                _ring(db, name, now)

        self._writer.hand_over(work, thread=None)

    async def reset_breaker(self, name: str) -> KeptBreaker:
        """See the port."""
        now = self._now()
        row = _to_row(name, CLOSED, now)

        def work(db: sqlite3.Connection) -> Any:
            known = [found for (found,) in db.execute("SELECT name FROM breakers ORDER BY name")]
            if name not in known:
                return _no_breaker(name, known)
            db.execute(_KEEP, row)
            # Before those who wait are called: they would find it open.
            db.execute("INSERT INTO signals (execution_id, kind, path) VALUES ('', 'breaker', ?)", (name,))
            _ring(db, name, now)
            return db.execute(f"{_SELECT} WHERE name = ?", (name,)).fetchone()

        return _from_row(await self._writer.submit(work))


def _ring(db: sqlite3.Connection, name: str, now: str) -> None:
    """It is closed: call everybody who waits for it, wherever they rest."""
    answer = to_json({"outcome": "elapsed", "at": now})
    sql = "SELECT seq, execution_id, path FROM waits WHERE status = 'open' AND kind = 'timer' AND event_type = ?"
    for seq, execution_id, path in db.execute(sql, (AWAITED + name,)).fetchall():
        db.execute("UPDATE waits SET status = 'answered', answer = ?, closed_at = ? WHERE seq = ?", (answer, now, seq))
        raise_signal(db, execution_id, "answer", path, now, own=False)


def _no_breaker(name: str, known: Sequence[str]) -> BatonError:
    return NotFoundError(
        f"There is no circuit breaker '{name}' that has ever counted a failure.",
        hint=f"There are: {', '.join(known)}." if known else "There is none at all.",
        code="breaker_not_found",
    )


def _to_row(name: str, breaker: Breaker, now: str) -> tuple[Any, ...]:
    times = [to_time(at) if at else None for at in (breaker.opened_at, breaker.until)]
    return (name, breaker.state, breaker.failures, *times, breaker.reason, now)


def _from_row(row: Sequence[Any]) -> KeptBreaker:
    name, state, failures, opened_at, until, reason, updated_at, waiting = row
    return KeptBreaker(
        name=name,
        state=state,
        failures=failures,
        opened_at=from_time(opened_at),
        until=from_time(until),
        reason=reason,
        updated_at=from_time(updated_at),
        waiting=waiting,
    )
