"""The document's `Workflow`, its builder, and how they are carried out."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Self

from agents import Agent, Tool
from graphs import spec
from graphs.building.options import made
from graphs.errors import InputError
from orchestrator.engine import Orchestrator
from orchestrator.faces.answering import ERROR_HANDLER
from orchestrator.faces.jaf.context import StepResult, WorkflowContext, WorkflowResult
from orchestrator.faces.jaf.handlers import (
    ForStep,
    ForWorkflow,
    HandlesStep,
    HandlesWorkflow,
    LoggerHook,
    WorkflowLogger,
)
from orchestrator.faces.jaf.results import Results, workflow_result
from orchestrator.faces.jaf.steps import AgentStep, Making, ToolStep, WorkflowStep
from orchestrator.faces.running import Means, all_steps, at_hand, begin, carry_out, engine

GRANTED = 3
"""Attempts that a workflow's error handler may grant to one step, besides the step's own."""


class Workflow:
    """Steps that run one after the other.

    Args:
        workflow_id: What it is published under.
        name: For people; kept as the label `title`.
    """

    def __init__(
        self, workflow_id: str, name: str | None = None, description: str = "", *, version: str = "1.0"
    ) -> None:
        self.workflow_id = workflow_id
        self.name = name or workflow_id
        self.description = description
        self.version = version
        self.steps: list[WorkflowStep] = []
        self.logger: WorkflowLogger | None = None
        self._handlers: dict[str, ForStep] = {}
        self._handler: ForWorkflow | None = None
        self._granted = GRANTED

    def add_step(self, step: WorkflowStep) -> Self:
        """Add a step; it begins when the one before it has settled well, or was skipped by a condition of its own."""
        self.steps.append(step)
        return self

    def add_error_handler(self, step_id: str, handler: ForStep) -> Self:
        """Have a function asked when the step, wherever it stands, has failed for good (A04).

        Args:
            handler: Given the step's result and the context; gives a step to run in its place, or a mapping
                `{"action": "fail"}` or `{"action": "continue"}`. It may be asked again after a crash and must then
                say the same.
        """
        self._handlers[step_id] = handler
        return self

    def handle_errors(self, handler: ForWorkflow, *, max_retries: int = GRANTED) -> Self:
        """Have a function asked about every attempt of an agent or a tool after which its own retries give up (A10).

        Args:
            handler: Given the error, the step and the state; gives `{"action": "retry"}` or `{"action": "fail"}`,
                with `escalate` and `notify_team` if wanted: these publish events.
            max_retries: So many further attempts it may grant to one step.
        """
        self._handler, self._granted = handler, max_retries
        return self

    def to_workflow(self) -> spec.Workflow:
        """The workflow of the model.

        Raises:
            DefinitionError, InputError: a step is not complete, or a handler is for a step that is not there.
        """
        making = Making(
            handlers={step_id: HandlesStep(step_id, handler) for step_id, handler in self._handlers.items()},
            handler=self._ask_workflow if self._handler is not None else None,
            granted=self._granted,
        )
        steps = _chained([step.to_step(making) for step in self.steps])
        self._check_handlers(steps)
        metadata: dict[str, Any] = {"name": self.workflow_id, "version": self.version, "description": self.description}
        if self.name != self.workflow_id:
            metadata["labels"] = {"title": self.name}
        return made(spec.Workflow, f"workflow '{self.workflow_id}'", {"metadata": metadata, "spec": {"steps": steps}})

    def _ask_workflow(self, step: WorkflowStep) -> HandlesWorkflow:
        assert self._handler is not None
        return HandlesWorkflow(step, self._handler)

    def _check_handlers(self, steps: Iterable[spec.Step]) -> None:
        known = {step.name for step in all_steps(steps) if step.type != ERROR_HANDLER}
        for step_id in self._handlers:
            if step_id not in known:
                near = get_close_matches(step_id, known, n=1)
                raise InputError(
                    f"workflow '{self.workflow_id}' has an error handler for step '{step_id}', which it does not have.",
                    hint=f"Did you mean '{near[0]}'?" if near else f"Steps here: {', '.join(sorted(known)) or 'none'}.",
                    code="handler_without_step",
                )

    async def execute(
        self, context: WorkflowContext | None = None, *, means: Means | None = None, idempotency_key: str | None = None
    ) -> WorkflowResult:
        """Carry it out and wait for the end.

        Args:
            means: What it is carried out with; without them, what `using(...)` has laid out.
            idempotency_key: An execution that was started under the same key is taken up again, not started twice.
        """
        context = context or WorkflowContext()
        workflow = self.to_workflow()
        start = context.as_start(idempotency_key=idempotency_key)
        ended = await carry_out(workflow, start, self._with_logger(at_hand(means)))
        return workflow_result(workflow, context, ended)

    def _with_logger(self, means: Means) -> Means:
        return means if self.logger is None else replace(means, hooks=(*means.hooks, LoggerHook(self.logger)))

    async def stream(
        self, context: WorkflowContext | None = None, *, means: Means | None = None, nested: bool = False
    ) -> AsyncIterator[StepResult]:
        """Carry it out and give each step's result as it is committed (O02).

        Args:
            nested: Also the results of steps inside of others.
        """
        workflow = self.to_workflow()
        execution_id = str(uuid.uuid4())
        start = (context or WorkflowContext()).as_start(execution_id=execution_id)
        means = self._with_logger(at_hand(means))
        results = Results(workflow, nested=nested)
        async with engine(workflow, means) as baton, aclosing(_stirs(baton, execution_id)) as stirs:
            await begin(baton, workflow, start)
            async for _ in stirs:
                for result in results.new(await baton.results(execution_id)):
                    yield result


async def _stirs(baton: Orchestrator, execution_id: str) -> AsyncGenerator[None, None]:
    """Something whenever the results are worth another look; a last time after the end."""
    records = baton.watch(execution_id)
    ended = asyncio.ensure_future(baton.wait(execution_id))
    following = asyncio.ensure_future(anext(records, None))
    try:
        await asyncio.sleep(0)  # `following` has subscribed now: nothing that comes after the first look is missed
        while not ended.done():
            yield
            await asyncio.wait((ended, following), return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                if following.result() is None:
                    await ended
                following = asyncio.ensure_future(anext(records, None))
        await ended
        yield
    finally:
        for task in (ended, following):
            task.cancel()
        await asyncio.gather(ended, following, return_exceptions=True)


class WorkflowBuilder:
    """Puts a workflow together; every method but `build` gives the builder back.

    Args:
        workflow_id: What it is published under.
        name: For people; without it, the id.
    """

    def __init__(self, workflow_id: str, name: str | None = None) -> None:
        self._workflow = Workflow(workflow_id, name)

    def description(self, text: str) -> Self:
        """What it is for."""
        self._workflow.description = text
        return self

    def add_step(self, step: WorkflowStep) -> Self:
        """Add a step after those there are."""
        self._workflow.add_step(step)
        return self

    def add_agent_step(self, step_id: str, agent: Agent | str, message: str) -> Self:
        """Add a step that runs an agent."""
        return self.add_step(AgentStep(step_id, agent, message))

    def add_tool_step(self, step_id: str, tool: Tool | str, args: Mapping[str, Any] | None = None) -> Self:
        """Add a step that runs a tool."""
        return self.add_step(ToolStep(step_id, tool, args))

    def with_error_handler(self, handler: ForWorkflow, *, max_retries: int = GRANTED) -> Self:
        """Have a function asked about failures; see `Workflow.handle_errors`."""
        self._workflow.handle_errors(handler, max_retries=max_retries)
        return self

    def with_logger(self, logger: WorkflowLogger) -> Self:
        """Have every step's start and end told to a logger."""
        self._workflow.logger = logger
        return self

    def build(self) -> Workflow:
        """The workflow."""
        return self._workflow


class WorkflowEngine:
    """Carries workflows out.

    Args:
        means: What they are carried out with; without them, what `using(...)` has laid out.
    """

    def __init__(self, means: Means | None = None) -> None:
        self._means = means

    async def execute_workflow(
        self, workflow: Workflow, context: WorkflowContext | None = None, *, idempotency_key: str | None = None
    ) -> WorkflowResult:
        """Carry a workflow out and wait for the end."""
        return await workflow.execute(context, means=self._means, idempotency_key=idempotency_key)


def execute_workflow_stream(
    workflow: Workflow, context: WorkflowContext | None = None, *, means: Means | None = None, nested: bool = False
) -> AsyncIterator[StepResult]:
    """Carry a workflow out and give each step's result as it is committed."""
    return workflow.stream(context, means=means, nested=nested)


def _chained(steps: list[spec.Step]) -> tuple[spec.Step, ...]:
    """Each depends on the one before it."""
    needs = [(), *((spec.Dependency(step=before.name),) for before in steps)]
    return tuple(step.model_copy(update={"depends_on": need}) for step, need in zip(steps, needs, strict=False))
