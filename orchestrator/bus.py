"""Records as they happen, to whoever listens in this process. A slow listener loses records, never the engine time."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager

from graphs.errors import BatonError, CommitError
from orchestrator.store.port import Record

_ROOM = 10_000
DRIVE_FAILED = "drive.failed"
RESTED = "execution.rested"
"""The kind of the record that says nobody works on an execution any more, however that came; it is never kept."""


class Subscription:
    """Records for one listener. `missed` counts those that found no room; `words`: it follows what models say."""

    def __init__(self, kinds: Collection[str] | None, *, words: bool = False) -> None:
        self.missed = 0
        self.words = words
        self._kinds = kinds
        self._queue: asyncio.Queue[Record | None] = asyncio.Queue(_ROOM)

    def wants(self, kind: str) -> bool:
        return self._kinds is None or kind in self._kinds

    def offer(self, record: Record | None) -> None:
        if record is not None and not self.wants(record.kind):
            return
        try:
            self._queue.put_nowait(record)
        except asyncio.QueueFull:
            self.missed += 1

    async def next(self) -> Record | None:
        """The next record; None when the engine is closed."""
        return await self._queue.get()

    def left(self) -> Iterator[Record]:
        """What has come and was not taken yet."""
        while not self._queue.empty():
            if (record := self._queue.get_nowait()) is not None:
                yield record

    async def __aiter__(self) -> AsyncIterator[Record]:
        while (record := await self._queue.get()) is not None:
            yield record


class Bus:
    """Hands every record to every subscription that wants it."""

    def __init__(self) -> None:
        self._subscriptions: defaultdict[str | None, list[Subscription]] = defaultdict(list)

    def wanted(self, execution_id: str, kind: str) -> bool:
        """Whether anybody listens to that kind of record of that execution."""
        subscriptions = self._subscriptions
        return any(
            subscription.wants(kind)
            for whom in (execution_id, None)
            if whom in subscriptions
            for subscription in subscriptions[whom]
        )

    def follows_words(self, execution_id: str) -> bool:
        """Whether anybody wants to hear the words of the execution's models as they come."""
        return any(subscription.words for subscription in self._subscriptions.get(execution_id, ()))

    def publish(self, records: Sequence[Record]) -> None:
        if not self._subscriptions:
            return
        for record in records:
            for whom in (record.execution_id, None):
                for subscription in self._subscriptions.get(whom, ()):
                    subscription.offer(record)

    @contextmanager
    def subscribe(
        self, execution_id: str | None = None, *, kinds: Collection[str] | None = None, words: bool = False
    ) -> Iterator[Subscription]:
        """Listen to one execution, or to all; to records of some kinds, or of every kind.

        Args:
            words: Models of the execution are to tell what they say as they say it, if they can.
        """
        subscription = Subscription(kinds, words=words)
        self._subscriptions[execution_id].append(subscription)
        try:
            yield subscription
        finally:
            listening = self._subscriptions[execution_id]
            listening.remove(subscription)
            if not listening:
                del self._subscriptions[execution_id]

    def close(self) -> None:
        for listening in self._subscriptions.values():
            for subscription in listening:
                subscription.offer(None)


def given_up(record: Record) -> BatonError | None:
    """Why nobody in this process carries an execution out any more, where that is what a record says; the engine tries
    again by itself when the disk may have room by then."""
    if record.kind != DRIVE_FAILED or record.data["code"] == CommitError.code:
        return None
    return BatonError(**record.data)
