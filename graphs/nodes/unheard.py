"""A call of which nobody heard how it ended: a time limit, a lost connection or a cancel cut it off, and it may have
acted all the same. That is kept with the step's result, and with what undoes it where the call itself says so (X24).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from graphs.effects import effect_value
from graphs.errors import StepError
from graphs.nodes.body import Body
from graphs.policies import unheard
from graphs.state import UNHEARD
from graphs.steps import Action, StepContext


@dataclass(slots=True)
class Hearing:
    """One attempt.

    Attributes:
        begun: It is at work: before that, nothing can have been done.
    """

    begun: bool = False


@contextmanager
def hearing(body: Body) -> Iterator[Hearing]:
    """Around one attempt: note when it is cut off while it may act."""
    attempt = Hearing()
    try:
        yield attempt
    except StepError as error:
        body.unheard = body.unheard or (attempt.begun and body.may_act and unheard(error))
        if body.unheard:
            error.details["outcome"] = "unknown"
        else:
            error.details.pop("outcome", None)
        raise


async def keep_unheard(body: Body, kind: Action, context: StepContext, config: Any) -> None:
    """Write down how the call is undone, should it have acted; durable when it returns, one for all attempts."""
    if body.path.startswith("~"):
        return
    try:
        undo = kind.undo_unheard(context, config)
    except Exception as error:  # noqa: BLE001 - the application's own: what made the step fail is what counts
        body.host.log.warning("effect.unknown", step=body.path, error=str(error))
        return
    if undo is not None:
        effect = effect_value(context, undo, name=None, result=None, key=body.idempotency_key + UNHEARD)
        await body.host.effect(body.path, {**effect, "outcome": "unknown"})
