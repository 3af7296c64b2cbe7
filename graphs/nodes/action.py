"""Performing an action: retry ⊃ breaker ⊃ limit ⊃ time limit ⊃ call, each layer owning one concern."""

import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from langgraph.errors import GraphInterrupt

from graphs.budget import WORKED
from graphs.errors import BatonError, StepCancelledError
from graphs.lasting import OUTLAST
from graphs.nodes.body import Body
from graphs.nodes.edits import with_edited_input
from graphs.nodes.lasting import Outlasting, nobody_acts
from graphs.nodes.served import served
from graphs.nodes.tries import tries
from graphs.nodes.unheard import hearing, keep_unheard
from graphs.policies import attempt_timeout, classified
from graphs.state import Result
from graphs.steps import Action, StepContext
from graphs.stopping import Stoppable

T = TypeVar("T")


async def act(body: Body) -> Result:
    """Try the step as often as its policy says, and give its result."""
    if (result := served(body)) is not None:
        return result
    kind = body.prepared.kind
    assert isinstance(kind, Action)

    async def once(attempt: int) -> Result:
        config = await body.rendered_config()
        context = step_context(body, attempt)
        try:
            with _timed(body, kind):
                uses = kind.uses(context, config)
                response = await in_its_place(body, uses, context, lambda: kind.run(context, config))
        except BatonError as error:
            if body.unheard or (body.late and isinstance(error, StepCancelledError)):
                await keep_unheard(body, kind, context, config)
            raise
        return body.completed(response, attempts=attempt)

    return await tries(body, once)


@contextmanager
def _timed(body: Body, kind: Action) -> Iterator[None]:
    """The time an attempt takes counts in an agent's budget: what models take, they note themselves."""
    if not body.context.frame.timed or kind.computes(body.planned.step):
        yield
        return
    clock, queued = body.host.clock, body.queued
    began = clock.monotonic()
    try:
        yield
    finally:
        took = clock.monotonic() - began - (body.queued - queued)
        body.host.note(WORKED, body.path, {"id": uuid.uuid4().hex, "seconds": round(took, 3)}, keep=True)


async def in_its_place(body: Body, uses: str | None, context: StepContext, call: Callable[[], Awaitable[T]]) -> T:
    """One attempt, once there is a place for it: breaker ⊃ limit ⊃ time limit ⊃ call.

    Args:
        uses: The service, or the model, that is used.
    """
    await nobody_acts(body)
    left = None if body.end is None else max((body.end - body.host.clock.now()).total_seconds(), 0.0)
    work = Stoppable(body.host.clock, left, body.path)
    outlasting = Outlasting(body, context.attempt, [work])
    with body.context.flow.running(body.planned.name, work), hearing(body) as hears:
        slot = body.host.slot(uses, body.planned.step.limits, body.path, body.context.flow)
        async with work, slot as waited:
            if waited:
                _has_queued(body, waited)
            body.begin()
            body.host.started(body.path, context.attempt, context.state)
            hears.begun = True
            return await _in_time(body, call, outlasting)


def _has_queued(body: Body, seconds: float) -> None:
    body.queued += seconds
    if body.context.flow.closing:  # the engine drains: nothing new begins
        raise GraphInterrupt(())


async def _in_time(body: Body, call: Callable[[], Awaitable[T]], outlasting: Outlasting) -> T:
    kind = body.prepared.kind
    limit = attempt_timeout(body.planned.step, body.context.frame.config, kind)
    before = OUTLAST.set(outlasting)
    try:
        if limit is None:
            return await call()
        async with Stoppable(body.host.clock, limit, body.path) as work:
            outlasting.works.append(work)
            return await call()
    except BatonError:
        raise
    except Exception as error:  # the step's own code may raise anything; what it means is for the classifier to say
        raise classified(error, kind, body.host.resources, body.host.clock.now()) from error
    finally:
        OUTLAST.reset(before)


def step_context(body: Body, attempt: int) -> StepContext:
    """What a step's code is handed.

    Raises:
        StepError: the step's input cannot be built, or does not fit its schema.
    """
    prepared = body.prepared
    given = body.context.frame.input
    if prepared.input is not None:
        given = prepared.input.render(body.names, body.evaluation, body.state)
    if edit := body.host.edit(body.path):
        given = with_edited_input(given, edit, body.planned.step, prepared.kind)
    prepared.check_input(given)
    facts = body.host.facts
    return StepContext(
        execution_id=facts.execution_id,
        workflow=facts.workflow,
        version=facts.version,
        path=body.path,
        name=body.planned.step.name,
        attempt=attempt,
        idempotency_key=body.idempotency_key,
        input=given,
        state=body.state(),
        clock=body.host.clock,
        log=body.host.log.bind(step=body.path, attempt=attempt),
        resources=body.host.resources,
        metadata=facts.metadata,
        user_context=facts.user_context,
        max_result_bytes=facts.max_result_bytes,
        progress=lambda data: body.host.note("step.progress", body.path, {"data": data}),
        heard=body.host.heard,
        note=lambda kind, data: body.host.note(kind, body.path, data, keep=True),
        keep=lambda kind, data: body.host.keep(kind, body.path, data),
        budgets=body.context.frame.budgets,
        ledger=body.host.ledger,
        workflows=body.host.workflows,
        emit_event=partial(_emit, body),
        keep_effect=body.keep_effect,
    )


async def _emit(body: Body, event_type: str, data: Any = None, *, key: str | None = None) -> None:
    """What a step publishes under a key, it publishes once, however often it is tried."""
    once = None if key is None else f"{body.idempotency_key}:{event_type}:{key}"
    await body.host.emit_event(event_type, data, key=key, id=once)
