"""One drive: an execution taken up, carried as far as it goes, and left ended, resting or drained.

The drive is the `Host` that the graph's nodes talk to. It owns nothing that must survive: whatever it knows that
matters is in the tables, and another process may take the execution up from there.
"""

import asyncio

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphInterrupt

from graphs.compile import FOREVER
from graphs.flow import Flow, not_begun
from graphs.host import run_graph
from graphs.nodes.body import PlanContext
from orchestrator.driving.ending import Ending
from orchestrator.driving.resting import Left
from orchestrator.driving.taken import Taken
from orchestrator.time_travel.recorded import opened


class Drive(Ending):
    """Drives one execution once. Use `run`; everything else is for the graph's nodes and for the engine."""

    def __init__(self, taken: Taken) -> None:
        super().__init__(taken)
        self.flow = Flow(self.board, self, path="", generation=taken.execution.generation)

    async def run(self) -> Left:
        """Carry the execution as far as it goes.

        Raises:
            StoreError: something could not be kept or read; the execution can be taken up again.
            EngineError: the engine's rules were broken.
        """
        self._task = asyncio.current_task()
        try:
            await self._carry_out()
        except asyncio.CancelledError:
            if self._abort is None:
                if self.draining:  # cut at the end of the grace time: its steps run again
                    await self._rest()
                raise
            self._task and self._task.uncancel()
            raise self._abort from None
        finally:
            if self._settling is not None:
                self._settling.cancel()
            for alarm in (*self._limits, self._late_starts):
                if alarm is not None:
                    alarm.cancel()
        if missing := self.flow.unsettled() or self.board.remaining():
            if not self.flow.closing:
                raise not_begun(missing, len(self.flow.dispatched))
            return await self._rest()
        return await self._finish()

    async def _carry_out(self) -> None:
        saver, thread = self._works.store.saver, self.execution.id
        self.recording = await opened(self._works.store, self.execution.replay)
        saved = None if self._new else await saver.saved(thread, "")
        await self._count_rewinds()
        plan = self.board.plan.steps
        seeds = await self.seeds()
        kept = {name: seeds[name] for name in plan if name in seeds}
        if saved is not None:
            self.board.prime({**kept, **saved.results})
            self.flow.dispatch(saved.dispatched, fresh=False)
        else:
            self.board.prime(kept)
            name = f"{self.workflow.name}@{self.workflow.version}"
            saver.expect_new(thread, "", {"workflow_id": name, "digest": self.workflow.digest, "path": ""})
        await self._watch_limits()
        saver.listen(thread, "", self.flow)
        config: RunnableConfig = {"configurable": {"thread_id": thread}, "recursion_limit": FOREVER}
        try:
            context = PlanContext(self, self.flow, self.frame)
            await run_graph(self._works.graph, config, context)
        except GraphInterrupt:
            pass  # parked
        finally:
            saver.forget(thread, "")
            self.flow.close()
