"""`workflow`: another workflow as a step, with its own input and output (F24); or one made at run time (F22)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from graphs.composites.base import Composite, Data, Opening, plan_of
from graphs.composites.made import made_workflow
from graphs.errors import InputError, StepError
from graphs.expressions import EvaluationContext
from graphs.inputs import check_input
from graphs.outcome import workflow_output
from graphs.planner import Conclusion, Plan, plan_steps
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Step, Workflow
from graphs.state import Result
from graphs.steps import StepConfig

_OWN_CALL: Final = re.compile(r"\]\.(model|summary|budget)$")
"""What an agent, or a switch that asks a model, does for itself."""


class SubWorkflowConfig(StepConfig):
    """Which workflow, which version (the newest published at the execution's start), and its input.

    `definition` in place of `workflow`: the workflow itself, as JSON values that are known only at run time.
    """

    workflow: str | None = None
    version: str | None = None
    definition: dict[str, Any] | None = None
    input: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.workflow is None) == (self.definition is None):
            raise ValueError("give one of 'workflow' and 'definition'")
        if self.version is not None and self.workflow is None:
            raise ValueError("'version' goes with 'workflow'")
        return self


class SubWorkflow(Composite):
    """A workflow inside a workflow: its steps are part of this execution, and it sees its own input only."""

    name: ClassVar[str] = "workflow"
    summary: ClassVar[str] = "runs another workflow as one step"
    Config = SubWorkflowConfig
    takes = ("input",)
    isolated: ClassVar[bool] = True

    def acts(self, step: Step) -> bool | None:
        return None

    async def open(self, opening: Opening) -> Data:
        config: SubWorkflowConfig = opening.config
        made = config.definition is not None
        if config.definition is not None:
            workflow = made_workflow(opening, config.definition)
        else:
            workflow = opening.workflow(config.workflow or "", config.version)
        try:
            given = check_input(workflow.spec.input.schema_, config.input)
        except InputError as error:
            raise StepError(
                f"step '{opening.step.name}': workflow '{workflow.name}' does not take this input: {error.message}",
                category="validation",
                code="input_invalid",
            ) from error
        data: dict[str, Any] = {"digest": workflow.digest, "input": given}
        return data | ({"definition": workflow.as_document()} if made else {})

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        workflow = workflow_of(data, library)
        # What is made for one execution must not stay with the library for ever.
        plan = _root_plan(workflow, library) if "definition" in data else root_plan(workflow, library)
        # Under the limit of the execution in any case; its own is one where it says one.
        config = workflow.spec.config
        said = "max_parallel_steps" in config.model_fields_set
        return replace(plan, max_parallel=config.max_parallel_steps) if said else plan

    def frame(self, frame: Frame, step: Step, data: Data, library: Library) -> Frame:
        workflow = workflow_of(data, library)
        frame.input = data["input"]
        frame.variables = workflow.spec.variables
        frame.config = workflow.spec.config
        if frame.config.budget is not None:
            frame.budgets = {**frame.budgets, frame.path: frame.config.budget}
        frame.workflow = workflow
        frame.parent = None
        return frame

    def tells_all(self, data: Data, conclusion: Conclusion) -> bool:
        return conclusion.status != "completed" and "definition" in data

    def response(
        self, step: Step, data: Data, frame: Frame, conclusion: Conclusion, evaluation: EvaluationContext
    ) -> Any:
        if self.tells_all(data, conclusion):
            return {"steps": _came_to(frame)}  # whoever made it may go on from there
        if conclusion.status != "completed" or frame.workflow is None:
            return None
        return workflow_output(frame.workflow, frame, evaluation)


def _came_to(frame: Frame) -> dict[str, Any]:
    """What each step of the plan came to."""
    plan, results = frame.plan, frame.results
    found = {}
    for name, planned in plan.steps.items():
        if name in results and planned.stands_for is None:
            result = plan.effective(name, results)
            told = {key: result[key] for key in ("status", "output") if key in result}
            found[name] = told | ({"error": result["error"].get("message")} if "error" in result else {})
            if inside := _inside(planned.step, frame.below):
                found[name]["inside"] = inside
    return found


def _inside(step: Step, results: Mapping[str, Result]) -> dict[str, Any]:
    """What came of each step inside one of the plan's, however deep, by its path; `pending` where nothing did."""
    below = (f"{step.name}.", f"{step.name}[")
    names = {inner.name for inner in _within(step)}
    found: dict[str, Any] = {}
    for path, result in results.items():
        name = path.rpartition(".")[2]
        if path.startswith(below) and "~" not in path and (name in names or not _OWN_CALL.search(path)):
            found[path] = {key: result[key] for key in ("status", "output") if key in result}
    begun = {path.rpartition(".")[2] for path in found}
    return found | {f"{step.name}.{name}": {"status": "pending"} for name in sorted(names - begun)}


def _within(step: Step) -> Iterator[Step]:
    for _, steps in step.containers():
        for inner in steps:
            yield inner
            yield from _within(inner)


def workflow_of(data: Data, library: Library) -> Workflow:
    """The workflow that such a step has opened."""
    if (document := data.get("definition")) is not None:
        return Workflow.model_validate(document)
    workflow = library.workflow(data["digest"])
    if workflow is None:
        raise StepError(
            f"the definition {data['digest'][:12]} of a sub-workflow is not at hand.", code="definition_missing"
        )
    return workflow


def root_plan(workflow: Workflow, library: Library) -> Plan:
    """The plan of a whole workflow; made once for all its executions."""
    return library.remember("plan", workflow.digest, lambda: _root_plan(workflow, library))


def _root_plan(workflow: Workflow, library: Library) -> Plan:
    """The plan of a whole workflow."""
    config = workflow.spec.config
    return plan_of(
        plan_steps(workflow.steps, library.node_of),
        failure_policy=config.failure_policy,
        staged=config.strategy == "staged",
    )
