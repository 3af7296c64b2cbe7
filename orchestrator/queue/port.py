"""What the gateway asks of a queue of runs, so that one on many machines is a parameter, not a rewrite.

What every queue keeps, whoever dies:

1. A run is kept before `put` returns, and is performed at least once, and ended once.
2. One run of a thread is performed at a time; the others wait, the most urgent and then the oldest first. Whoever
   has waited for long enough goes before the urgent (`orchestrator.urgency`), and no tenant waits for another's.
3. A run that is cut off is performed no further when its place is given to another.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestrator.store.served.putting import NewRun, Put
from orchestrator.store.served.values import Ended, Run, Stop, Thread
from orchestrator.store.units import Beside


@dataclass(slots=True)
class Ticket:
    """What a performer holds while it performs a run: the run, and whether it is to be cut off.

    `task` is set while cancelling it reaches the performer.
    """

    run: Run
    stop: Stop | None = None
    task: asyncio.Task[Any] | None = field(default=None, repr=False)


class Performer(Protocol):
    """Does the work of runs."""

    async def begins(self, run: Run) -> Any:
        """Where the run's thread stands, as JSON values: kept when the run is taken up for the first time."""
        ...

    async def perform(self, ticket: Ticket) -> Ended:
        """Carry the run as far as it goes. It is cancelled when the run is to be cut off, with `ticket.stop` set (which
        may also be so from the beginning), and then still says how it ended. Cancelled without it, it gives up: the
        run stays as it is, and will be performed again."""
        ...

    def ended(self, run: Run, ended: Ended) -> None:
        """The end of the run was kept; `run` has the status it ended with."""
        ...


class RunQueue(Protocol):
    """Runs in order."""

    async def put(self, run: Run, new_thread: Thread | None, beside: Sequence[Beside] = ()) -> Put:
        """Keep a run, and what belongs to it, and begin it when its turn comes. See `Runs.put_runs`."""
        ...

    async def put_all(self, news: Sequence[NewRun]) -> Sequence[Put]:
        """The same for several: all of them are kept, or none."""
        ...

    async def stop(self, run_id: str, tenant: str, how: Stop) -> Run:
        """Cut a run off. See `Runs.stop_run` for what it raises."""
        ...

    def serving(self, performer: Performer) -> AbstractAsyncContextManager[None]:
        """Perform what is kept, and what is put, until the block ends; then stop in order."""
        ...

    async def drain(self) -> None:
        """Begin nothing new; what runs may finish within the time there is, the rest is performed again later."""
        ...
