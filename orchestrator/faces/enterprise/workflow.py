"""The course's `AdvancedWorkflow`, with every field of M04 and its default."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from graphs.building.options import made
from graphs.spec import Workflow
from orchestrator.faces.enterprise.compiling import Compiling
from orchestrator.faces.enterprise.model import WorkflowStep
from orchestrator.faces.enterprise.policies import retry_of


class MomentOfMaking(str):
    """A time that nobody gave: when the object was made. It is no part of what a definition says."""

    __slots__ = ()


def _now() -> str:
    return MomentOfMaking(datetime.now(UTC).isoformat())


@dataclass
class AdvancedWorkflow:
    """A workflow (M04).

    Attributes:
        name: For people; kept as the label `title`.
        global_variables: Variables that every step can read, with their first values.
        timeout: Seconds it may be at work.
        retry_policy: What every step is retried by that says nothing of its own; `continue_on_failure` too.
        sla_targets: Kept as the label `sla_targets`, as JSON.
        optimization_enabled: False is kept as the label `optimization`: `off`.
        adaptive_routing: False has every step sent at once, whatever the workflow looks like.
        created_at: Part of the definition where it was given; where not, it is when the object was made.
    """

    # Core identification
    workflow_id: str
    name: str
    description: str
    version: str = "1.0"

    # Workflow structure
    steps: list[WorkflowStep] = field(default_factory=list)
    global_variables: dict[str, Any] = field(default_factory=dict)

    # Configuration
    timeout: int = 3600
    max_parallel_steps: int = 10
    retry_policy: dict[str, Any] = field(default_factory=dict)

    # Monitoring and optimization
    sla_targets: dict[str, Any] = field(default_factory=dict)
    optimization_enabled: bool = True
    adaptive_routing: bool = True

    # Metadata
    created_at: str = field(default_factory=_now)
    created_by: str | None = None
    tags: list[str] = field(default_factory=list)

    def to_workflow(self) -> Workflow:
        """The workflow of the model.

        Raises:
            DefinitionError: fields that do not go together, or that the language cannot say.
        """
        compiling = Compiling(self.steps, self.global_variables, self.max_parallel_steps)
        spec: dict[str, Any] = {
            "config": self._config(),
            "variables": self.global_variables,
            "steps": compiling.steps(),
        }
        return made(Workflow, f"workflow '{self.workflow_id}'", {"metadata": self._metadata(), "spec": spec})

    def _config(self) -> dict[str, Any]:
        retry = retry_of(self.retry_policy, f"workflow '{self.workflow_id}'")
        return {
            "timeout": self.timeout,
            "max_parallel_steps": self.max_parallel_steps,
            "retry_policy": retry.policy,
            "failure_policy": "continue" if retry.goes_on else "stop",
            "strategy": "auto" if self.adaptive_routing else "dataflow",
        }

    def _metadata(self) -> dict[str, Any]:
        labels: dict[str, str] = {}
        if self.name != self.workflow_id:
            labels["title"] = self.name
        if self.sla_targets:
            labels["sla_targets"] = json.dumps(self.sla_targets, sort_keys=True)
        if not self.optimization_enabled:
            labels["optimization"] = "off"
        return {
            "name": self.workflow_id,
            "version": self.version,
            "description": self.description,
            "tags": self.tags,
            "labels": labels,
            "created_at": None if isinstance(self.created_at, MomentOfMaking) else self.created_at,
            "created_by": self.created_by,
        }
