"""Records as they happen, to whoever listens in this process. A slow listener loses records, never the engine time."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from orchestrator.store.port import Record

_ROOM = 10_000
RESTED = "execution.rested"
"""The kind of the record that says a drive is over, however it ended; it is never kept."""


class Subscription:
    """Records for one listener. `missed` counts those that found no room."""

    def __init__(self, execution_id: str | None) -> None:
        self.execution_id = execution_id
        self.missed = 0
        self._queue: asyncio.Queue[Record | None] = asyncio.Queue(_ROOM)

    def offer(self, record: Record | None) -> None:
        try:
            self._queue.put_nowait(record)
        except asyncio.QueueFull:
            self.missed += 1

    async def __aiter__(self) -> AsyncIterator[Record]:
        while (record := await self._queue.get()) is not None:
            yield record


class Bus:
    """Hands every record to every subscription that wants it."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []

    @property
    def listened(self) -> bool:
        return bool(self._subscriptions)

    def publish(self, records: Sequence[Record]) -> None:
        for subscription in self._subscriptions:
            for record in records:
                if subscription.execution_id in (None, record.execution_id):
                    subscription.offer(record)

    @contextmanager
    def subscribe(self, execution_id: str | None = None) -> Iterator[Subscription]:
        """Listen to one execution, or to all."""
        subscription = Subscription(execution_id)
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.offer(None)
