"""Telling the sinks. The tables say up to which alert each of them has been told, so that none is lost: not when a
process dies, nor while a sink cannot be reached."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Final

from graphs.clock import Clock
from graphs.errors import BatonError
from graphs.steps import Logger
from orchestrator.alerts.port import AlertError, AlertSink, alert_of
from orchestrator.bus import Subscription
from orchestrator.store.sqlite import SqliteStore

PATIENCE: Final = (5.0, 30.0, 300.0)
"""Seconds until a sink that could not be told is tried again; the last of them from then on."""

_AT_THE_END: Final = 5.0
"""Seconds that telling may still take when the engine is closed; what is left is told by the next."""
_BATCH: Final = 100


class Telling:
    """`async with Telling(…)`: each sink is told of each alert, in their order, until the block ends.

    Args:
        hear: Subscribes to new alerts.
    """

    def __init__(
        self,
        store: SqliteStore,
        clock: Clock,
        log: Logger,
        sinks: Sequence[AlertSink],
        hear: Callable[[], AbstractContextManager[Subscription]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._sinks = sinks
        self._hear = hear
        self._at_work = {sink.name: asyncio.Lock() for sink in sinks}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        await self._store.add_sinks([sink.name for sink in self._sinks])
        self._tasks = [asyncio.create_task(self._serve(sink), name=f"alerts {sink.name}") for sink in self._sinks]

    async def __aexit__(self, *_: object) -> None:
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_AT_THE_END):
                    await asyncio.gather(*(self.once(sink) for sink in self._sinks))
        finally:  # also when somebody does not wait for that: the file is about to be closed
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _serve(self, sink: AlertSink) -> None:
        failures = 0
        with self._hear() as alerts:
            while True:
                if await self.once(sink):
                    failures = 0
                    await alerts.next()
                else:
                    await self._clock.sleep(PATIENCE[min(failures, len(PATIENCE) - 1)])
                    failures += 1

    async def once(self, sink: AlertSink) -> bool:
        """Tell a sink what it does not know yet; False when it could not be told all of it."""
        async with self._at_work[sink.name]:
            return await self._tell(sink)

    async def _tell(self, sink: AlertSink) -> bool:
        try:
            while news := await self._store.alerts_for(sink.name, _BATCH):
                for record in news:
                    await sink.tell(alert_of(record))
                    await self._store.told_sink(sink.name, record.seq or 0)
        except AlertError as error:
            self._log.warning("alert.untold", sink=sink.name, error=str(error))
            return False
        except BatonError as error:
            self._log.error("alert.unkept", sink=sink.name, error=str(error))
            return False
        except Exception as error:  # noqa: BLE001 - a sink of the application's may raise anything; the engine goes on
            self._log.error("alert.broken", sink=sink.name, error=f"{type(error).__name__}: {error}")
            return False
        return True
