"""What one evaluation has at hand: the names, the moment, and what is left of its budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from graphs.expressions.faults import fault
from graphs.expressions.limits import MAX_STEPS


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """What `now()`, `uuid(key)` and `password_hash(x)` depend on, so that a replay gives the same values.

    Attributes:
        now: The time of the step, recorded once by the caller; with a time zone.
        seed: Names the execution and the place in it, for example `execution_id:path:generation`. It need not be
            secret, but two steps must not share one.
    """

    now: datetime
    seed: str

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise fault("bad_value", "the time given to an evaluation has no time zone.", "Use datetime.now(UTC).")
        object.__setattr__(self, "now", self.now.astimezone(UTC))


class Frame:
    """One evaluation. A plain class with slots, since one is made for every value a template fills in."""

    __slots__ = ("context", "offset", "place", "scope", "steps_left")

    def __init__(self, scope: Mapping[str, Any], context: EvaluationContext | None, place: str = "") -> None:
        self.scope = scope
        self.context = context
        self.place = place  # Where in a template the value stands, as a JSON pointer.
        self.offset = 0  # Where in the expression the function stands that is being called.
        self.steps_left = MAX_STEPS

    def charge(self, steps: int) -> None:
        """Takes from the budget, before the work is done.

        Raises:
            ExpressionError: `too_many_steps`.
        """
        self.steps_left -= steps
        if self.steps_left < 0:
            raise fault(
                "too_many_steps",
                f"the expression needs more than {MAX_STEPS:,} steps.",
                "Work on less data, or do it in a step of its own.",
            )
