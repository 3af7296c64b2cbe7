"""Whether something may have to be undone, asked while a composite step opens."""

from collections.abc import Iterator

from graphs.composites.base import Data
from graphs.composites.subworkflow import SubWorkflow, workflow_of
from graphs.prepare import Library
from graphs.spec import Step, Workflow


def undoable(step: Step, data: Data, library: Library) -> bool:
    """Whether something inside a composite step may have to be undone, so that what it opened with must be kept."""
    if "definition" in data:
        return _holds_undoable(workflow_of(data, library))
    if "digest" in data and (workflow := library.workflow(data["digest"])) is not None:
        return library.remember("undoable", workflow.digest, lambda: _holds_undoable(workflow))
    return bool(data.get("steps") or data.get("keep")) or any(_undoable(inner) for inner in _inside(step))


def _holds_undoable(workflow: Workflow) -> bool:
    return bool(workflow.spec.compensation.steps) or any(map(_undoable, workflow.spec.steps))


def _undoable(step: Step) -> bool:
    # What another workflow says is known only when it opens.
    found = step.compensate is not None or step.type == SubWorkflow.name or "steps_from" in step.config
    found = found or (step.on_timeout is not None and step.on_timeout.compensation_workflow is not None)
    return found or any(_undoable(inner) for inner in _inside(step))


def _inside(step: Step) -> Iterator[Step]:
    for _, steps in step.containers():
        yield from steps
    if step.answer is not None:
        yield step.answer
