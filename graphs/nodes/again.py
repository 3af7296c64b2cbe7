"""Between two attempts. A short pause is slept; a long one is a timer in the tables, and holds nothing.

How far a step has got with its attempts is kept as records, so that another process goes on with the right number
and what is left of the pause.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from graphs.errors import StepCancelledError, StepError
from graphs.expressions import mask
from graphs.nodes.body import Body
from graphs.nodes.resting import rest
from graphs.policies import error_value, kept_error
from graphs.policies.breaker import BreakerOpenError
from graphs.steps import Wait
from graphs.stopping import Stoppable
from graphs.values import json_value


@dataclass(frozen=True, slots=True)
class Tried:
    """What earlier processes have tried.

    Attributes:
        attempts, most: So many attempts have failed, of so many that there may be.
        failure: Why the last of them did.
        due: When the next one may begin; None when it was held back, and may ask again.
    """

    attempts: int
    most: int
    failure: StepError
    due: datetime | None


async def tried(body: Body) -> Tried | None:
    """What was tried before this process took the step up; None when it is new to it."""
    kept = await body.host.tried(body.path)
    if kept is None:
        return None
    body.began_at(kept["began"])
    if "deadline" in kept:
        body.end = datetime.fromisoformat(kept["deadline"])
    due = None if "breaker" in kept else datetime.fromisoformat(kept["due"])
    return Tried(kept["attempt"], kept["of"], kept_error(kept["error"]), due)


async def pause(body: Body, failure: StepError, attempt: int, most: int, delay: float) -> bool:
    """Let the time to the next attempt pass. False: the plan has ended early, there is to be none.

    Raises:
        GraphInterrupt: the flow parks.
    """
    host = body.host
    due = host.clock.now() + timedelta(seconds=delay)
    said: dict[str, Any] = {"attempt": attempt, "of": most, "delay": round(delay, 3), "due": due.isoformat()}
    error = json_value(mask(error_value(failure, attempt=attempt)))
    noted = {**said, **_of_the_whole(body), "error": error}
    host.log.info("step.retrying", step=body.path, **noted)
    if delay <= host.facts.short_wait:
        # Kept first: an attempt that began before it would be made again by the next process, with all before it.
        await host.keep("step.retrying", body.path, noted)
        return await _sleep(body, delay)
    wait = _timer(attempt, most, due)
    await host.set_timer(body.path, wait, record=("step.retrying", noted))
    return await rest(body, wait) is not None


async def until(body: Body, before: Tried) -> bool:
    """What is left of a pause that an earlier process began; as `pause`."""
    if before.due is None:
        return True
    left = (before.due - body.host.clock.now()).total_seconds()
    if left <= 0:
        await body.host.end_timer(body.path)
        return not body.context.flow.board.over_for(body.planned.name)
    if left <= body.host.facts.short_wait:
        return await _sleep(body, left)
    wait = _timer(before.attempts, before.most, before.due)
    await body.host.set_timer(body.path, wait)  # it may have been too short to be one, for the other process
    return await rest(body, wait) is not None


def _of_the_whole(body: Body) -> dict[str, str]:
    """What does not begin anew with an attempt, nor with a process."""
    return {"began": body.began} | ({"deadline": body.end.isoformat()} if body.end is not None else {})


def _timer(attempt: int, most: int, due: datetime) -> Wait:
    question = {"reason": "retry", "attempt": attempt, "of": most, "until": due.isoformat()}
    return Wait(kind="timer", question=question, due=due)


async def hold(body: Body, refusal: BreakerOpenError, attempts: int, most: int) -> bool:
    """Let the time pass until a breaker may be looked at again; whoever closes it ends the rest. As `pause`.

    Args:
        attempts: So many have been made; being held back is none.
    """
    host, due = body.host, refusal.until
    left = (due - host.clock.now()).total_seconds()
    if left <= host.facts.short_wait:
        return await _sleep(body, max(left, 0.0))
    said = {"attempt": attempts, "of": most, "breaker": refusal.name, "due": due.isoformat()}
    kept = await host.tried(body.path) or {}
    known = (kept.get("breaker"), kept.get("attempt")) == (refusal.name, attempts)  # it says so every time it looks
    noted = {**said, **_of_the_whole(body), "error": error_value(refusal, attempt=attempts)}
    wait = Wait(
        kind="timer",
        question={"reason": "breaker", "breaker": refusal.name, "until": due.isoformat()},
        event_type=f"breaker:{refusal.name}",
        due=due,
    )
    await host.set_timer(body.path, wait, record=None if known else ("step.held", noted))
    if not host.refuses(refusal.name):  # it closed, and called everybody, before this timer could be seen
        await host.end_timer(body.path)
        return True
    return await rest(body, wait) is not None


async def _sleep(body: Body, seconds: float) -> bool:
    work = Stoppable(body.host.clock, None, body.path)
    try:
        with body.context.flow.running(body.planned.name, work):
            async with work:
                await body.host.clock.sleep(seconds)
    except StepCancelledError:
        return False
    return True
