"""What is made anew when work starts again from some steps: pure questions to a definition and its results.

For `orders[3].charge` that is the charge, what follows it among the steps of item 3, the step `orders` itself (its
other items stay), and everything downstream of `orders`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from graphs.composites import Composite
from graphs.composites.groups import Map, Parallel
from graphs.composites.loops import Loop
from graphs.composites.subworkflow import SubWorkflow, root_plan
from graphs.planner import Plan, PlannedStep, ordered, plan_steps
from graphs.prepare import Library
from graphs.spec import Step, Workflow
from graphs.state import COMPENSATION, FINALLY, Result, follows_the_end, join_path

Results = Mapping[str, Result]
Pinned = Callable[[str, str | None], Workflow | None]
_BAD = ("failed", "timed_out", "cancelled")


@dataclass(slots=True)
class Anew:
    """Paths whose results go: `below` with everything inside them, `alone` without (what is inside of these stays)."""

    below: list[str] = field(default_factory=lambda: [COMPENSATION, FINALLY])
    alone: list[str] = field(default_factory=list)
    steps: tuple[str, ...] = ()
    """Those that work starts again from."""
    whole: dict[str, str] = field(default_factory=dict)
    """Of those that are gone on with: the ones that say how they are undone as a whole, and by what."""
    after_undoing: bool = False
    """Whether some of it has been undone: it goes under new idempotency keys."""

    def takes(self, path: str) -> bool:
        """Whether the result at a path goes."""
        return path in self.alone or any(path == top or is_inside(path, top) for top in self.below)


def made_anew(workflow: Workflow, paths: Iterable[str], results: Results, library: Library, pinned: Pinned) -> Anew:
    """What has to go so that these steps, and all that follows from them, are done again."""
    anew = Anew(steps=tuple(paths))
    for path in anew.steps:
        _walk(anew, path, root_plan(workflow, library), results, library, pinned)
    anew.below = list(dict.fromkeys(anew.below))
    anew.alone = list(dict.fromkeys(anew.alone))
    return anew


def _walk(anew: Anew, path: str, plan: Plan, results: Results, library: Library, pinned: Pinned) -> None:
    around = ""
    while (name := _named(plan, around, path)) is not None:
        here = join_path(around, name)
        others = [join_path(around, other) for other in _downstream(plan, name) if other != name]
        anew.below += others
        if here == path:
            anew.below.append(path)
            return
        anew.alone.append(here)
        if (undo := plan.steps[name].step.compensate) is not None:
            anew.whole[here] = undo.name
        if isinstance(library.kind(plan.steps[name].step), SubWorkflow):
            anew.below.append(join_path(here, FINALLY))
        inside = _inside(plan.steps[name].step, here, path, results, library, pinned)
        plan, around = Plan(ordered(inside)), here
    if follows_the_end(path):
        return
    # A step that the definition does not show (made at run time): whatever was committed after it may depend on it.
    order = list(results)
    anew.below += [other for other in order[order.index(path) :] if is_inside(other, around)]


def look_for_half_done(anew: Anew, workflow: Workflow, results: Results, library: Library, pinned: Pinned) -> None:
    """Find what has not settled, is undone as a whole, and has something inside that stays."""
    kept = [path for path in results if not anew.takes(path) and not path.startswith("~")]

    def holds(steps: Iterable[Step]) -> bool:
        return any(
            isinstance(library.kind(step), Composite)
            and (step.compensate is not None or holds(_written_in(step, pinned)))
            for step in steps
        )

    def look(steps: Mapping[str, PlannedStep], around: str, paths: list[str]) -> None:
        for name, planned in steps.items():
            here, step = join_path(around, name), planned.step
            inner = [path for path in paths if is_inside(path, here)]
            if not inner or here in paths:
                continue
            if step.compensate is not None:
                anew.whole[here] = step.compensate.name
            elif holds(_written_in(step, pinned)):
                look(ordered(_inside(step, here, inner[0], results, library, pinned)), here, inner)

    look(root_plan(workflow, library).steps, "", kept)


def _written_in(step: Step, pinned: Pinned) -> Iterable[Step]:
    """The steps inside a composite step, as far as the definition shows them."""
    yield from (inner for _, steps in step.containers() for inner in steps)
    if step.type == SubWorkflow.name and (workflow := _run_by(step, pinned)) is not None:
        yield from workflow.spec.steps


def _run_by(step: Step, pinned: Pinned) -> Workflow | None:
    version = step.config.get("version")
    # One that is known only at run time (`definition`, a name by an expression) is not found.
    return pinned(str(step.config.get("workflow", "")), None if version is None else str(version))


def _named(plan: Plan, around: str, path: str) -> str | None:
    """The step of a plan that a path is, or is inside of."""
    fits = [name for name in plan.steps if path == (here := join_path(around, name)) or is_inside(path, here)]
    return max(fits, key=len, default=None)


def _downstream(plan: Plan, name: str) -> list[str]:
    gone = {name}
    for other in plan.steps:
        if any(need in gone for need in plan.awaits(other)):
            gone.add(other)
    return [other for other in plan.steps if other in gone]


def _inside(
    step: Step, here: str, path: str, results: Results, library: Library, pinned: Pinned
) -> Iterable[PlannedStep]:
    """The steps of the plan inside a composite step, as far as the definition and the results show them."""
    kind = library.kind(step)
    if isinstance(kind, SubWorkflow):
        workflow = _run_by(step, pinned)
        return root_plan(workflow, library).steps.values() if workflow is not None else ()
    cut = len(here) + 1
    indexes = {int(other[cut : other.index("]", cut)]) for other in results if other.startswith(f"{here}[")}
    if isinstance(kind, Loop):
        return kind.plan(step, {"iterations": max(indexes, default=-1) + 1}, library).steps.values()
    if isinstance(kind, Map):
        return [planned for index in sorted(indexes) for planned in _item(step, index, library)]
    if isinstance(kind, Parallel):
        planned = plan_steps(step.steps, library.node_of)
        for branch, steps in step.branches.items():
            planned += plan_steps(steps, library.node_of, local=f"{branch}.", sequential=True)
        return planned
    ways = [plan_steps(steps, library.node_of, sequential=True) for _, steps in step.containers()]
    # A name may stand in `then` and in `else`: what has results says which way was gone.
    return max(ways, key=lambda way: sum(_is_of(other, way, here) for other in {path, *results}), default=())


def _is_of(path: str, planned: Iterable[PlannedStep], here: str) -> bool:
    return any(path == (at := join_path(here, item.name)) or is_inside(path, at) for item in planned)


def _item(step: Step, index: int, library: Library) -> list[PlannedStep]:
    return plan_steps(step.steps, library.node_of, local=f"[{index}].", index=index, sequential=True)


def is_inside(path: str, around: str) -> bool:
    """Whether a path stands below another: `orders[3].charge` below `orders`, and `orders2` not."""
    return not around or path.startswith((f"{around}.", f"{around}["))


def failed_paths(workflow: Workflow, results: Results, library: Library) -> list[str]:
    """The innermost steps that failed, or were not done because others failed."""
    plan = root_plan(workflow, library)
    tops = [
        name
        for name, planned in plan.steps.items()
        if name in results and not planned.stands_for and _undone(results[name]) and not results[name].get("continued")
    ]
    found: list[str] = []
    for top in tops:
        # What a failure was told to (an agent) went on from it: it is not why the step failed.
        below = [
            path
            for path, result in results.items()
            if is_inside(path, top) and _undone(result) and not result.get("continued")
        ]
        inner = [path for path in below if not any(is_inside(other, path) for other in below)]
        found += inner or [top]
    return found


def _undone(result: Result) -> bool:
    return result["status"] in _BAD or result.get("reason") in ("upstream", "halted")
