"""The course's `MetricsCollector`, as far as the orchestrator's decisions go (A52)."""

from collections import deque
from dataclasses import dataclass

MOST = 10_000
"""Decisions that are remembered; older ones still count."""


@dataclass(frozen=True, slots=True)
class OrchestrationDecision:
    """How a workflow was carried out: what prevailed in it (`parallel`, `react` …), and how complex it was."""

    workflow_id: str
    strategy: str
    complexity: float


@dataclass(slots=True)
class StrategyCount:
    """What one strategy was chosen for."""

    decisions: int = 0
    complexity: float = 0.0

    @property
    def mean_complexity(self) -> float:
        return self.complexity / self.decisions if self.decisions else 0.0


class MetricsCollector:
    """Counts the orchestrator's decisions; hand it over as a hook (`Orchestrator.open(hooks=[…])`)."""

    def __init__(self) -> None:
        self.decisions: deque[OrchestrationDecision] = deque(maxlen=MOST)
        self.by_strategy: dict[str, StrategyCount] = {}

    def record_orchestration_decision(self, workflow_id: str, strategy: str, complexity: float) -> None:
        """Count a decision."""
        self.decisions.append(OrchestrationDecision(workflow_id, strategy, complexity))
        count = self.by_strategy.setdefault(strategy, StrategyCount())
        count.decisions += 1
        count.complexity += complexity

    def on_orchestration_decision(self, workflow_id: str, strategy: str, complexity: float) -> None:
        """As a hook of an engine."""
        self.record_orchestration_decision(workflow_id, strategy, complexity)
