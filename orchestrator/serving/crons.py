"""Runs that time starts: on a schedule, in a zone, until an end. Each due time starts one run, whoever crashes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from graphs.clock import Alarm, Clock
from graphs.errors import BatonError, InputError, StoreError
from graphs.steps import Logger
from orchestrator.store.served.crons import no_cron
from orchestrator.store.served.values import Cron, Search
from orchestrator.store.sqlite import SqliteStore

_AFTER_LOST_COMMIT = 2.0
_LONGEST = timedelta(days=1)
"""An alarm rings at least so often: clocks are set, and sleep is not time."""


class CronDesk:
    """What the gateway asks about crons, and what starts their runs.

    Args:
        store: Where they are kept.
        clock: When they are due.
        log: Where is said what could not be started.
        start: Starts a cron's run, under a key that is the same for the same due time.
    """

    def __init__(
        self, store: SqliteStore, clock: Clock, log: Logger, start: Callable[[Cron, str], Awaitable[Any]]
    ) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._start = start
        self._alarm: Alarm | None = None
        self._ringing: asyncio.Task[None] | None = None
        self._open = False

    # -- for clients ---------------------------------------------------------------------------------------------

    async def create(self, cron: Cron) -> Cron:
        """Keep a cron whose `next_at` was made by `next_time`."""
        kept = await self._store.create_cron(cron)
        self._arm()
        return kept

    def get(self, cron_id: str, tenant: str) -> Cron:
        """A cron.

        Raises:
            NotFoundError: there is none.
        """
        cron = self._store.cron(cron_id, tenant)
        if cron is None:
            raise no_cron(cron_id)
        return cron

    async def change(self, cron_id: str, tenant: str, changes: Mapping[str, Any]) -> Cron:
        """Change a cron; what it is due next is reckoned anew."""
        cron = self.get(cron_id, tenant)
        planned = {name: changes.get(name, getattr(cron, name)) for name in ("schedule", "timezone", "end_at")}
        next_at = self.next_time(planned["schedule"], planned["timezone"], planned["end_at"])
        changed = await self._store.change_cron(cron_id, tenant, {**changes, "next_at": next_at})
        self._arm()
        return changed

    async def search(self, which: Search) -> Sequence[Cron]:
        """Crons that fit."""
        return await self._store.crons(which)

    async def count(self, which: Search) -> int:
        """How many crons fit."""
        return await self._store.count_crons(which)

    async def delete(self, cron_id: str, tenant: str) -> None:
        """Delete a cron; the run it may have started goes on."""
        await self._store.delete_cron(cron_id, tenant)

    def next_time(self, schedule: str, timezone: str | None, end_at: datetime | None) -> datetime | None:
        """When a schedule is next due; None when it never is again.

        Raises:
            InputError: it is no schedule, or no zone.
        """
        after = self._clock.now()
        try:
            zone = ZoneInfo(timezone or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InputError(
                f"'{timezone}' is no time zone.", hint="Zones look like Europe/Berlin.", code="timezone_invalid"
            ) from error
        try:
            found = next(CronSim(schedule, after.astimezone(zone)), None)
        except CronSimError as error:
            raise InputError(
                f"'{schedule}' is no cron schedule: {error}.",
                hint='Five fields: minute, hour, day, month, weekday ("0 9 * * 1-5").',
                code="schedule_invalid",
            ) from error
        return None if found is None or (end_at is not None and found > end_at) else found

    # -- time ----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Start runs when they are due. What came due while nobody was there starts once, now."""
        self._open = True
        self._arm()
        try:
            yield
        finally:
            self._open = False
            if self._alarm is not None:
                self._alarm.cancel()
            if self._ringing is not None:
                self._ringing.cancel()
                with suppress(asyncio.CancelledError):
                    await self._ringing

    def _arm(self, at_least: float = 0.0) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due = self._store.next_cron()
        if due is not None and self._open:
            left = min(due - self._clock.now(), _LONGEST).total_seconds()
            self._alarm = self._clock.call_later(max(at_least, left), self._ring)

    def _ring(self) -> None:
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._start_due(), name="crons")

    async def _start_due(self) -> None:
        wait = 0.0
        try:
            for cron in await self._store.crons_due(self._clock.now()):
                await self._start_one(cron)
        except StoreError as error:  # it goes on once the store can write again
            self._log.error("crons.failed", **error.as_dict())
            wait = _AFTER_LOST_COMMIT
        self._arm(wait)

    async def _start_one(self, cron: Cron) -> None:
        assert cron.next_at is not None
        try:
            await self._start(cron, f"cron:{cron.id}:{cron.next_at.isoformat()}")
        except StoreError:
            raise
        except BatonError as error:  # its assistant or thread is gone, or busy: the next time may be better
            self._log.error("cron.not_started", cron_id=cron.id, **error.as_dict())
        await self._store.move_cron(cron, self.next_time(cron.schedule, cron.timezone, cron.end_at))
