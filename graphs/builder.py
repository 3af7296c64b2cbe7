"""Writing a workflow in Python: the same model, and so the same digest, as the YAML that says the same.

```python
order = (
    workflow("order", version="1.0", description="Charge and ship")
    .input({"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]})
    .service_call("charge", "payment-service", "/api/charges", method="POST", payload={"amount": "{{ input.total }}"})
    .approval("ask", "Ship it?", depends_on="charge", wait="24h")
    .parallel("tell", [tool("mail"), tool("crm")], depends_on="ask", min_success=1)
    .output(values={"charge_id": "{{ steps.charge.output.id }}"})
    .build()
)
```

Every method that adds a step is also a function of this module (`map` is `map_items` there), for the steps inside of
others. Where an expression can stand, `from_state(function)` can too; such a workflow cannot be written
as YAML.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypedDict, Unpack

from graphs.building import composites
from graphs.building import steps as make
from graphs.building.composites import case, conditional, loop, map_items, parallel, sequence, sub_workflow, switch
from graphs.building.options import Seconds, failed, from_state, given, made, policy, settled
from graphs.building.steps import (
    agent,
    approval,
    delay,
    emit_event,
    function,
    service_call,
    step,
    tool,
    validation,
    wait_for_event,
)
from graphs.spec import RetryPolicy, Step, Workflow

__all__ = [
    "WorkflowBuilder",
    "agent",
    "approval",
    "case",
    "conditional",
    "delay",
    "emit_event",
    "failed",
    "from_state",
    "function",
    "loop",
    "map_items",
    "parallel",
    "sequence",
    "service_call",
    "settled",
    "step",
    "sub_workflow",
    "switch",
    "tool",
    "validation",
    "wait_for_event",
    "workflow",
]

P = ParamSpec("P")


class MetadataOptions(TypedDict, total=False):
    """Who a definition is, besides its name."""

    version: str
    description: str
    tags: list[str] | tuple[str, ...]
    labels: Mapping[str, str]
    created_at: str
    created_by: str


class TriggerOptions(TypedDict, total=False):
    """Which events of a type start a workflow, and with what."""

    name: str
    condition: str | bool
    input: Mapping[str, Any]


class ConfigOptions(TypedDict, total=False):
    """Limits and defaults of a workflow."""

    timeout: Seconds
    deadline: Seconds
    step_timeout: Seconds
    retry_policy: int | RetryPolicy | Mapping[str, Any]
    max_parallel_steps: int
    failure_policy: Literal["stop", "cancel", "continue"]
    strategy: Literal["auto", "dataflow", "partitioned", "staged"]
    compensate_on_timeout: bool
    compensate_on_cancel: bool


def workflow(name: str, **metadata: Unpack[MetadataOptions]) -> "WorkflowBuilder":
    """Begin a workflow."""
    return WorkflowBuilder(name, **metadata)


def _adding(maker: Callable[P, Step]) -> Callable[Concatenate["WorkflowBuilder", P], "WorkflowBuilder"]:
    """The method that adds what the maker makes; it takes what the maker takes."""

    @wraps(maker)
    def method(self: "WorkflowBuilder", /, *args: P.args, **kwargs: P.kwargs) -> "WorkflowBuilder":
        return self.add(maker(*args, **kwargs))

    return method


class WorkflowBuilder:
    """Puts a workflow together; every method but `build` gives the builder back."""

    def __init__(self, name: str, **metadata: Unpack[MetadataOptions]) -> None:
        self._metadata: dict[str, Any] = {"name": name, **metadata}
        self._spec: dict[str, Any] = {}
        self._steps: list[Step] = []
        self._variables: dict[str, Any] = {}

    def config(self, **options: Unpack[ConfigOptions]) -> Self:
        """Limits and defaults. A number as `retry_policy` counts attempts."""
        values: dict[str, Any] = {**self._spec.get("config", {}), **options}
        if "retry_policy" in options:
            values["retry_policy"] = policy(options["retry_policy"])
        self._spec["config"] = values
        return self

    def input(self, schema: Mapping[str, Any]) -> Self:
        """The JSON Schema of the input."""
        self._spec["input"] = {"schema": dict(schema)}
        return self

    def trigger(self, event: str, **options: Unpack[TriggerOptions]) -> Self:
        """Let an event of that type start the workflow, once it is published and served; may be repeated."""
        self._spec["triggers"] = (*self._spec.get("triggers", ()), {"event": event, **options})
        return self

    def variable(self, name: str, value: Any) -> Self:
        """A variable that every step can read, with its first value."""
        self._variables[name] = value
        return self

    def add(self, *steps: Step) -> Self:
        """Add steps that were made elsewhere."""
        self._steps += steps
        return self

    step = _adding(make.step)
    service_call = _adding(make.service_call)
    validation = _adding(make.validation)
    function = _adding(make.function)
    tool = _adding(make.tool)
    agent = _adding(make.agent)
    approval = _adding(make.approval)
    wait_for_event = _adding(make.wait_for_event)
    emit_event = _adding(make.emit_event)
    delay = _adding(make.delay)
    parallel = _adding(composites.parallel)
    map = _adding(composites.map_items)
    loop = _adding(composites.loop)
    conditional = _adding(composites.conditional)
    switch = _adding(composites.switch)
    sequence = _adding(composites.sequence)
    sub_workflow = _adding(composites.sub_workflow)

    def compensation(self, *steps: Step, include_failed: bool | None = None) -> Self:
        """Steps that clean up when the workflow fails, in this order, after the steps' own compensations.

        Args:
            include_failed: Undo also the steps that failed: they may have acted.
        """
        self._spec["compensation"] = {"steps": steps, **given(include_failed=include_failed)}
        return self

    def finally_(self, *steps: Step) -> Self:
        """Steps that run at the end however it ended, in this order, after the compensation."""
        self._spec["finally"] = steps
        return self

    def output(self, values: Mapping[str, Any] | None = None, *, schema: Mapping[str, Any] | None = None) -> Self:
        """What the workflow gives: expressions that build it, and its JSON Schema."""
        self._spec["output"] = {"values": values, "schema": schema}
        return self

    def build(self) -> Workflow:
        """The workflow.

        Raises:
            DefinitionError: everything the model does not accept. Whether the parts fit together is asked by
                `graphs.validation`, and by the engine before it takes the workflow.
        """
        spec = {**self._spec, "steps": tuple(self._steps), "variables": self._variables}
        document = {"metadata": self._metadata, "spec": spec}
        return made(Workflow, f"workflow '{self._metadata['name']}'", document)
