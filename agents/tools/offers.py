"""The tools an agent is offered, as JSON: what the model is told, and under which conditions a call is made.

Fixed when the agent step opens and kept with its plan, so that a changed registry cannot widen what a running agent
may do.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, Literal, NotRequired, TypedDict

from agents.tools.service_tool import endpoint_tool, undone_by_each_other
from agents.tools.tool_use import ToolApproval, ToolUse
from agents.tools.tools import LONGEST_NAME, Tool, Tools, marked
from agents.tools.undoing import Effect
from graphs.errors import StepError
from graphs.loading.names import suggestion
from graphs.spec import Step, Workflow
from graphs.steps import StepContext

NO_SUCH_STEP: Final = "unknown_step"

WorkflowOf = Callable[[str, str | None], Workflow]

_GRAVITY: Final[tuple[Effect, ...]] = ("none", "reversible", "irreversible")


class Offer(TypedDict):
    """A tool as an agent has it.

    Attributes:
        kind: A registered `tool`, a `workflow`, or a `step` written inside the agent step.
        target: Its name there: of the tool, the workflow, the step.
        uses: The service behind it.
        endpoint: What the agent's definition says of it, where it is an endpoint that was declared there.
        approvals: Rules of `ToolApproval`; a person is asked when any of them says so.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    kind: Literal["tool", "workflow", "step"]
    target: str
    version: NotRequired[str]
    effect: NotRequired[Effect]
    uses: NotRequired[str]
    endpoint: NotRequired[dict[str, Any]]
    approvals: NotRequired[list[dict[str, Any]]]
    max_calls: NotRequired[int]
    timeout: NotRequired[float]
    retry: NotRequired[dict[str, Any]]


def tool_of(offer: Offer) -> str:
    """What is called, under whichever name it is offered: its calls are counted together."""
    if (use := offer.get("endpoint")) is not None:
        return f"{use.get('method', 'GET')} {use['service']} {use['endpoint']}"
    return f"{offer['kind']} {offer['target']}"


def offers(
    context: StepContext, wanted: Iterable[str | Tool | ToolUse], steps: Iterable[Step], workflow: WorkflowOf
) -> list[Offer]:
    """Everything an agent is offered.

    Raises:
        StepError: something named is not there, or two have one name.
    """
    every, inside = list(wanted), {step.name: step for step in steps}
    uses = [one for one in every if isinstance(one, ToolUse)]
    endpoints, said = undone_by_each_other(uses), {use.step for use in uses}
    offered = [_offer(context, one, workflow, endpoints, inside) for one in every]
    offered += [_of_step(step) for name, step in inside.items() if name not in said]
    names = [offer["name"] for offer in offered]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise StepError(f"the agent is given two tools called '{twice[0]}'.", category="validation", code="tool_twice")
    return offered


def _offer(
    context: StepContext,
    wanted: str | Tool | ToolUse,
    workflow: WorkflowOf,
    endpoints: Mapping[str, ToolUse],
    inside: Mapping[str, Step],
) -> Offer:
    if isinstance(wanted, Tool):
        return _of_tool(context, wanted)
    if isinstance(wanted, str):
        return _of_tool(context, context.resource(Tools).get(wanted))
    if wanted.service is not None:
        use = endpoints[wanted.name or ""]
        offer = _of_tool(context, endpoint_tool(use))
        offer["endpoint"] = use.model_dump(mode="json", exclude_defaults=True)
    elif wanted.workflow is not None:
        offer = _of_workflow(workflow(wanted.workflow, wanted.version), wanted)
    elif wanted.step is not None:
        offer = _of_step(_inside(inside, wanted.step))
    else:
        tool = context.resource(Tools).get(wanted.tool or "")
        if tool.undo is not None and wanted.effect == "irreversible":
            words = f"tool '{tool.name}' says what undoes it, and here its effect is 'irreversible'."
            raise StepError(words, category="validation", code="tool_undo")
        offer = _of_tool(context, tool)
    return _narrowed(offer, wanted)


def _of_tool(context: StepContext, tool: Tool) -> Offer:
    offer = Offer(
        name=tool.name,
        description=tool.description,
        parameters=dict(tool.parameters),
        kind="tool",
        target=tool.name,
    )
    if tool.effect is not None:
        offer["effect"] = tool.effect
    if tool.uses is not None:
        offer["uses"] = tool.uses
    if isinstance(tool.undo, str):
        context.resource(Tools).get(tool.undo)  # known now, and not only when it is needed
    if tool.max_calls is not None:
        offer["max_calls"] = tool.max_calls
    if tool.timeout is not None:
        offer["timeout"] = tool.timeout
    if tool.retry is not None:
        offer["retry"] = tool.retry.model_dump(mode="json", exclude_defaults=True)
    if isinstance(tool.approval, ToolApproval):
        offer["approvals"] = [_kept(tool.approval)]
    return offer


def _of_workflow(workflow: Workflow, wanted: ToolUse) -> Offer:
    offer = Offer(
        name=wanted.name or _called(workflow.name),
        description=workflow.metadata.description or f"Runs the workflow '{workflow.name}'.",
        parameters=_object(workflow.spec.input.schema_),
        kind="workflow",
        target=workflow.name,
    )
    if wanted.version is not None:
        offer["version"] = wanted.version
    return offer


def _inside(steps: Mapping[str, Step], name: str) -> Step:
    if name not in steps:
        words, hint = no_such_step(name, steps)
        raise StepError(words, category="validation", code=NO_SUCH_STEP, hint=hint)
    return steps[name]


def no_such_step(name: str, steps: Collection[str]) -> tuple[str, str]:
    """What is wrong with a `ToolUse` of a step that does not stand inside the agent step; and a hint."""
    hint = suggestion(name, steps, "Steps inside") if steps else "They stand under 'steps' of the agent step."
    return f"there is no step '{name}' inside the agent step that could be its tool.", hint


def _of_step(step: Step) -> Offer:
    offer = Offer(
        name=_called(step.name),
        description=step.description or f"Runs the step '{step.name}'.",
        parameters=_object(step.input_schema),
        kind="step",
        target=step.name,
    )
    if step.compensate is not None:
        offer["effect"] = "reversible"
    if step.timeout is not None:
        offer["timeout"] = step.timeout
    return offer


def _called(name: str) -> str:
    """A definition's name as that of a tool; the longest are longer than providers take."""
    plain = name.replace(".", "_")
    return plain if len(plain) <= LONGEST_NAME else marked(plain, name)


def _object(schema: dict[str, Any] | None) -> dict[str, Any]:
    return {"type": "object", "properties": {}} | (schema or {})


def _narrowed(offer: Offer, wanted: ToolUse) -> Offer:
    """What is said where a tool is used narrows what the tool itself says, and never widens it."""
    if wanted.name is not None:
        offer["name"] = wanted.name
    if wanted.description is not None:
        offer["description"] = wanted.description
    if wanted.effect is not None:
        offer["effect"] = max(wanted.effect, offer.get("effect", wanted.effect), key=_GRAVITY.index)
    if wanted.approval is not None:
        offer["approvals"] = [*offer.get("approvals", []), _kept(wanted.approval)]
    if wanted.max_calls is not None:
        offer["max_calls"] = min(wanted.max_calls, offer.get("max_calls", wanted.max_calls))
    if wanted.timeout is not None:
        offer["timeout"] = min(wanted.timeout, offer.get("timeout", wanted.timeout))
    return offer


def _kept(rule: ToolApproval) -> dict[str, Any]:
    return rule.model_dump(mode="json", exclude_defaults=True) | {"when": rule.when}
