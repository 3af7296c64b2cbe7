"""Side by side: `parallel` (steps or branches), `map` (steps for every item); one after the other: `sequence`."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, ClassVar, Literal

from pydantic import AliasChoices, Field

from graphs.composites.base import (
    CONTINUE,
    Composite,
    Data,
    FailurePolicyWord,
    Opening,
    last_output,
    plan_of,
    told,
    too_many,
)
from graphs.composites.made import check_made
from graphs.errors import Problem, StepError
from graphs.expressions import EvaluationContext
from graphs.planner import Conclusion, FailurePolicy, Join, Plan, failed, plan_steps
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import OTHER_WORDS, Step
from graphs.steps import StepConfig

MOST_ITEMS = 10_000


def _either(word: str) -> AliasChoices:
    return AliasChoices(word, *(other for other, ours in OTHER_WORDS.items() if ours == word))


class JoinConfig(StepConfig):
    """When a group has enough, and what a failure in it means."""

    max_concurrency: int = Field(default=10, ge=1, le=10_000)
    wait_for_all: bool = True
    first: int | None = Field(default=None, ge=1)
    min_success: int | None = Field(default=None, ge=0, validation_alias=_either("min_success"))
    min_success_rate: float | None = Field(default=None, ge=0, le=1, validation_alias=_either("min_success_rate"))
    """X14: called a failure threshold in one document, and compared there as the least rate of successes."""
    failure_policy: FailurePolicyWord = "continue"
    rest: Literal["cancel", "finish"] = "cancel"
    """With `first` (or without `wait_for_all`): what runs when enough have succeeded is cancelled, or may finish."""

    def join(self, groups: int) -> Join:
        """The join of so many branches or items (X32)."""
        required: int | Fraction
        if self.first is not None:
            return Join(self.first, first=True, cancel=self.rest == "cancel")
        if self.min_success is not None:
            required = self.min_success
        elif self.min_success_rate is not None:
            share = Fraction(repr(self.min_success_rate))  # as written: 0.56 of 25 is 14, and not a little more
            required = share if self.wait_for_all else math.ceil(share * groups)
        elif self.failure_policy == CONTINUE or not self.wait_for_all:
            required = min(1, groups)
        else:
            required = groups
        return Join(required, first=not self.wait_for_all, cancel=self.rest == "cancel")

    def check(self, step: Step, groups: int) -> None:
        """Whether as many can succeed as must.

        Raises:
            StepError: there are not so many branches or items.
        """
        for key, wanted in (("min_success", self.min_success), ("first", self.first)):
            if wanted is not None and wanted > groups:
                raise StepError(
                    f"step '{step.name}': {wanted} must succeed ('{key}'), and there are {groups}.",
                    category="validation",
                    code="first_impossible" if key == "first" else "min_success_impossible",
                    hint=f"Ask for {groups} at most, or add what is missing." if groups else None,
                )

    def policy(self) -> FailurePolicy:
        match self.failure_policy:
            case "fail_fast" | "cancel":
                return "cancel"
            case "stop":
                return "stop"
            case _:
                return "continue"


class ParallelConfig(JoinConfig):
    """`steps_from`: a list of steps that is known only at run time (F22)."""

    steps_from: list[dict[str, Any]] | None = None


class Parallel(Composite):
    """Steps, or branches of steps, side by side (F05, F06, F07, F12)."""

    name: ClassVar[str] = "parallel"
    summary: ClassVar[str] = "runs steps or branches side by side and joins them"
    Config = ParallelConfig
    containers: ClassVar[frozenset[str]] = frozenset({"steps", "branches"})
    side_by_side: ClassVar[bool] = True

    async def open(self, opening: Opening) -> Data:
        config: ParallelConfig = opening.config
        data = config.model_dump(mode="json", exclude={"steps_from"})
        if config.steps_from is not None:
            if len(config.steps_from) > MOST_ITEMS:
                raise too_many(opening.step.name, len(config.steps_from), MOST_ITEMS)
            check_made(opening, config.steps_from)
            data["steps"] = list(config.steps_from)  # as given: secrets in them are still known to be secret
        config.check(opening.step, _groups(opening.step) + len(data.get("steps", ())))
        return data

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        config = ParallelConfig.model_validate({key: value for key, value in data.items() if key != "steps"})
        made = tuple(Step.model_validate(item) for item in data.get("steps", ()))
        planned = [
            replace(item, group=item.stands_for or item.name) for item in plan_steps(step.steps + made, library.node_of)
        ]
        for branch, steps in step.branches.items():
            planned += plan_steps(steps, library.node_of, local=f"{branch}.", group=branch, sequential=True)
        groups = len({item.group for item in planned})
        return plan_of(
            planned,
            failure_policy=config.policy(),
            join=config.join(groups),
            max_parallel=config.max_concurrency,
        )

    def response(
        self, step: Step, data: Data, frame: Frame, conclusion: Conclusion, evaluation: EvaluationContext
    ) -> Any:
        plan, results = frame.plan, frame.results
        by_group = {group: _given(plan, group, results) for group in plan.groups}
        counts = _counts(plan, results)
        if step.branches:
            counts["branch_results"] = {name: by_group[name] for name in step.branches if name in by_group}
        counts["results"] = {group: output for group, output in by_group.items() if group not in step.branches}
        return counts

    def check(self, step: Step) -> Iterable[Problem]:
        yield from super().check(step)
        if not step.steps and not step.branches and "steps_from" not in step.config:
            yield Problem(
                code="container_empty",
                message=f"step '{step.name}' runs nothing.",
                hint="Give it 'steps', 'branches' or 'config.steps_from'.",
                where="steps",
            )
        elif "steps_from" not in step.config:
            yield from _too_few(step, _groups(step))


def _groups(step: Step) -> int:
    return len(step.steps) + len(step.branches)


def _too_few(step: Step, groups: int) -> Iterable[Problem]:
    """More must succeed than there are."""
    for key in ("min_success", "minimum_success_count", "first"):
        wanted = step.config.get(key)
        if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted > groups:
            yield Problem(
                code="first_impossible" if key == "first" else "min_success_impossible",
                message=f"step '{step.name}': {wanted} must succeed, and there are {groups}.",
                hint=f"Ask for {groups} at most, or add what is missing.",
                where=f"config.{key}",
            )


class ParallelGroup(Parallel):
    """`parallel` under the name one of the requirement documents registers (T04)."""

    name: ClassVar[str] = "parallel_group"
    summary: ClassVar[str] = "the same as 'parallel'"


class MapConfig(JoinConfig):
    """`items` is what the steps are run for; `as` a second name for `item`."""

    items: list[Any]
    as_: str | None = Field(default=None, alias="as", pattern=r"^[a-z_][a-z0-9_]*$")


class Map(Composite):
    """The same steps for every item, side by side; items overlap, each at its own stage (F08, F09, F10)."""

    name: ClassVar[str] = "map"
    summary: ClassVar[str] = "runs the same steps for every item of a list, side by side"
    Config = MapConfig
    containers: ClassVar[frozenset[str]] = frozenset({"steps"})
    required_containers: ClassVar[frozenset[str]] = frozenset({"steps"})

    def check(self, step: Step) -> Iterable[Problem]:
        yield from super().check(step)
        if isinstance(items := step.config.get("items"), list | tuple):
            yield from _too_few(step, len(items))

    async def open(self, opening: Opening) -> Data:
        config: MapConfig = opening.config
        if len(config.items) > MOST_ITEMS:
            raise too_many(opening.step.name, len(config.items), MOST_ITEMS)
        config.check(opening.step, len(config.items))
        return config.model_dump(mode="python", by_alias=True)

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        config = MapConfig.model_validate(dict(data))
        planned = []
        for index in range(len(config.items)):
            planned += plan_steps(
                step.steps, library.node_of, local=f"[{index}].", index=index, group=f"[{index}]", sequential=True
            )
        return plan_of(
            planned,
            failure_policy=config.policy(),
            join=config.join(len(config.items)),
            max_parallel=config.max_concurrency,
        )

    def frame(self, frame: Frame, step: Step, data: Data, library: Library) -> Frame:
        frame.items = list(data["items"])
        frame.item_name = data.get("as")
        return frame

    def response(
        self, step: Step, data: Data, frame: Frame, conclusion: Conclusion, evaluation: EvaluationContext
    ) -> Any:
        plan, results = frame.plan, frame.results
        counts = _counts(plan, results)
        counts["results"] = [_given(plan, group, results) for group in plan.groups]
        return counts


class Sequence(Composite):
    """Steps one after the other, as one step: a phase (F24, F25)."""

    name: ClassVar[str] = "sequence"
    summary: ClassVar[str] = "runs steps one after the other, as one step"
    containers: ClassVar[frozenset[str]] = frozenset({"steps"})
    required_containers: ClassVar[frozenset[str]] = frozenset({"steps"})

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        return plan_of(plan_steps(step.steps, library.node_of, sequential=True))

    def response(
        self, step: Step, data: Data, frame: Frame, conclusion: Conclusion, evaluation: EvaluationContext
    ) -> Any:
        return told(frame.plan, [*frame.plan.steps], frame.results)


def _given(plan: Plan, group: str, results: Mapping[str, Any]) -> Any:
    """What a branch or an item gives: nothing when it failed, whatever its first steps gave."""
    return None if plan.fared(group, results) == "failed" else last_output(plan, plan.groups[group], results)


def _counts(plan: Plan, results: Mapping[str, Any]) -> dict[str, Any]:
    """What a group's steps did (M11)."""
    fared = [plan.fared(group, results) for group in plan.groups]
    good, busy = fared.count("succeeded"), len(fared) - fared.count("idle")
    failures = [
        {"step_id": name, "status": result["status"], "error": result.get("error")}
        for name in plan.steps
        if failed(result := results[name]) and not plan.steps[name].stands_for
    ]
    rest = {
        name: results[name]["status"]
        for name, planned in plan.steps.items()
        if planned.stands_for is None and results[name]["status"] != "completed"
    }
    counts = {
        "total_steps": len(fared),
        "successful_steps": good,
        "failed_steps": busy - good,
        "success_rate": good / busy if busy else 1.0,
        "failures": failures,
    }
    return counts | ({"not_completed": rest} if rest else {})
