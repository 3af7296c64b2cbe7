"""The state of an execution as Python callables see it."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from graphs.planner import PlannedStep
from graphs.scope import Frame


class StateView(Mapping[str, Any]):
    """The state as Python callables see it (X02): one mapping over the input and the variables, variables winning.

    Attributes:
        variables, input, outputs: The three by themselves; `outputs` by step name.
        user_context, metadata, workflow_id, execution_id: Facts of the execution.
    """

    def __init__(self, frame: Frame, planned: PlannedStep | None, names: Mapping[str, Any]) -> None:
        self._frame = frame
        self._planned = planned
        self._names = names
        self.input = frame.input
        self.user_context = frame.user_context
        self.metadata = frame.metadata
        self.execution_id = frame.execution.get("id")
        self.workflow_id = frame.execution.get("workflow")

    @cached_property
    def variables(self) -> dict[str, Any]:
        return self._frame.variables_at(self._planned)

    @cached_property
    def data(self) -> dict[str, Any]:
        """Everything the mapping holds, as a dict."""
        given = self.input if isinstance(self.input, Mapping) else {}
        keys = ("item", "index", self._frame.item_name)
        items = {key: self._names[key] for key in keys if key and key in self._names}
        return {**given, **self.variables, **items}

    @property
    def outputs(self) -> dict[str, Any]:
        steps: Mapping[str, Any] = self._names["steps"]
        return {name: value["output"] for name in steps if "output" in (value := steps[name])}

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)
