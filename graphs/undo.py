"""Which compensations are due when a plan has ended badly, and in which order. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from graphs.planner import Conclusion, Need, Plan, PlannedStep
from graphs.prepare import Library
from graphs.spec import Step, Workflow
from graphs.state import Result

COMPENSATION = "~compensation"
"""The name of the plan that compensates, in paths: `~compensation.refund`."""


def compensations(
    workflow: Workflow,
    plan: Plan,
    results: Mapping[str, Result],
    order: Sequence[str],
    conclusion: Conclusion,
    library: Library,
) -> list[PlannedStep]:
    """The steps that undo, one after the other, each also when the one before it failed (E10, E11, E12, E14).

    Args:
        order: Names of the settled steps, in the order in which their results were committed.
    """
    named = _named_workflow(plan, conclusion)
    if named is not None:
        steps: list[tuple[Step, str | None]] = [(named, None)]
    else:
        steps = [*_undoing(plan, results, order), *((step, None) for step in workflow.spec.compensation.steps)]
    planned: list[PlannedStep] = []
    taken: set[str] = set()
    for step, undoes in steps:
        # Two steps may be undone by compensations of the same name.
        name = step.name if step.name not in taken else f"{step.name}-{undoes or len(taken)}"
        needs = (Need(planned[-1].name, "settled"),) if planned else ()
        planned.append(PlannedStep(name, step, library.node_of(step), needs, undoes=undoes))
        taken.add(name)
    return planned


def _undoing(plan: Plan, results: Mapping[str, Result], order: Sequence[str]) -> Iterator[tuple[Step, str]]:
    for name in reversed(order):
        step = plan.steps[name].step
        if step.compensate is not None and results[name]["status"] == "completed":
            yield step.compensate, name


def _named_workflow(plan: Plan, conclusion: Conclusion) -> Step | None:
    """E05, E14: the step that ran out of time may name a workflow that cleans up in place of everything else."""
    if conclusion.step is None or conclusion.status != "timed_out":
        return None
    on_timeout = plan.steps[conclusion.step].step.on_timeout
    if on_timeout is None or on_timeout.compensation_workflow is None:
        return None
    given = on_timeout.compensation_input
    if given is None:
        names = [name for name, planned in plan.steps.items() if planned.stands_for is None]
        outputs = {name: f"{{{{ steps.{name}.output | default(none) }}}}" for name in names if name.isidentifier()}
        given = {"input": "{{ input }}", "steps": outputs}
    return Step(
        name=on_timeout.compensation_workflow.replace(".", "-"),
        type="workflow",
        config={"workflow": on_timeout.compensation_workflow, "input": given},
    )
