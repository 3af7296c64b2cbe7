"""Runs that time starts: on a schedule, in a zone, until an end. Each due time starts one run, whoever crashes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from graphs.clock import Clock
from graphs.errors import BatonError, InputError, StoreError
from graphs.steps import Logger
from orchestrator.serving.bell import Bell
from orchestrator.serving.served import Caller
from orchestrator.store.served.crons import no_cron
from orchestrator.store.served.values import Cron, Search
from orchestrator.store.sqlite import SqliteStore

Judge = Callable[[Cron], Caller]
"""In whose name a cron starts what it starts; raises a BatonError where it may not start anything now."""


def anybody(cron: Cron) -> Caller:
    """A judge that lets every cron start, in nobody's name."""
    return Caller(tenant=cron.tenant, decides=False, redrives=False)


_AFTER_LOST_COMMIT = 2.0
_LONGEST = timedelta(days=1)
"""An alarm rings at least so often: clocks are set, and sleep is not time."""


class CronDesk:
    """What the gateway asks about crons, and what starts their runs.

    Args:
        store: Where they are kept.
        clock: When they are due.
        log: Where is said what could not be started.
        start: Starts a cron's run in somebody's name, under a key that is the same for the same due time.
        judge: Says in whose.
    """

    def __init__(
        self,
        store: SqliteStore,
        clock: Clock,
        log: Logger,
        start: Callable[[Cron, Caller, str], Awaitable[Any]],
        judge: Judge = anybody,
    ) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._start = start
        self._judge = judge
        self._bell = Bell(clock, "crons", self._left, self._start_due)

    # -- for clients ---------------------------------------------------------------------------------------------

    async def create(self, cron: Cron) -> Cron:
        """Keep a cron whose `next_at` was made by `next_time`."""
        kept = await self._store.create_cron(cron)
        self._bell.arm()
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
        self._bell.arm()
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

    def serving(self) -> AbstractAsyncContextManager[None]:
        """Start runs when they are due. What came due while nobody was there starts once, now."""
        return self._bell.serving()

    def _left(self) -> float | None:
        due = self._store.next_cron()
        return None if due is None else min(due - self._clock.now(), _LONGEST).total_seconds()

    async def _start_due(self) -> float:
        try:
            for cron in await self._store.crons_due(self._clock.now()):
                await self._start_one(cron)
        except StoreError as error:  # it goes on once the store can write again
            self._log.error("crons.failed", **error.as_dict())
            return _AFTER_LOST_COMMIT
        return 0.0

    async def _start_one(self, cron: Cron) -> None:
        assert cron.next_at is not None
        failure = None
        try:
            await self._start(cron, self._judge(cron), f"cron:{cron.id}:{cron.next_at.isoformat()}")
        except StoreError:
            raise
        except BatonError as error:  # its assistant or thread is gone, or busy: the next time may be better
            self._log.error("cron.not_started", cron_id=cron.id, **error.as_dict())
            failure = {"due": cron.next_at, **error.as_dict()}
        await self._store.move_cron(cron, self.next_time(cron.schedule, cron.timezone, cron.end_at), failure)
