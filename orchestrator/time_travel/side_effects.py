"""What has changed something outside before, and would do so once more when work starts again from a step."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from graphs.composites import Composite
from graphs.planner import COMPANION
from graphs.prepare import Library
from graphs.spec import Step, Workflow
from graphs.state import COMPENSATION, Happened, Result, follows_the_end, join_path
from graphs.steps import StepType
from orchestrator.time_travel.anew import Anew, is_inside

_TOOL_CALL: Final = re.compile(r"\[\d+\]\.[A-Za-z0-9_-]+-\d+$")


def side_effects_again(
    workflows: Iterable[Workflow],
    anew: Anew,
    results: Mapping[str, Result],
    history: Sequence[Happened],
    library: Library,
) -> list[str]:
    """Paths of steps that are made anew and have changed something outside, or may have; in the order they did.

    Args:
        workflows: The definition, and those of the sub-workflows it runs.
        anew: What is made anew.
        results, history: What the execution did.
    """
    acting = _acting(workflows, library)
    noted = {deed.path for deed in history if deed.kind == "effect" and not deed.superseded}
    gone = [path for path in results if any(path == top or is_inside(path, top) for top in anew.below)]
    return [
        path
        for path in gone
        if not follows_the_end(path)
        and _was_tried(results[path])
        and (path in noted or _local(path) in acting or _TOOL_CALL.search(path))
    ]


def cleaned_up(workflow: Workflow, anew: Anew, results: Mapping[str, Result]) -> list[str]:
    """Paths of what cleaned up after an execution as a whole, where it was done for good while other steps stay as they
    were: of these nobody knows what is left.

    Args:
        workflow, anew, results: As for `side_effects_again`.
    """
    stays = any(
        "." not in path and result["status"] == "completed" and not follows_the_end(path) and not anew.takes(path)
        for path, result in results.items()
    )
    named = [step.on_timeout.compensation_workflow for step in _all_steps(workflow.spec.steps) if step.on_timeout]
    cleaning = [*(step.name for step in workflow.spec.compensation.steps), *filter(None, named)]
    paths = [join_path(COMPENSATION, name) for name in dict.fromkeys(cleaning)]
    return [path for path in paths if stays and path in results and results[path]["status"] == "completed"]


def _acting(workflows: Iterable[Workflow], library: Library) -> set[str]:
    """Names of steps that change something outside, or of which nobody knows that they do not."""
    steps = [step for workflow in workflows for step in _all_steps(workflow.spec.steps)]
    return {step.name for step in steps if step.sensitive or _acts(step, library.kind(step))}


def _acts(step: Step, kind: StepType) -> bool:
    return not isinstance(kind, Composite) and kind.acts(step) is not False and not kind.computes(step)


def _all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _all_steps(inner for _, inside in step.containers() for inner in inside)
        if step.on_failure.fallback is not None:
            yield from _all_steps([step.on_failure.fallback])


def _local(path: str) -> str:
    return re.split(r"[.\]]", path)[-1].removesuffix(COMPANION)


def _was_tried(result: Result) -> bool:
    return result["status"] != "skipped" and result.get("reason") != "halted"
