"""The course's `EnterpriseWorkflowOrchestrator` (A50): its three settings, its collaborators, and its graph."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphs.analysis import Analysis, Strategy, analyse, choose
from graphs.building.options import made
from graphs.compile import CompiledGraph, compile_graph
from graphs.composites.subworkflow import root_plan
from graphs.errors import InputError
from graphs.loading.names import suggestion
from graphs.policies.breaker import BreakerPolicy
from graphs.policies.named import Bounds
from graphs.prepare import Library
from graphs.spec import RetryPolicy, Workflow
from orchestrator.faces.enterprise.metrics import MetricsCollector
from orchestrator.faces.enterprise.workflow import AdvancedWorkflow
from orchestrator.faces.running import Ended, Means, Start, at_hand, carry_out, known_step_types
from orchestrator.settings import Settings

_DEFAULTS: Mapping[str, Any] = {"failure_threshold": 5, "timeout": 30, "max_retries": 3}


class EnterpriseWorkflowOrchestrator:
    """Carries workflows out on the graph of six nodes.

    Attributes:
        config: `failure_threshold` and `timeout` (seconds) of the circuit breakers of services and model providers;
            `max_retries`, which is how often a step is tried (as the course has it: the first try counts).
        metrics: Counts the decisions of every execution.
        circuit_breaker, retry_policy: What the settings come to. An open engine that is handed over as `means` keeps
            its own breakers.
        workflow_graph: The compiled `StateGraph`.
    """

    def __init__(self, config: Mapping[str, Any] | None = None, *, means: Means | None = None) -> None:
        """Raises:
        InputError: a setting that there is not.
        """
        given = dict(config or {})
        if unknown := sorted(given.keys() - _DEFAULTS.keys()):
            raise InputError(
                f"An orchestrator has no setting '{unknown[0]}'.",
                hint=suggestion(unknown[0], _DEFAULTS, "Settings"),
                code="setting_unknown",
            )
        self.config = {**_DEFAULTS, **given}
        self.metrics = MetricsCollector()
        where = "the orchestrator's config"
        breaker = {"failure_threshold": self.config["failure_threshold"], "open_for": self.config["timeout"]}
        self.circuit_breaker: BreakerPolicy = made(BreakerPolicy, where, breaker)
        attempts = {"max_attempts": self.config["max_retries"], "backoff": "exponential"}
        self.retry_policy: RetryPolicy = made(RetryPolicy, where, attempts)
        self.workflow_graph: CompiledGraph = compile_graph()
        self._means = means

    def analyze_task_complexity(self, workflow: AdvancedWorkflow | Workflow) -> Analysis:
        """The complexity of a workflow, with its parts; what its past says is added when it is carried out."""
        settings = at_hand(self._means).settings
        library = Library(known_step_types(settings.plugins if settings is not None else ()))
        return analyse(root_plan(self._workflow(workflow), library), library)

    def select_execution_strategy(self, workflow: AdvancedWorkflow | Workflow) -> Strategy:
        """How it would be carried out, and why."""
        settings = at_hand(self._means).settings
        size = settings.partition_size if settings is not None else Settings.model_fields["partition_size"].default
        return choose(self.analyze_task_complexity(workflow), self._workflow(workflow).spec.config, size)

    async def execute(
        self,
        workflow: AdvancedWorkflow | Workflow,
        input_data: Any = None,
        *,
        idempotency_key: str | None = None,
        **start: Any,
    ) -> Ended:
        """Carry a workflow out and wait for its end.

        Args:
            idempotency_key: An execution that was started under the same key is taken up again, not started twice.
            start: Further fields of `Start`: variables, metadata, priority …
        """
        means = at_hand(self._means)
        limits = {"*": Bounds(breaker=self.circuit_breaker), **means.limits}
        means = replace(means, hooks=(*means.hooks, self.metrics), limits=limits)
        begin = Start(input=input_data, idempotency_key=idempotency_key, **start)
        return await carry_out(self._workflow(workflow), begin, means)

    def _workflow(self, workflow: AdvancedWorkflow | Workflow) -> Workflow:
        """The workflow, its steps tried as often as the orchestrator says where it says nothing."""
        made_of = workflow.to_workflow() if isinstance(workflow, AdvancedWorkflow) else workflow
        if made_of.spec.config.retry_policy is not None:
            return made_of
        config = made_of.spec.config.model_copy(update={"retry_policy": self.retry_policy})
        return made_of.model_copy(update={"spec": made_of.spec.model_copy(update={"config": config})})
