"""What runs say, for whoever listens: kept in memory for a while, bounded, never slowing a run.

A run says each thing once, and it is written as JSON once, however many listen. Listeners read at their own pace from
the same log; one that falls behind what the log has room for is told how much it missed.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from orchestrator.serving.encoding import to_bytes

ROOM = 8 * 1024 * 1024
"""Bytes of one run that are kept for listeners who come late, or are slow."""

_ENDED = 512
"""Runs that have ended and whose logs are kept for listeners who come back."""

_ENDED_ROOM = 64 * 1024 * 1024
"""Bytes of all those logs at most."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing a run said. `seq` counts from 1; `event` is the name on the wire; `data` is JSON."""

    seq: int
    event: str
    data: bytes

    @property
    def kind(self) -> str:
        """The stream mode it belongs to: `messages` for `messages/partial|tools:1`."""
        return self.event.partition("|")[0].partition("/")[0]


class RunLog:
    """What one run said."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._said: deque[Said] = deque()
        self._listeners: list[asyncio.Future[None]] = []
        self.next = 1
        self.size = 0
        self.over = False

    def say(self, event: str, data: Any) -> None:
        """Say something to everybody who listens, now or within a while."""
        body = to_bytes(data)
        self._said.append(Said(self.next, event, body))
        self.next += 1
        self.size += len(body)
        while self.size > self._room and len(self._said) > 1:
            self.size -= len(self._said.popleft().data)
        self._wake()

    def close(self) -> None:
        """The run has ended, or this process lets go of it: nothing more will be said here."""
        self.over = True
        self._wake()

    async def read(self, after: int = 0, *, quiet: float | None = None) -> AsyncIterator[Said | None]:
        """What was said after that number, and what will be, until the log is closed.

        What there is no room for any more is told as one `gap`, with how many things it held. After so many seconds
        (`quiet`) without anything said, None: a sign of life.
        """
        while True:
            while (first := self._oldest) < self.next and after < self.next - 1:
                if after + 1 < first:
                    yield Said(first - 1, "gap", to_bytes({"missed": first - 1 - after}))
                    after = first - 1
                    continue
                said = self._said[after + 1 - first]
                after = said.seq
                yield said
            if self.over:
                return
            if not await self._news(quiet):
                yield None

    @property
    def _oldest(self) -> int:
        return self._said[0].seq if self._said else self.next

    async def _news(self, quiet: float | None) -> bool:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listeners.append(future)
        try:
            await asyncio.wait_for(future, quiet)
        except TimeoutError:
            return False
        finally:
            if future in self._listeners:
                self._listeners.remove(future)
        return True

    def _wake(self) -> None:
        listeners, self._listeners = self._listeners, []
        for future in listeners:
            if not future.done():
                future.set_result(None)


class Streams:
    """The logs of runs: of all that are open, and of the latest that have ended."""

    def __init__(self) -> None:
        self._open: dict[str, RunLog] = {}
        self._ended: OrderedDict[str, RunLog] = OrderedDict()
        self._size = 0

    def of(self, run_id: str) -> RunLog:
        """The log of a run that is open; made when it is first asked for."""
        return self._open.setdefault(run_id, RunLog())

    def find(self, run_id: str) -> RunLog | None:
        """The log of a run, unless it ended a while ago."""
        return self._open.get(run_id) or self._ended.get(run_id)

    def end(self, run_id: str) -> None:
        """The run has ended."""
        log = self._open.pop(run_id, None)
        if log is None:
            return
        log.close()
        self._ended[run_id] = log
        self._size += log.size
        while len(self._ended) > _ENDED or self._size > _ENDED_ROOM:
            self._size -= self._ended.popitem(last=False)[1].size

    def drop(self, run_id: str) -> None:
        """There is no such run after all."""
        if (log := self._open.pop(run_id, None)) is not None:
            log.close()

    def close(self) -> None:
        """Every listener is sent away."""
        for log in self._open.values():
            log.close()


def silence() -> RunLog:
    """The log of a run of which nothing is known any more."""
    log = RunLog()
    log.close()
    return log
