"""Who waits for the ends of runs, and what is told of those that were never begun."""

import asyncio

from orchestrator.serving.streams import RunLog, Streams
from orchestrator.serving.wanted import resumable
from orchestrator.store.served.values import Ended, Run


class Outcomes:
    """The ends of runs, for whoever waits in this process.

    Args:
        streams: What runs say.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._futures: dict[str, asyncio.Future[Ended | None]] = {}

    def expect(self, run: Run) -> RunLog:
        """A run that is to be kept: what it says is collected, and whoever asks for its end can wait."""
        log = self._streams.open(run.id, resumable=resumable(run))
        self._futures[run.id] = asyncio.get_running_loop().create_future()
        return log

    def again(self, run: Run) -> None:
        """A run of an earlier process will be performed here."""
        self._futures.setdefault(run.id, asyncio.get_running_loop().create_future())

    def let_go(self, run: Run) -> None:
        """There is no such run after all."""
        self._futures.pop(run.id, None)
        self._streams.drop(run.id)

    async def of(self, run: Run) -> Ended | None:
        """How a run ends; None where it is not performed here, or no longer."""
        future = self._futures.get(run.id)
        return await asyncio.shield(future) if future is not None else None

    def ended(self, run: Run, ended: Ended) -> None:
        """A run has ended."""
        if (future := self._futures.pop(run.id, None)) is not None and not future.done():
            future.set_result(ended)

    def close(self) -> None:
        """Let everybody go who waits."""
        for future in self._futures.values():
            if not future.done():
                future.set_result(None)
