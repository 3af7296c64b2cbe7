"""Performing an action: retry ⊃ breaker ⊃ limit ⊃ time limit ⊃ call, each layer owning one concern."""

import random
from datetime import timedelta
from typing import Any

from langgraph.errors import GraphInterrupt

from graphs.errors import BatonError, StepCancelledError, StepError
from graphs.nodes import again
from graphs.nodes.perform import Body
from graphs.policies import (
    Again,
    after_failure,
    as_step_error,
    attempt_timeout,
    classified,
    out_of_time,
    retry_policy,
)
from graphs.policies.breaker import BreakerOpenError
from graphs.state import Result
from graphs.steps import Action, StepContext
from graphs.stopping import Stoppable


async def act(body: Body) -> Result:
    """Try the step as often as its policy says, and give its result."""
    policy = retry_policy(body.planned.step, body.context.frame.config)
    chance, attempt, deadline = _NO_CHANCE, 0, body.planned.step.deadline
    if deadline is not None:
        body.end = body.host.clock.now() + timedelta(seconds=deadline)
    if policy.max_attempts > 1 or deadline is not None:
        chance = random.Random(body.idempotency_key)
        if (before := await again.tried(body)) is not None:
            attempt = before.attempts
            if not await again.until(body, before):
                return _given_up(body, before.failure, attempt)
    while True:
        attempt += 1
        try:
            return body.completed(await _in_its_place(body, attempt), attempts=attempt)
        except StepCancelledError as error:
            return body.cancelled("cancelled", error.message)
        except BatonError as error:
            failure = as_step_error(error)
        if isinstance(failure, BreakerOpenError) and _waits_for_breakers(body):
            attempt -= 1
            if (late := _too_late(body, failure, failure.retry_after)) is not None:
                return body.failed(late, attempts=attempt)
            if not await again.hold(body, failure, attempt, policy.max_attempts):
                return body.cancelled("halted", "the plan ended while it waited")
            continue
        decision = after_failure(policy, attempt, failure, chance)
        if (late := _too_late(body, failure, decision.delay if isinstance(decision, Again) else None)) is not None:
            return body.failed(late, attempts=attempt)
        if not isinstance(decision, Again) or body.context.flow.board.halt is not None:
            return body.failed(failure, attempts=attempt)
        if not await again.pause(body, failure, attempt, policy.max_attempts, decision.delay):
            return _given_up(body, failure, attempt)


def _given_up(body: Body, failure: StepError, attempts: int) -> Result:
    """The plan ended during the pause: whoever cancelled it cancelled the next attempt too."""
    halt = body.context.flow.board.halt
    if halt is not None and halt.reason in ("cancelled", "timeout"):
        return body.cancelled("cancelled", halt.detail)
    return body.failed(failure, attempts=attempts)


def _waits_for_breakers(body: Body) -> bool:
    if body.context.flow.board.halt is not None:
        return False
    return (body.planned.step.breaker or body.context.frame.config.breaker) == "wait"


def _too_late(body: Body, failure: StepError, seconds: float | None) -> StepError | None:
    """What becomes of a failure when the step's deadline is over before it could be tried again in so many seconds."""
    if body.end is None or (seconds is None and failure.category != "timeout"):
        return None
    next_at = body.host.clock.now() + timedelta(seconds=seconds or 0.0)
    return out_of_time(body.path, body.planned.step, body.end, next_at, failure)


_NO_CHANCE = random.Random(0)


async def _in_its_place(body: Body, attempt: int) -> Any:
    """One attempt, once there is a place for it."""
    kind = body.prepared.kind
    assert isinstance(kind, Action)
    config = await body.rendered_config()
    context = step_context(body, attempt)
    left = None if body.end is None else max((body.end - body.host.clock.now()).total_seconds(), 0.0)
    work = Stoppable(body.host.clock, left, body.path)
    with body.context.flow.running(body.planned.name, work):
        slot = body.host.slot(kind.limit(config), body.planned.step.limits, body.path, body.context.flow)
        async with work, slot as waited:
            if waited:
                _has_queued(body, waited)
            body.begin()
            body.host.started(body.path, attempt, context.state)
            return await _in_time(body, kind, context, config)


def _has_queued(body: Body, seconds: float) -> None:
    body.queued += seconds
    if body.context.flow.closing:  # the engine drains: nothing new begins
        raise GraphInterrupt(())


async def _in_time(body: Body, kind: Action, context: StepContext, config: Any) -> Any:
    limit = attempt_timeout(body.planned.step, body.context.frame.config, kind)
    try:
        if limit is None:
            return await kind.run(context, config)
        async with Stoppable(body.host.clock, limit, body.path):
            return await kind.run(context, config)
    except BatonError:
        raise
    except Exception as error:
        raise classified(error, kind, body.host.resources, body.host.clock.now()) from error


def step_context(body: Body, attempt: int) -> StepContext:
    """What a step's code is handed.

    Raises:
        StepError: the step's input cannot be built, or does not fit its schema.
    """
    prepared = body.prepared
    given = body.context.frame.input
    if prepared.input is not None:
        given = prepared.input.render(body.names, body.evaluation, body.state)
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
        progress=lambda data: body.host.note("step.progress", body.path, {"data": data}),
        note=lambda kind, data: body.host.note(kind, body.path, data, keep=True),
        ledger=body.host.ledger,
        emit_event=body.host.emit_event,
        keep_effect=body.keep_effect,
    )
