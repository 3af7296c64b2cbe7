"""Trying until it goes well, or is given up: retry around breaker; what one attempt is, is said by whoever tries."""

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from graphs.errors import BatonError, StepCancelledError, StepError
from graphs.nodes import again
from graphs.nodes.body import Body
from graphs.policies import Again, after_failure, as_step_error, out_of_time, retry_policy, says_retries
from graphs.policies.breaker import BreakerOpenError
from graphs.state import Result

T = TypeVar("T")


async def tries(body: Body, once: Callable[[int], Awaitable[T]]) -> T | Result:
    """Try as often as the step's policy says.

    Args:
        once: One attempt, given its number from 1.

    Returns:
        What an attempt gave; or, when none went well, the step's result.

    Raises:
        GraphInterrupt: it rests between two attempts, and the flow parks.
    """
    policy = retry_policy(body.planned.step, body.context.frame.config)
    chance, attempt, deadline = _NO_CHANCE, 0, body.planned.step.deadline
    if deadline is not None:
        body.end = body.host.clock.now() + timedelta(seconds=deadline)
    if policy.max_attempts > 1 or deadline is not None:
        chance = random.Random(body.idempotency_key)
        if (before := await again.tried(body)) is not None:
            attempt = before.attempts
            if not await _taken_up(body, before):
                return _given_up(body, before.failure, attempt)
    while True:
        attempt += 1
        try:
            return await once(attempt)
        except StepCancelledError as error:
            return body.cancelled("cancelled", error.message)
        except BatonError as error:
            failure = as_step_error(error)
        if isinstance(failure, BreakerOpenError) and _waits_for_breakers(body):
            attempt -= 1  # it was not let through
            if (ended := await _held_back(body, failure, attempt, policy.max_attempts)) is not None:
                return ended
            continue
        if isinstance(failure, BreakerOpenError) and not says_retries(body.planned.step):
            # It would rather fail: to be tried again when the breaker may be probed, it must say that itself.
            return body.failed(failure, attempts=attempt)
        decision = after_failure(policy, attempt, failure, chance)
        if (late := _too_late(body, failure, decision.delay if isinstance(decision, Again) else None)) is not None:
            return body.failed(late, attempts=attempt)
        if not isinstance(decision, Again) or body.context.flow.board.over_for(body.planned.name):
            return body.failed(failure, attempts=attempt)
        if not await again.pause(body, failure, attempt, policy.max_attempts, decision.delay):
            return _given_up(body, failure, attempt)


async def _taken_up(body: Body, before: again.Tried) -> bool:
    """An earlier process has tried: let what is left of the pause pass. False: the plan has ended early."""
    body.unheard = before.failure.details.get("outcome") == "unknown"
    # What pauses is not at work; and its next attempt has not begun before its time.
    body.late = body.late and (before.due is None or before.due <= body.host.clock.now())
    return await again.until(body, before)


async def _held_back(body: Body, failure: BreakerOpenError, attempts: int, most: int) -> Result | None:
    """Wait until the breaker may let it through; the step's result if it ends before that."""
    if (late := _too_late(body, failure, failure.retry_after)) is not None:
        return body.failed(late, attempts=attempts)
    if not await again.hold(body, failure, attempts, most):
        return body.cancelled("halted", "the plan ended while it waited")
    return None


def _given_up(body: Body, failure: StepError, attempts: int) -> Result:
    """The plan ended during the pause: whoever cancelled it cancelled the next attempt too."""
    halt = body.context.flow.board.halt
    if halt is not None and halt.reason in ("cancelled", "timeout"):
        return body.cancelled("cancelled", halt.detail)
    return body.failed(failure, attempts=attempts)


def _waits_for_breakers(body: Body) -> bool:
    if body.context.flow.board.over_for(body.planned.name):
        return False
    return (body.planned.step.breaker or body.context.frame.config.breaker) == "wait"


def _too_late(body: Body, failure: StepError, seconds: float | None) -> StepError | None:
    """What becomes of a failure when the step's deadline is over before it could be tried again in so many seconds."""
    if body.end is None or (seconds is None and failure.category != "timeout"):
        return None
    next_at = body.host.clock.now() + timedelta(seconds=seconds or 0.0)
    return out_of_time(body.path, body.planned.step, body.end, next_at, failure)


_NO_CHANCE = random.Random(0)
