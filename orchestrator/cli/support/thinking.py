"""What the orchestrator thought of an execution, in words: its analysis, the strategy, who was chosen, and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.planning.check import ANALYSED
from agents.reasoning.capability import CHOSEN
from graphs.analysis import PLANNED
from orchestrator.cli.support.terminal import one_line, seconds_text
from orchestrator.store.port import Record


@dataclass(slots=True)
class Thoughts:
    """The newest analysis and strategy, and every choice of an agent by path."""

    analysis: Mapping[str, Any] = field(default_factory=dict)
    strategy: Mapping[str, Any] = field(default_factory=dict)
    choices: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    plans: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What was found out about workflows that models wrote, by the path of the step that checked them."""

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Thoughts":
        """From an execution's history."""
        thoughts = cls()
        for record in records:
            if record.kind == PLANNED:
                thoughts.analysis = record.data.get("task_analysis") or {}
                thoughts.strategy = record.data.get("execution_strategy") or {}
            elif record.kind == CHOSEN and record.path:
                thoughts.choices[record.path] = record.data
            elif record.kind == ANALYSED and record.path:
                thoughts.plans[record.path] = record.data
        return thoughts

    def as_document(self) -> dict[str, Any]:
        """JSON values."""
        choices = [{"path": path, **choice} for path, choice in self.choices.items()]
        plans = [{"path": path, **found} for path, found in self.plans.items()]
        found = {"analysis": dict(self.analysis), "strategy": dict(self.strategy), "choices": choices}
        return found | ({"plans": plans} if plans else {})

    def lines(self) -> list[tuple[str, str]]:
        """What people read, each with its name; nothing where nothing is known."""
        lines = []
        if self.analysis:
            lines.append(("analysis", "complexity " + "; ".join(_complexity(self.analysis))))
        if self.strategy:
            pattern, dispatch = self.strategy.get("pattern"), self.strategy.get("dispatch")
            lines.append(("strategy", f"{pattern}, {dispatch}: {self.strategy.get('reason')}"))
        for found in self.plans.values():
            plan = f"complexity {'; '.join(_complexity(found['task_analysis']))}"
            lines.append(("plan", f"{found['workflow']}: {plan}; {found['execution_strategy']['reason']}"))
        for path, choice in self.choices.items():
            explored = "" if not choice.get("explored") else ", to find out"
            words = f"{path}: {choice.get('agent')} for '{choice.get('capability')}'{explored}: {choice.get('reason')}"
            later = _names(choice.get("came_later"))
            lines.append(("chosen", words + (f" (not asked, as it came later: {later})" if later else "")))
        return lines


def _complexity(analysis: Mapping[str, Any]) -> Iterator[str]:
    parts = analysis.get("parts") or {}
    summed = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in parts.items() if value)
    yield f"{analysis.get('complexity_score', 0):g}" + (f" ({summed})" if summed else "")
    if names := _names(analysis.get("side_effects")):
        yield f"may change the world outside: {names}"
    if names := _names(analysis.get("capabilities")):
        yield f"needs agents for: {names}"
    if past := analysis.get("past"):
        mean = seconds_text(past["seconds"])
        yield f"of the last {past['executions']} executions {past['failed']} failed, {mean} at work on average"


def _names(names: Sequence[str] | None) -> str:
    return one_line(", ".join(names or ()), 200)
