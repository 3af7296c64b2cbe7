"""The course's `EnterpriseWorkflowOrchestrator` and its `MetricsCollector`."""

import asyncio
from typing import Any

import pytest

from agents import Functions
from graphs.errors import DefinitionError, InputError
from orchestrator.faces.enterprise import (
    AdvancedWorkflow,
    EnterpriseWorkflowOrchestrator,
    MetricsCollector,
    StepType,
    WorkflowStep,
)
from orchestrator.faces.running import Means
from tests.unit.faces.conftest import PromptClock

SIX = {"orchestrator", "parallel_executor", "conditional_router", "react_agent", "human_approval", "error_recovery"}


def _workflow(*actions: str, **more: Any) -> AdvancedWorkflow:
    steps = [WorkflowStep(action, action, StepType.SINGLE, action=action) for action in actions]
    return AdvancedWorkflow("course", "course", "", steps=steps, **more)


class Flaky:
    """Fails so often, then works."""

    def __init__(self, failures: int) -> None:
        self.left, self.calls = failures, 0

    def functions(self) -> Functions:
        offered = Functions()
        offered.register("call", self.call)
        offered.register("other", lambda: "other")
        return offered

    def call(self) -> str:
        self.calls += 1
        if self.calls <= self.left:
            raise ConnectionError("down")
        return "done"


@pytest.mark.capability("A50", "A51", "T13")
def test_its_settings_become_its_collaborators_and_its_graph_has_six_nodes() -> None:
    orchestrator = EnterpriseWorkflowOrchestrator({"failure_threshold": 2, "timeout": "1m", "max_retries": 4})
    assert (orchestrator.circuit_breaker.failure_threshold, orchestrator.circuit_breaker.open_for) == (2, 60.0)
    assert (orchestrator.retry_policy.max_attempts, orchestrator.retry_policy.backoff) == (4, "exponential")
    assert set(orchestrator.workflow_graph.get_graph().nodes) - {"__start__", "__end__"} == SIX
    plain = EnterpriseWorkflowOrchestrator()
    assert plain.config == {"failure_threshold": 5, "timeout": 30, "max_retries": 3}
    with pytest.raises(InputError, match=r"no setting 'max_retry'. Did you mean 'max_retries'?"):
        EnterpriseWorkflowOrchestrator({"max_retry": 1})
    with pytest.raises(DefinitionError, match="failure_threshold"):
        EnterpriseWorkflowOrchestrator({"failure_threshold": 0})


@pytest.mark.capability("A50", "A52", "O22")
async def test_it_carries_workflows_out_and_counts_its_decisions() -> None:
    flaky = Flaky(2)
    orchestrator = EnterpriseWorkflowOrchestrator(means=Means(resources=(flaky.functions(),), clock=PromptClock()))
    one = _workflow("call")
    ended = await asyncio.wait_for(orchestrator.execute(one), 60)
    assert ended.execution.status == "completed" and flaky.calls == 3
    await asyncio.wait_for(orchestrator.execute(_workflow("call", "other")), 60)
    analysis, strategy = orchestrator.analyze_task_complexity(one), orchestrator.select_execution_strategy(one)
    [first, second] = orchestrator.metrics.decisions
    assert (first.workflow_id, first.strategy) == ("course", strategy.pattern) == ("course", "sequential")
    assert first.complexity == analysis.complexity_score < second.complexity
    count = orchestrator.metrics.by_strategy["parallel"]
    assert (count.decisions, count.mean_complexity) == (1, second.complexity)


@pytest.mark.capability("A50")
async def test_a_workflow_that_says_how_often_is_tried_so_often() -> None:
    flaky = Flaky(9)
    means = Means(resources=(flaky.functions(),), clock=PromptClock())
    ended = await EnterpriseWorkflowOrchestrator({"max_retries": 5}, means=means).execute(
        _workflow("call", retry_policy={"max_attempts": 2})
    )
    assert ended.execution.status == "failed" and flaky.calls == 2


@pytest.mark.capability("A52")
def test_decisions_are_counted_also_when_they_are_forgotten() -> None:
    metrics = MetricsCollector()
    for _ in range(10_001):
        metrics.record_orchestration_decision("w", "react", 2.0)
    assert len(metrics.decisions) == 10_000
    assert (metrics.by_strategy["react"].decisions, metrics.by_strategy["react"].mean_complexity) == (10_001, 2.0)
