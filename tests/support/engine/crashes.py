"""Crashes inside this process: after so many commits the writer is gone, and whatever it was handed is lost.

What is left is what a killed process leaves: a file with a prefix of the commits, and nobody who was told of the rest.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from orchestrator.store import sqlite, writer
from orchestrator.store.units import Unit


class Crash:
    """When to crash.

    Args:
        after: Commits that still go through.
        unheard: The last of them is durable, but nobody is told (killed between the commit and its effect).
    """

    def __init__(self, after: int, *, unheard: bool = False) -> None:
        self.left = after
        self.unheard = unheard
        self.happened = asyncio.Event()
        self._orphans: list[asyncio.Future[Any]] = []
        self._buried = False

    def spend(self) -> bool:
        """One commit; False when there is none left."""
        self.left -= 1
        return self.left >= 0

    def lose(self, units: Sequence[Unit]) -> None:
        """Nobody will ever answer these."""
        orphans = [unit.future for unit in units if unit.future is not None]
        self._orphans += orphans
        if self._buried:
            self.bury()

    def bury(self) -> None:
        """Let everybody go who waits for the dead writer; whatever they do then is lost as well."""
        self._buried = True
        while self._orphans:
            self._orphans.pop().cancel()


class _FragileWriter(writer.Writer):
    crash: Crash | None = None

    def _serve(self) -> None:
        more = True
        gone = False
        while more:
            group, more = self._take()
            if not group:
                continue
            if gone and self.crash is not None:
                self._loop.call_soon_threadsafe(self.crash.lose, group)
                continue
            spent = self.crash is None or self.crash.spend()
            if spent:
                self._commit(group)
            if self.crash is not None and (not spent or (self.crash.unheard and self.crash.left == 0)):
                gone = True
                self._loop.call_soon_threadsafe(self.crash.lose, group)
                self._loop.call_soon_threadsafe(self.crash.happened.set)
            else:
                self._loop.call_soon_threadsafe(self._answer, group)
        if self._db is not None:
            self._db.close()


@contextmanager
def crashing(crash: Crash | None) -> Iterator[None]:
    """Engines opened in the block have a writer that crashes. Each unit is a commit of its own, so that a crash can
    come between any two."""

    class Fragile(_FragileWriter):
        pass

    Fragile.crash = crash
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "Writer", Fragile)
        patch.setattr(writer, "_GROUP", 1)
        yield


async def either(work: Any, crash: Crash) -> bool:
    """Do the work until it is done (True) or the crash has happened (False)."""
    doing, crashing_ = asyncio.ensure_future(work), asyncio.ensure_future(crash.happened.wait())
    await asyncio.wait({doing, crashing_}, return_when=asyncio.FIRST_COMPLETED)
    crashing_.cancel()
    if doing.done() and not crash.happened.is_set():
        doing.result()
        return True
    doing.cancel()
    await asyncio.wait({doing}, timeout=0.01)  # first the tasks that waited are cancelled, then what they waited for
    crash.bury()
    await asyncio.gather(doing, return_exceptions=True)
    return False
