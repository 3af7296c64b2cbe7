"""`workflow`: another workflow as a step, with an input and an output of its own (F24)."""

from typing import Any, ClassVar

from pydantic import Field

from graphs.composites.base import Composite, Data, Opening, plan_of
from graphs.errors import InputError, StepError
from graphs.expressions import EvaluationContext
from graphs.inputs import check_input
from graphs.outcome import workflow_output
from graphs.planner import Conclusion, Plan, plan_steps
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Step, Workflow
from graphs.steps import StepConfig


class SubWorkflowConfig(StepConfig):
    """Which workflow, which version (the newest published at the execution's start), and its input."""

    workflow: str
    version: str | None = None
    input: dict[str, Any] = Field(default_factory=dict)


class SubWorkflow(Composite):
    """A workflow inside a workflow: its steps are part of this execution, and it sees its own input only."""

    name: ClassVar[str] = "workflow"
    summary: ClassVar[str] = "runs another workflow as one step"
    Config = SubWorkflowConfig
    isolated: ClassVar[bool] = True

    async def open(self, opening: Opening) -> Data:
        config: SubWorkflowConfig = opening.config
        workflow = opening.workflow(config.workflow, config.version)
        try:
            given = check_input(workflow.spec.input.schema_, config.input)
        except InputError as error:
            raise StepError(
                f"step '{opening.step.name}': workflow '{workflow.name}' does not take this input: {error.message}",
                category="validation",
                code="input_invalid",
            ) from error
        return {"digest": workflow.digest, "input": given}

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        return root_plan(_workflow(data, library), library)

    def frame(self, frame: Frame, step: Step, data: Data, library: Library) -> Frame:
        workflow = _workflow(data, library)
        frame.input = data["input"]
        frame.variables = workflow.spec.variables
        frame.config = workflow.spec.config
        frame.workflow = workflow
        frame.parent = None
        return frame

    def response(
        self, step: Step, data: Data, frame: Frame, conclusion: Conclusion, evaluation: EvaluationContext
    ) -> Any:
        if conclusion.status != "completed" or frame.workflow is None:
            return None
        return workflow_output(frame.workflow, frame, evaluation)


def _workflow(data: Data, library: Library) -> Workflow:
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
