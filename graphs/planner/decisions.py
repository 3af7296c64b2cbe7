"""What is decided about a plan and its steps: values, and how a result is judged."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from graphs.planner.planned import Need
from graphs.state import Result


class Run(NamedTuple):
    """The step may run."""


class Skip(NamedTuple):
    """The step is not to run; `reason` as in `Result`, `detail` for people."""

    reason: str
    detail: str


class Halt(NamedTuple):
    """The plan ends early: nothing new starts; `cancel` also stops what runs."""

    reason: Literal["failure", "join", "cancelled", "timeout"]
    detail: str
    cancel: bool


@dataclass(frozen=True, slots=True)
class Join:
    """When a composite has enough (E19, F12, X32).

    A group in which nothing was to be done (its steps were skipped by their conditions, or their failures gone on
    from) is neither a success nor a failure: where so many are left out that `required` cannot be, the others must all
    succeed.

    Attributes:
        required: Groups that must succeed for the whole to succeed; as a fraction, the share of those that had anything
            to do.
        first: The join is released as soon as `required` groups have succeeded; nothing new starts then.
        cancel: What runs then is cancelled; otherwise it may finish.
    """

    required: int | Fraction
    first: bool = False
    cancel: bool = True

    def needed(self, busy: int) -> int:
        """How many must succeed of so many groups that had anything to do."""
        if isinstance(self.required, Fraction):
            return math.ceil(self.required * busy)
        return min(self.required, busy)


class Conclusion(NamedTuple):
    """How a plan ended. `step` is the one whose failure decided it."""

    status: Literal["completed", "failed", "timed_out", "cancelled"]
    step: str | None = None
    error: dict[str, Any] | None = None


def failed(result: Result) -> bool:
    """Whether a step failed or ran out of time."""
    return result["status"] in ("failed", "timed_out")


def went_well(result: Result) -> bool:
    status = result["status"]
    return (
        status == "completed"
        or (status == "skipped" and result.get("reason") == "condition")
        or (failed(result) and result.get("continued", False))
    )


def all_is_well(result: Result) -> bool:
    """Whether nothing went wrong: it went well, was there for a failure that did not come, or was gone on from."""
    return went_well(result) or result.get("reason") == "unneeded" or "goto" in result


def unmet(need: Need, result: Result) -> str | None:
    if need.outcome == "settled":
        return None
    if need.outcome == "failed":
        return None if failed(result) else f"was to fail, and {_SAID[result['status']]}"
    return None if went_well(result) else _SAID[result["status"]]


_SAID = {
    "completed": "completed",
    "failed": "failed",
    "timed_out": "ran out of time",
    "cancelled": "was cancelled",
    "skipped": "was skipped",
}
