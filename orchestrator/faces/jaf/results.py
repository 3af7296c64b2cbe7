"""From the engine's results to those of the document."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from graphs.planner import COMPANION
from graphs.spec import Step, Workflow
from graphs.state import Result
from orchestrator.faces.answering import WITH_HANDLER
from orchestrator.faces.jaf.context import StepResult, WorkflowContext, WorkflowResult
from orchestrator.faces.running import Ended, all_steps


def said(error: Mapping[str, Any]) -> str:
    """A failure as one text, its kind first: handlers look for words such as `timeout` in it."""
    return f"{error.get('category', 'logic')}: {error.get('message', '')}"


def step_result(step_id: str, path: str, result: Result, step: Step | None = None) -> StepResult:
    """One step's result. With its definition, its output is what the document means by it."""
    error, output = result.get("error"), result.get("output")
    return StepResult(
        step_id=step_id,
        status=result["status"],
        output=output if step is None else _output_of(step, output),
        error=said(error) if error else None,
        execution_time_ms=_milliseconds(result.get("started_at"), result.get("ended_at")),
        attempts=result.get("attempts", 0),
        path=path,
    )


def _output_of(step: Step, output: Any) -> Any:
    """What a step gives in the document's sense: an agent its answer, a conditional what the chosen step gave."""
    if not isinstance(output, Mapping):
        return output
    if step.type in ("agent", WITH_HANDLER["agent"]):
        return output.get("answer") if output.get("structured") is None else output["structured"]
    if step.type == "conditional":
        chosen = step.then if output.get("route") == "then" else step.else_
        return _output_of(chosen[-1], output.get("output")) if chosen else output.get("output")
    if step.type == "loop":
        return [_output_of(step.steps[-1], one) for one in output.get("results") or []]
    return output


def _milliseconds(started: str | None, ended: str | None) -> float:
    if not started or not ended:
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds() * 1000


def name_of(path: str) -> str:
    """The step's own name at the end of a path: `check` of `orders[3].check`."""
    return path.rpartition(".")[2].rpartition("]")[2].removesuffix(COMPANION)


class Results:
    """The results of one workflow's own steps, as they come.

    Those inside of conditionals, loops and parallel steps are part of their result; with `nested` they are given too.
    """

    def __init__(self, workflow: Workflow, *, nested: bool = False) -> None:
        self._own_steps = {step.name: step for step in workflow.spec.steps}
        self._steps = {step.name: step for step in all_steps(workflow.spec.steps)} | self._own_steps
        self._nested = nested
        self._given: set[str] = set()

    def new(self, results: Mapping[str, Result]) -> Iterator[StepResult]:
        """Those that were not given before, in the order in which they settled."""
        for path, result in results.items():
            if path not in self._given and self._wanted(path):
                self._given.add(path)
                yield step_result(name_of(path), path, result, self._steps.get(name_of(path)))

    def _wanted(self, path: str) -> bool:
        if path in self._own_steps:
            return True
        subject, companion, named = path.partition(COMPANION)
        if path.startswith("~") or (companion and not named):
            return False  # what it stands for, or what it named, is told
        return self._nested or bool(companion and subject in self._own_steps and not _deeper(named))


def _deeper(named: str) -> bool:
    return any(mark in named[1:] for mark in (".", "[", "~"))


def workflow_result(workflow: Workflow, given: WorkflowContext, ended: Ended) -> WorkflowResult:
    """How the workflow ended."""
    execution, results = ended.execution, ended.results
    steps = workflow.spec.steps
    error = execution.error or {}
    started, finished = execution.started_at or execution.created_at, execution.ended_at
    return WorkflowResult(
        workflow_id=given.workflow_id or workflow.name,
        execution_id=execution.id,
        status=str(execution.status),
        steps=list(Results(workflow).new(results)),
        total_steps=len(steps),
        steps_completed=sum(_completed(step, results) for step in steps),
        execution_time_ms=(finished - started).total_seconds() * 1000 if finished else 0.0,
        context=_context(workflow, given, results),
        output=execution.output,
        error=said(error) if error else None,
    )


def _effective(step: Step, results: Mapping[str, Result]) -> Result | None:
    own = results.get(step.name)
    if own is not None and own["status"] in ("failed", "timed_out"):
        return results.get(f"{step.name}{COMPANION}") or own
    return own


def _completed(step: Step, results: Mapping[str, Result]) -> bool:
    result = _effective(step, results)
    return result is not None and result["status"] == "completed"


def _context(workflow: Workflow, given: WorkflowContext, results: Mapping[str, Result]) -> WorkflowContext:
    """What was given, with what the steps have set: they run one after the other, so the last one wins."""
    variables = {**workflow.spec.variables, **given.variables}
    for step in workflow.spec.steps:
        if (result := _effective(step, results)) is not None:
            variables |= result.get("variables") or {}
    return WorkflowContext(
        workflow_id=given.workflow_id,
        user_context=given.user_context,
        variables=variables,
        metadata=given.metadata,
        initial_data=given.initial_data,
    )
