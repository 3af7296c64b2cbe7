"""What the past of a workflow says could be better about it (O16). Pure: it advises, and changes nothing.

A definition that says `optimization: "off"` in its labels (the course's `optimization_enabled=False`) gets none.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from graphs.durations import format_duration
from graphs.spec import Step, Workflow
from graphs.steps import StepTypes

OFF: Final = ("optimization", "off")
"""The label of workflows that want no advice."""

_ENOUGH: Final = 5
"""Runs of a step before anything is said of it."""
_OFTEN: Final = 0.1
_PASSING: Final = frozenset({"transient", "dependency", "resource", "timeout"})
_TIGHT: Final = 0.8
_LOOSE: Final = 20
_LONG_QUEUE: Final = 1.0
_WORTH: Final = 0.5
"""Seconds that must be won before two steps are advised to run side by side."""


@dataclass(slots=True)
class StepPast:
    """How a step went so far; `[]` in its path stands for every item.

    Attributes:
        seconds: At work, of each run that completed.
        failed: By category.
        attempts: In all.
        queued: Seconds it waited for a place, in all.
    """

    path: str
    runs: int = 0
    attempts: int = 0
    queued: float = 0.0
    seconds: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    def slowest(self, share: float) -> float:
        """The time within which that share of its runs was done."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0

    @property
    def mean(self) -> float:
        return sum(self.seconds) / len(self.seconds) if self.seconds else 0.0


def past_of_steps(settled: Iterable[tuple[str, str, Mapping[str, Any]]]) -> dict[str, StepPast]:
    """What is known of steps, out of how they settled: path, status, and what was measured."""
    found: dict[str, StepPast] = {}
    for path, status, measured in settled:
        plain = re.sub(r"\[\d+\]", "[]", path)
        past = found.setdefault(plain, StepPast(plain))
        past.runs += 1
        past.attempts += measured["attempts"]
        past.queued += measured["queued"]
        if status == "completed" and measured["started_at"] and measured["ended_at"]:
            began, ended = (datetime.fromisoformat(measured[key]) for key in ("started_at", "ended_at"))
            past.seconds.append((ended - began).total_seconds())
        elif status != "completed":
            past.failed["timeout" if status == "timed_out" else str(measured["category"] or "logic")] += 1
    return found


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that could be better: where, why, and what to write."""

    step: str
    why: str
    change: str

    def as_dict(self) -> dict[str, str]:
        return {"step": self.step, "why": self.why, "change": self.change}


def advise(workflow: Workflow, past: Mapping[str, StepPast], step_types: StepTypes) -> list[Advice]:
    """Everything worth saying, by step in the order in which they are written."""
    if workflow.metadata.labels.get(OFF[0]) == OFF[1]:
        return []
    found: list[Advice] = []
    for path, step in _paths(workflow.steps, ""):
        if (known := past.get(path)) is not None and known.runs >= _ENOUGH:
            found += _of_step(workflow, path, step, known)
    return found + list(_of_order(workflow.steps, past, step_types))


def _paths(steps: Sequence[Step], above: str) -> Iterator[tuple[str, Step]]:
    for step in steps:
        path = f"{above}{step.name}"
        yield path, step
        for key, inner in step.containers():
            branch = f".{key.partition('.')[2]}" if key.startswith("branches.") else ""
            yield from _paths(inner, f"{path}{'[]' if step.type in ('map', 'loop') else branch}.")


def _of_step(workflow: Workflow, path: str, step: Step, past: StepPast) -> Iterator[Advice]:
    failed, runs = sum(past.failed.values()), past.runs
    passing = sum(count for category, count in past.failed.items() if category in _PASSING)
    retried = step.retry is not None or workflow.spec.config.retry_policy is not None
    if passing / runs >= _OFTEN and not retried and not any(True for _ in step.containers()):
        kinds = ", ".join(sorted(category for category in past.failed if category in _PASSING))
        why = f"{passing} of {runs} runs failed with what may pass ({kinds}), and it is tried once"
        yield Advice(path, why, "retry: {max_attempts: 3}")
    elif failed / runs >= _OFTEN and passing < failed and step.on_failure.action == "terminate":
        why = f"{failed} of {runs} runs failed, and that ends the workflow"
        yield Advice(path, why, "on_failure: a fallback, escalate, or continue")
    if step.timeout is not None and past.seconds:
        slow = past.slowest(0.95)
        if slow > _TIGHT * step.timeout:
            why = f"one run in twenty takes {slow:.3g} s or more, of {format_duration(step.timeout)} that it may take"
            yield Advice(path, why, f"timeout: {math.ceil(slow * 3)}")
        elif step.timeout > 60 and slow * _LOOSE < step.timeout:
            why = f"it may take {format_duration(step.timeout)}, and 95 % of its runs were done in {slow:.3g} s"
            yield Advice(path, why, f"timeout: {max(math.ceil(slow * 5), 10)}")
    if past.queued / runs >= _LONG_QUEUE:
        why = f"it waits {past.queued / runs:.3g} s on average for a place to act in"
        yield Advice(path, why, "a larger limit: config.max_parallel_steps, max_concurrency, or BATON_LIMITS")


def _of_order(steps: Sequence[Step], past: Mapping[str, StepPast], types: StepTypes) -> Iterator[Advice]:
    """Steps that wait for others of which they read nothing."""
    by_name = {step.name: step for step in steps}
    for step in steps:
        read = _read_by(step)
        for need in step.depends_on:
            before = by_name.get(need.step)
            if before is None or need.step in read or need.outcome != "succeeded":
                continue
            if ("vars." in _text(step) and _sets_variables(before)) or (_acts(step, types) and _acts(before, types)):
                continue
            won = min(past[one].mean if one in past else 0.0 for one in (step.name, before.name))
            enough = all(one in past and past[one].runs >= _ENOUGH for one in (step.name, before.name))
            if enough and won >= _WORTH:
                why = f"it waits for '{before.name}' and reads nothing of it; side by side they win {won:.3g} s"
                yield Advice(step.name, why, f"leave '{before.name}' out of depends_on")


def _text(step: Step) -> str:
    return orjson.dumps(step.model_dump(mode="json", by_alias=True, exclude_defaults=True), default=str).decode()


def _read_by(step: Step) -> set[str]:
    found = re.findall(r"""\bsteps\s*(?:\.\s*([\w-]+)|\[\s*\\?['"]([^'"\\]+))""", _text(step))
    return {name or other for name, other in found}


def _sets_variables(step: Step) -> bool:
    return bool(step.variables) or any(_sets_variables(inner) for _, steps in step.containers() for inner in steps)


def _acts(step: Step, types: StepTypes) -> bool:
    kind: Any = types.get(step.type)
    inside = any(_acts(inner, types) for _, steps in step.containers() for inner in steps)
    return step.sensitive or inside or kind is None or kind.acts(step) is not False
