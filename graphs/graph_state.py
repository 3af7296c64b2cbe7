"""The shared state of the six nodes, as LangGraph keeps it."""

from typing import Annotated, Any, TypedDict

from langgraph.channels import EphemeralValue

from graphs.state import Result, merge

Findings = Annotated[dict[str, Any], merge]
Action = Annotated[str, EphemeralValue(str, guard=False)]


class EnterpriseWorkflowState(TypedDict, total=False):
    """The shared state of the six nodes (M05, M16).

    Attributes:
        workflow_id: `name@version` of the workflow.
        digest: Which definition exactly.
        path: Where this plan stands in the execution: "" for the root, `orders` for the plan inside step `orders`.
        frame: What the plan was opened with (items of a map, the input of a sub-workflow).
        current_step: The step dispatched last.
        context: The orchestrator's findings: `task_analysis`, `execution_strategy`, `orchestrator_timestamp`.
        next_action: Where the conditional edges route to.
        dispatched: Names of the steps sent in the running superstep.
        steps: Results by step name.
        last_error, error_count: The failures so far (E28).
    """

    workflow_id: str
    digest: str
    path: str
    frame: dict[str, Any]
    current_step: str
    context: Findings
    next_action: Action
    dispatched: list[str]
    steps: Annotated[dict[str, Result], merge]
    last_error: Annotated[dict[str, Any] | None, lambda old, new: new or old]
    error_count: Annotated[int, lambda old, new: (old or 0) + (new or 0)]


class Planned(TypedDict, total=False):
    """What of it the orchestrator and its edge look at: LangGraph reads for a node what it says that it looks at."""

    context: Findings
    next_action: Action
    dispatched: list[str]
