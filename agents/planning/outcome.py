"""`check_outcome`: what came of a plan that a model wrote, and whether what is left of it is planned anew."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import orjson
from pydantic import Field

from agents.planning.bounds import ASSISTANT
from agents.planning.repeating import carried_out
from agents.values import shorten
from graphs.errors import StepError
from graphs.spec import Step
from graphs.steps import Action, StepConfig, StepContext

REPLANNED: Final = "plan.failed"
"""The kind of the record of a plan that failed while it ran, and that another is made for what is left."""

_FOR_GOOD: Final = ("cancelled", "budget")
_MOST_TOLD: Final = 4_000
_RULE: Final = (
    "The plan before this one failed while it ran. Plan only what is still to be done: what 'done' names was done and "
    "must not be done again. Write what you need of its results into the new plan. What 'failed' names did not go "
    "well, or only in part: find another way, or leave it out where the request allows that."
)


class CheckOutcomeConfig(StepConfig):
    """What is looked at.

    Attributes:
        error: The error of the step that carried the plan out; null where it went well.
        steps: What each step of the plan came to, where it failed.
        after: What an earlier `check_outcome` found: what was done by the plans before.
        replans: How often a plan was made anew so far.
        max_replans: How often it may be.
    """

    error: dict[str, Any] | None = None
    steps: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] | None = None
    replans: int = Field(default=0, ge=0)
    max_replans: int = Field(default=0, ge=0)


class CheckOutcome(Action):
    """The response: whether to plan `again`, how many `replans` that makes, and `after`: the `rule` for the next plan,
    what was `done` (see `carried_out`) and what `failed` (the error and what there is, by step)."""

    name: ClassVar[str] = "check_outcome"
    summary: ClassVar[str] = "looks at what came of a plan, and whether what is left is planned anew"
    written_in = frozenset({ASSISTANT})
    Config = CheckOutcomeConfig

    def acts(self, step: Step) -> bool | None:
        return False

    def computes(self, step: Step) -> bool:
        return True

    async def run(self, context: StepContext, config: CheckOutcomeConfig) -> Any:
        before = config.after or {}
        if config.error is None:
            return {"again": False, "replans": config.replans, "after": config.after}
        if config.error.get("category") in _FOR_GOOD or config.replans >= config.max_replans:
            raise _same(config.error)
        so_far = carried_out(config.steps, before)
        done = so_far["done"]
        failed = {
            name: {"error": one.get("error"), "output": one.get("output")}
            for name, one in config.steps.items()
            if one["status"] in ("failed", "timed_out", "cancelled")
        } or {"the plan": {"error": config.error.get("message"), "output": None}}
        context.note(REPLANNED, {"done": sorted(done), "failed": sorted(failed), "replans": config.replans + 1})
        after = {**so_far, "rule": _RULE, "done": {**before.get("done", {}), **_told(done)}, "failed": _told(failed)}
        return {"again": True, "replans": config.replans + 1, "after": after}


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that a model is told; long ones are cut, as text."""
    return {name: value if _size(value) <= _MOST_TOLD else _cut(value) for name, value in values.items()}


def _size(value: Any) -> int:
    return len(orjson.dumps(value))


def _cut(value: Any) -> str:
    return shorten(orjson.dumps(value).decode(), _MOST_TOLD)


def _same(error: Mapping[str, Any]) -> StepError:
    return StepError(
        str(error.get("message") or "the plan failed"),
        category=error.get("category", "logic"),
        code=error.get("code"),
        hint=error.get("hint"),
        retryable=False,
    )
