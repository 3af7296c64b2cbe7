"""Calls of models that are paid for, whatever becomes of them. Loaded with those who make them."""

from collections.abc import Awaitable
from typing import TypeVar

from agents.models.apart import apart
from agents.models.providers import explain, unpaid
from agents.reasoning.spending import Spending
from graphs.errors import BatonError
from graphs.steps import StepContext

T = TypeVar("T")


async def paid(context: StepContext, model_name: str, spending: Spending, call: Awaitable[T]) -> tuple[T, float]:
    """What a call of a model gave, and how many seconds it took; what it cost is noted by whoever reads the answer.

    Raises:
        StepError: it failed; what that cost is noted.
    """
    began = context.clock.monotonic()
    answered = False
    refused = False
    try:
        answer = await apart(call)
        answered = True
    except BatonError:  # no provider was asked: a script that has ended, a recording that is missing
        refused = True
        raise
    except Exception as error:  # of each provider's library; what it means is explained, or it goes on as it is
        refused = unpaid(error)
        raise explain(error, model_name, context.clock.now()) or error from error
    finally:  # also when the step's time is over, or it is cancelled
        took = context.clock.monotonic() - began
        if not answered:
            (spending.refused if refused else spending.failed)(took)
    return answer, took
