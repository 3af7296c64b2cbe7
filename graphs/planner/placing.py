"""From steps as they are written to steps in their places."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from graphs.errors import EngineError
from graphs.planner.planned import COMPANION, Need, PlannedStep
from graphs.spec import Step
from graphs.steps import Node


def plan_steps(
    steps: Sequence[Step],
    node_of: Callable[[Step], Node],
    *,
    local: str = "",
    index: int | None = None,
    group: str | None = None,
    sequential: bool = False,
) -> list[PlannedStep]:
    """Put steps in their places.

    Args:
        steps: A list of the definition, in the order it is written.
        node_of: Which of the six nodes performs a step of this type.
        local: What stands before their names in the plan.
        index, group: As in `PlannedStep`.
        sequential: Each step without dependencies of its own needs the one before it (branches, loop bodies).
    """
    planned: list[PlannedStep] = []
    follows = _links(steps)
    jumped_to: dict[str, list[str]] = {}
    for step in steps:
        if step.on_failure.goto is not None:
            jumped_to.setdefault(step.on_failure.goto, []).append(step.name)
    previous: str | None = None
    for step in steps:
        needs = [Need(local + need.step, need.outcome) for need in step.depends_on]
        needs += [
            Need(local + name, "succeeded") for name in follows.get(step.name, ()) if local + name not in _of(needs)
        ]
        if sequential and not needs and previous is not None:
            needs = [Need(local + previous, "succeeded")]
        jumps = jumped_to.get(step.name, ())
        needs += [Need(local + name, "settled") for name in jumps if local + name not in _of(needs)]
        name = local + step.name
        planned.append(PlannedStep(name, step, node_of(step), tuple(needs), local, index, group))
        if (companion := companion_of(planned[-1], node_of)) is not None:
            planned.append(companion)
        previous = step.name
    return planned


def companion_of(subject: PlannedStep, node_of: Callable[[Step], Node]) -> PlannedStep | None:
    """The step that answers a planned step's failure, if there is one."""
    fallback = subject.step.answer
    if fallback is None:
        return None
    # Whoever waits for the world outside does so in the one node that interrupts, also as a fallback.
    node: Node = "human_approval" if node_of(fallback) == "human_approval" else "error_recovery"
    return replace(
        subject,
        name=subject.name + COMPANION,
        step=fallback,
        node=node,
        needs=(Need(subject.name, "failed"),),
        stands_for=subject.name,
    )


def _of(needs: Iterable[Need]) -> set[str]:
    return {need.step for need in needs}


def _links(steps: Sequence[Step]) -> dict[str, list[str]]:
    follows: dict[str, list[str]] = {}
    for step in steps:
        for successor in step.next:
            follows.setdefault(successor, []).append(step.name)
    return follows


def ordered(planned: Iterable[PlannedStep]) -> dict[str, PlannedStep]:
    """By name, each after everything it needs; otherwise in the order given.

    Raises:
        EngineError: needs that are circular, or name no step of the plan (validation finds these earlier).
    """
    steps = {step.name: step for step in planned}
    missing = dict.fromkeys(steps, 0)
    dependents: dict[str, list[str]] = {}
    for step in steps.values():
        for need in step.needs:
            if need.step not in steps:
                raise EngineError(f"step '{step.name}' needs '{need.step}', which is not in its plan.")
            missing[step.name] += 1
            dependents.setdefault(need.step, []).append(step.name)
    queue = [name for name, count in missing.items() if not count]
    order: dict[str, PlannedStep] = {}
    for name in queue:
        order[name] = steps[name]
        for dependent in dependents.get(name, ()):
            missing[dependent] -= 1
            if not missing[dependent]:
                queue.append(dependent)
    if len(order) < len(steps):
        rest = [name for name in steps if name not in order]
        raise EngineError(f"the steps {', '.join(rest)} need each other in a circle.")
    return order
