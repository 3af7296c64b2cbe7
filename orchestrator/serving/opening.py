"""A desk opened on an engine: the queue begins with what an earlier process left."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from graphs.steps import Logger
from orchestrator.engine import Orchestrator
from orchestrator.queue.local import LocalQueue
from orchestrator.serving.conversations import Conversations
from orchestrator.serving.crons import Judge, anybody
from orchestrator.serving.desk import Desk
from orchestrator.serving.graphs import UserGraph
from orchestrator.serving.loading import Source
from orchestrator.serving.shelf import Shelf
from orchestrator.store.served.values import Run

AGENT: Final = "agent"
"""What the agent is called that takes and gives messages: the name that Agent Chat UI asks for by itself."""


@asynccontextmanager
async def open_desk(
    orchestrator: Orchestrator,
    *,
    graphs: Mapping[str, Source],
    log: Logger,
    places: int,
    most: int = 0,
    judge: Judge = anybody,
    grace: float,
    on_end: Callable[[Run], None],
) -> AsyncIterator[Desk]:
    """Open a desk; on leaving, runs get `grace` seconds to finish, and what remains is performed by the next one.

    Args:
        orchestrator: Drives the database.
        graphs: Users' own graphs, by name.
        log: Where what goes wrong is said.
        places: Runs performed at the same time at most.
        most: Runs of one tenant that have not ended at most; 0 for any number.
        judge: Says in whose name a cron starts, or that it may start nothing now.
        grace: Seconds.
        on_end: Told of every run that has ended.
    """
    store, clock = orchestrator.store, orchestrator.clock
    served = {name: UserGraph(name, source, store, orchestrator.catalogue.cipher) for name, source in graphs.items()}
    ours = {AGENT: Conversations(AGENT, orchestrator)}
    queue = LocalQueue(store, clock, log, places=places, grace=grace)
    desk = Desk(store, queue, Shelf(served, orchestrator, ours), clock, log, on_end, most, judge)
    for run in await store.open_runs():
        desk.awaited(run)
    try:
        async with queue.serving(desk), desk.crons.serving(), desk.sweeper.serving():
            yield desk
    finally:
        desk.close()
