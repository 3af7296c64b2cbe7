"""What runs say, for whoever listens: kept in memory for a while, bounded, never slowing a run.

A run says each thing once, and it is written as JSON once, however many listen. Listeners read at their own pace from
the same log; one that falls behind what the log has room for is told how much it missed.
"""

import asyncio
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from orchestrator.serving.encoding import to_bytes

ROOM = 8 * 1024 * 1024
"""Bytes of one run that are kept for listeners who come late, or are slow."""

_ENDED = 512
"""Runs that have ended and whose logs are kept for listeners who come back."""

_ENDED_ROOM = 64 * 1024 * 1024
"""Bytes of all those logs at most."""


_FLEETING = frozenset({"messages", "events", "debug"})
"""What a model's tokens are in: when its call is cut off, they are void, and it will be made again."""

_APART = 10**9
"""Between the numbers of a run in two processes: more than it can say in one."""


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
    """What one run said.

    Args:
        room: Bytes that are kept.
        keep: Told of everything that should survive this process; tokens of models are not.
    """

    def __init__(self, room: int = ROOM, *, keep: Callable[[Said], None] | None = None) -> None:
        self._room = room
        self._keep = keep
        self._said: deque[Said] = deque()
        self.forgotten = 0
        self._listeners: list[asyncio.Future[None]] = []
        self.last = 0
        self.size = 0
        self.over = False

    def say(self, event: str, data: Any) -> None:
        """Say something to everybody who listens, now or within a while."""
        said = Said(self.last + 1, event, to_bytes(data))
        if self._keep is not None and said.kind not in _FLEETING:
            self._keep(said)
        self._add(said)

    def recall(self, kept: Iterable[Said], life: int) -> None:
        """What the run said in earlier processes. What it says from now on, in another life, has numbers beyond any
        it used then."""
        for said in kept:
            self._add(said)
        self.last = max(self.last, life * _APART)

    def close(self) -> None:
        """The run has ended, or this process lets go of it: nothing more will be said here."""
        self.over = True
        self._wake()

    async def read(self, after: int = 0, *, quiet: float | None = None) -> AsyncIterator[Said | None]:
        """What was said after that number, and what will be, until the log is closed.

        What there is no room for any more is told as one `gap`. After so many seconds (`quiet`) without anything
        said, None: a sign of life.
        """
        while True:
            while after < self.last:
                if after < self.forgotten:
                    yield _gap(after, self.forgotten)
                    after = self.forgotten
                elif (said := self._next(after)) is not None:
                    after = said.seq
                    yield said
                else:
                    break
            if self.over:
                return
            if not await self._news(quiet):
                yield None

    def between(self, after: int, until: int) -> list[Said]:
        """What was said after a number, up to another; what there is no room for any more as a `gap`."""
        found = [said for said in self._said if after < said.seq <= until]
        return [_gap(after, self.forgotten), *found] if after < min(self.forgotten, until) else found

    def _next(self, after: int) -> Said | None:
        place = bisect_right(self._said, after, key=lambda said: said.seq)
        return self._said[place] if place < len(self._said) else None

    def _add(self, said: Said) -> None:
        self._said.append(said)
        self.last = said.seq
        self.size += len(said.data)
        while self.size > self._room and len(self._said) > 1:
            gone = self._said.popleft()
            self.forgotten = gone.seq
            self.size -= len(gone.data)
        self._wake()

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


def _gap(after: int, until: int) -> Said:
    return Said(until, "gap", to_bytes({"after": after, "until": until}))


class Streams:
    """The logs of runs: of all that are open, and of the latest that have ended.

    Args:
        keep: Told of what resumable runs say, with the run's id.
    """

    def __init__(self, keep: Callable[[str, Said], None]) -> None:
        self._keep = keep
        self._open: dict[str, RunLog] = {}
        self._ended: OrderedDict[str, RunLog] = OrderedDict()
        self._size = 0

    def open(self, run_id: str, *, resumable: bool) -> RunLog:
        """The log of a run that is open; made when it is first asked for."""
        if (log := self._open.get(run_id)) is None:
            log = self._open[run_id] = RunLog(keep=partial(self._keep, run_id) if resumable else None)
        return log

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
