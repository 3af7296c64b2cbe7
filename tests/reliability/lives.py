"""One engine after the other on the same files: starting them, watching them, looking at what they leave behind."""

import asyncio
import json
import re
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.reliability import traces
from tests.reliability.child import CRASH_AT
from tests.reliability.job import Job
from tests.reliability.nursery import Child, Starter
from tests.reliability.stores import STORES, Store

END_SECONDS = 120.0
"""In which an undisturbed engine must have brought everything to its end, on a machine that does much else."""


_SUMMARY = re.compile(r'\{"statuses": .*\}')


@dataclass(slots=True)
class Place:
    """The files of one run.

    Attributes:
        lives: Engine processes started so far.
        starts: When each was started, by its id.
    """

    folder: Path
    store: Store = STORES[0]
    lives: int = 0
    starts: dict[int, float] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.store.file(self.folder)

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def prepared(self) -> Path:
        """What was made before the executions began: keys of their inputs, by job, as JSON."""
        return self.folder / "prepared.json"

    @property
    def says(self) -> Path:
        """Where what was acknowledged is written, by engines and by whoever answers beside them."""
        return self.folder / "says"

    @property
    def output(self) -> Path:
        """Where the newest engine process writes what it prints and logs."""
        return self.folder / f"output-{self.lives}"

    def acknowledged(self) -> list[dict[str, Any]]:
        """What has been acknowledged so far."""
        return traces.lines_of(self.says)

    def summary(self) -> dict[str, Any]:
        """What the newest engine process printed at its end.

        Raises:
            AssertionError: it printed or logged something else.
        """
        text = self.output.read_text()
        try:
            told: dict[str, Any] = json.loads(text)
        except json.JSONDecodeError:
            raise AssertionError(f"{self.output} holds more than a summary:\n{text}") from None
        return told

    def begun(self) -> int:
        """How many in-process steps have begun to act."""
        return self.journal.read_bytes().count(b'"begin"') if self.journal.exists() else 0

    def recoveries(self) -> list[float]:
        """Seconds from the start of each process to the moment at which it drives."""
        said = [fact for fact in self.acknowledged() if fact["said"] == "driving"]
        return [fact["at"] - self.starts[fact["pid"]] for fact in said]

    def complaints(self) -> list[str]:
        """What processes that were killed have printed or logged: nothing, if all is well.

        One that was killed on its way out, with everything done, may have said so.
        """
        killed = [self.folder / f"output-{life}" for life in range(1, self.lives)]
        said = [(path, path.read_text().strip()) for path in killed if path.exists()]
        return [f"{path.name}: {text}" for path, text in said if text and not _SUMMARY.fullmatch(text)]

    async def copy(self, name: str) -> Path:
        """What is kept as it is this instant, as after a power cut."""
        target = self.folder / name
        target.mkdir()
        copied = await self.store.copy(self.folder, target)
        if not copied.exists() or not traces.rows(copied, "SELECT 1 FROM sqlite_master WHERE name = 'records'"):
            _make_empty(copied)
        return copied

    def seen(self, name: str) -> Path:
        """The same as processes see it that have it open."""
        target = self.folder / name
        target.mkdir()
        return self.store.seen(self.folder, target)


def _make_empty(copied: Path) -> None:
    """Killed before there were any tables: nothing is kept, and nothing can have been acknowledged."""
    for name in ("", "-wal", "-shm"):
        Path(f"{copied}{name}").unlink(missing_ok=True)
    with closing(sqlite3.connect(copied)) as db:
        db.executescript(
            "CREATE TABLE executions (id, status, output, error);"
            "CREATE TABLE records (seq, execution_id, kind, path, generation, at, data, superseded);"
            "CREATE TABLE waits (execution_id, path, generation, kind, status, answer);"
            "CREATE TABLE events (key);"
        )


class Lives:
    """Starts engine processes.

    Args:
        services: Where the demo services are, for jobs that ask them.
        synchronous: As in the engine's settings.
    """

    def __init__(self, services: str = "", synchronous: str = "full") -> None:
        self._services = services
        self._synchronous = synchronous

    async def start(
        self,
        starter: Starter,
        place: Place,
        jobs: Sequence[Job],
        *,
        answers_as: str = "",
        crash_at: str = "",
        records: bool = False,
    ) -> Child:
        """Start an engine that carries out the jobs, and with a name also answers what they ask."""
        place.lives += 1
        arguments = ["--folder", str(place.folder), "--store", place.store.name, "--services", self._services]
        arguments += ["--synchronous", self._synchronous]
        arguments += ["--journal", str(place.journal), "--say", str(place.says)]
        arguments += ["--jobs", ",".join(job.id for job in jobs), "--answers-as", answers_as]
        arguments += ["--records"] if records else []
        began = time.time()
        life = await starter.start(arguments, place.output, {CRASH_AT: crash_at} if crash_at else {})
        place.starts[life.pid] = began
        return life


async def ended(life: Child, place: Place) -> int:
    """Wait for the end of an engine process; its exit code."""
    async with watched(life, place):
        return await asyncio.shield(life.ended)


@asynccontextmanager
async def watched(life: Child, place: Place) -> AsyncIterator[None]:
    """An engine that hangs is a finding, with all that it said."""
    try:
        async with asyncio.timeout(END_SECONDS):
            yield
    except TimeoutError:
        life.send(signal.SIGKILL)
        await life.ended
        left = await place.copy("unfinished")
        open_waits = traces.rows(left, "SELECT execution_id, path FROM waits WHERE status = 'open'")
        raise AssertionError(
            f"{place.folder}: not done after {END_SECONDS:g} s: {traces.unfinished(left)}, open waits {open_waits}\n"
            f"{place.output.read_text()}"
        ) from None
