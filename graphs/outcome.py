"""What an execution (or a sub-workflow) gives in the end."""

from collections.abc import Mapping
from typing import Any

from graphs.errors import InputError, StepError
from graphs.expressions import EvaluationContext, mask
from graphs.inputs import check_output
from graphs.prepare import Value
from graphs.scope import Frame
from graphs.spec import Workflow
from graphs.state_view import StateView
from graphs.values import json_value


def workflow_output(workflow: Workflow, frame: Frame, evaluation: EvaluationContext) -> Any:
    """The output of a workflow whose plan has completed.

    `spec.output.values` build it (X10). Without them, each property of the output schema is the variable of that
    name, or the one step output that has such a field; without a schema, it is the output of the last steps.

    Raises:
        StepError: it does not fit the output schema (D11).
        ExpressionError: a value cannot be evaluated.
    """
    spec = workflow.spec.output
    if spec.values is not None:
        names = frame.names(None)
        output = Value(spec.values).render(names, evaluation, lambda: StateView(frame, None, names))
    elif spec.schema_ is not None and "properties" in spec.schema_:
        output = _by_name(spec.schema_["properties"], frame)
    else:
        output = _last_outputs(frame)
    output = json_value(mask(output))
    try:
        check_output(spec.schema_, output)
    except InputError as error:
        raise StepError(error.message, category="logic", code="output_invalid", hint=error.hint) from error
    return output


def _by_name(properties: Mapping[str, Any], frame: Frame) -> dict[str, Any]:
    variables = frame.variables_at(None)
    output = {}
    for name in properties:
        found = [
            result["output"][name]
            for result in frame.results.values()
            if isinstance(result.get("output"), Mapping) and name in result["output"]
        ]
        if name in variables:
            output[name] = variables[name]
        elif len(found) == 1:
            output[name] = found[0]
    return output


def _last_outputs(frame: Frame) -> Any:
    plan = frame.plan
    needed = {need.step for planned in plan.steps.values() if not planned.stands_for for need in planned.needs}
    ends = [name for name, planned in plan.steps.items() if name not in needed and planned.stands_for is None]
    given = {
        name: plan.effective(name, frame.results)["output"]
        for name in ends
        if name in frame.results and "output" in plan.effective(name, frame.results)
    }
    return next(iter(given.values())) if len(ends) == 1 and given else given
