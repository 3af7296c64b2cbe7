"""The agent that chats, served on threads."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from langchain_core.runnables import RunnableConfig

from graphs.errors import NotAllowedError
from orchestrator.engine import Orchestrator
from orchestrator.queue.port import Ticket
from orchestrator.serving.conversing import EXECUTION, conversing
from orchestrator.serving.graphs import UserGraph
from orchestrator.serving.items import ItemStore
from orchestrator.serving.loading import Source, served_copy
from orchestrator.serving.served import Caller, Edit, Place, Say
from orchestrator.store.port import DEFAULT_TENANT
from orchestrator.store.served.values import Ended, Run, Thread
from orchestrator.store.units import Beside


class Conversations(UserGraph):
    """A graph of ours whose answers are executions. What nobody waits for any more is cancelled.

    Args:
        name: What it is served as.
    """

    def __init__(self, name: str, baton: Orchestrator) -> None:
        source = Source(name, conversing(name, baton, DEFAULT_TENANT))
        super().__init__(name, source, baton.store, baton.catalogue.cipher)
        self._baton = baton

    async def admit(self, run: Run, by: Caller) -> Sequence[Beside]:
        """See the port: what is asked here is an approval."""
        if _resumes(run) and not by.decides:
            raise NotAllowedError("To answer an approval takes the right 'decide'.")
        return await super().admit(run, by)

    async def perform(self, ticket: Ticket, say: Say) -> Ended:
        """See the port: whoever says something else than an answer does not want the question any more."""
        if not _resumes(ticket.run) and ticket.run.attempts == 1:
            await self._cancel(self._asking(ticket.run.thread_id, ticket.run.tenant))
        return await super().perform(ticket, say)

    async def after_stop(self, ticket: Ticket) -> Ended:
        """See the port."""
        await self._cancel([ticket.run.id, *self._asking(ticket.run.thread_id, ticket.run.tenant)])
        return await super().after_stop(ticket)

    async def edit(self, thread: Thread, edits: Sequence[Sequence[Edit]]) -> Place:
        """See the port."""
        await self._cancel(self._asking(thread.id, thread.tenant))
        return await super().edit(thread, edits)

    async def _open(
        self, stack: AsyncExitStack, tenant: str = DEFAULT_TENANT, config: RunnableConfig | None = None
    ) -> Any:
        if tenant not in self._ready:
            graph = conversing(self.name, self._baton, tenant)
            self._ready[tenant] = served_copy(graph, self._saver, ItemStore(self._store, tenant))
        return self._ready[tenant]

    def _asking(self, thread_id: str, tenant: str) -> list[str]:
        """The executions whose questions a thread asks."""
        thread = self._store.thread(thread_id, tenant)
        asked = [each for group in thread.interrupts.values() for each in group] if thread is not None else []
        values = [each.get("value") for each in asked]
        return [str(value[EXECUTION]) for value in values if isinstance(value, Mapping) and value.get(EXECUTION)]

    async def _cancel(self, execution_ids: Sequence[str]) -> None:
        for each in execution_ids:
            execution = await self._store.execution(each)
            if execution is not None and not execution.status.final:
                await self._baton.cancel(each, reason="the conversation goes on without it")
                await self._baton.wait(each)


def _resumes(run: Run) -> bool:
    return (run.request.get("command") or {}).get("resume") is not None
