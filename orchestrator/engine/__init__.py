"""`Orchestrator`: start workflows, answer them, look at them, stop them. The face of the engine.

    async with Orchestrator.open(Settings(database=Path("baton.db"))) as baton:
        execution = await baton.start(workflow, {"amount": 12})
        execution = await baton.wait(execution.id)

Every call that changes something is durable when it returns.

    starting     executions begin here
    asking       requests that name no workflow
    looking      as they stand, as they go, until they end
    answering    what people and events say to them
    stopping     ending, holding, letting go on
    going_back   retry from a step, fork at a step
    mending      dead letters, circuit breakers
    file         pruning, copying, leaving
    base         what all of these stand on
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from graphs.clock import Clock, SystemClock
from graphs.spec import Workflow
from graphs.steps import StepTypes
from orchestrator.driving.heap import what_is_loaded_stays
from orchestrator.engine.answering import Answering
from orchestrator.engine.asking import Asking
from orchestrator.engine.file import File
from orchestrator.engine.going_back import GoingBack
from orchestrator.engine.mending import Mending
from orchestrator.engine.stopping import Stopping
from orchestrator.parts import assemble
from orchestrator.settings import Settings


class Orchestrator(Asking, Answering, Stopping, GoingBack, Mending, File):
    """Made by `open`."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings | None = None,
        *,
        resources: Iterable[Any] = (),
        hooks: Iterable[Any] = (),
        workflows: Iterable[Workflow] = (),
        step_types: StepTypes | None = None,
        clock: Clock | None = None,
        drive: bool = True,
    ) -> AsyncIterator["Orchestrator"]:
        """Open the engine on a database; on leaving, running steps get `settings.grace` seconds to finish.

        Args:
            settings: How to run; without them, the environment's.
            resources: Values that steps ask for by type: services, functions, tools, agents, models; sinks of alerts.
            hooks: Objects with `on_step_start` or `on_step_complete`.
            workflows: Workflows that hold Python callables and may be resumed; others are read from the database.
            step_types: Without them, all that installed packages offer.
            clock: Without it, the machine's.
            drive: False to look, answer and cancel only, while another process drives the file.

        Raises:
            EngineBusyError: another process drives this file.
            StoreError: the file cannot be opened.
        """
        clock = clock or SystemClock()
        async with AsyncExitStack() as stack:
            parts = await assemble(
                stack,
                settings or Settings(),
                resources=resources,
                hooks=hooks,
                workflows=workflows,
                step_types=step_types,
                clock=clock,
                drive=drive,
            )
            baton = cls(parts.store, parts.catalogue, parts.driver, parts.bus, clock)
            if parts.telling is not None:
                await stack.enter_async_context(parts.telling)
            if parts.driver is not None:
                stack.enter_context(what_is_loaded_stays())
                await stack.enter_async_context(parts.driver.serving())
            yield baton
