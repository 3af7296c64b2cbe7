"""What the orchestrator finds out about a plan before it dispatches it, and what it decides (F18, O22, A51). Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from graphs.planner import Plan
from graphs.prepare import Library
from graphs.spec import Config, Step

Pattern = Literal["complete", "sequential", "parallel", "conditional", "react", "approval"]
Dispatching = Literal["dataflow", "partitioned", "staged"]


@dataclass(frozen=True, slots=True)
class Analysis:
    """The shape of a plan.

    Attributes:
        size: Steps, those inside composite ones counted once each as they are written.
        width: The most steps at the same distance from the start.
        depth: Steps on the longest way from start to end.
        kinds: How many steps of each type.
        nodes: How many steps of the plan each node performs.
        sensitive: Paths of steps marked so.
        complexity_score: 0 for nothing to do, growing with size, width, depth and kinds; 1 is a handful of steps.
    """

    size: int
    width: int
    depth: int
    kinds: Mapping[str, int]
    nodes: Mapping[str, int]
    sensitive: tuple[str, ...]
    complexity_score: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a plan is carried out: what prevails in it, how its steps are sent, and why."""

    pattern: Pattern
    dispatch: Dispatching
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def analyse(plan: Plan, library: Library) -> Analysis:
    """Measure a plan."""
    level: dict[str, int] = {}
    for name in plan.steps:
        level[name] = 1 + max((level[other] for other in plan.awaits(name)), default=0)
    inside = [step for planned in plan.steps.values() for step in _all_steps(planned.step)]
    width = max(Counter(level.values()).values(), default=0)
    depth = max(level.values(), default=0)
    kinds = Counter(step.type for step in inside)
    nodes: Counter[str] = Counter(planned.node for planned in plan.steps.values())
    score = round(0.1 * len(inside) + 0.1 * width + 0.1 * depth + 0.2 * len(kinds), 2) if inside else 0.0
    sensitive = tuple(step.name for step in inside if step.sensitive)
    return Analysis(len(inside), width, depth, dict(kinds), dict(nodes), sensitive, score)


def _all_steps(step: Step) -> Iterator[Step]:
    yield step
    for _, steps in step.containers():
        for inner in steps:
            yield from _all_steps(inner)


def choose(analysis: Analysis, config: Config, partition_size: int) -> Strategy:
    """Decide how a plan is carried out."""
    dispatch, reason = _dispatch(analysis, config, partition_size)
    return Strategy(_pattern(analysis), dispatch, reason)


def _pattern(analysis: Analysis) -> Pattern:
    if not analysis.size:
        return "complete"
    if analysis.nodes.get("human_approval"):
        return "approval"
    if analysis.nodes.get("react_agent"):
        return "react"
    if analysis.nodes.get("conditional_router"):
        return "conditional"
    return "parallel" if analysis.width > 1 else "sequential"


def _dispatch(analysis: Analysis, config: Config, partition_size: int) -> tuple[Dispatching, str]:
    if config.strategy == "staged":
        return "staged", "the workflow asks for it: ready steps only, then the next stage"
    steps = sum(analysis.nodes.values())
    if config.strategy == "partitioned" or (config.strategy == "auto" and too_wide(steps, partition_size)):
        return "partitioned", f"{steps} steps are many for one superstep: concurrent flows of {partition_size} do it"
    return "dataflow", "every step is sent at once and starts when what it depends on is committed"


def too_wide(steps: int, partition_size: int) -> bool:
    """Whether so many steps are better split: a superstep costs more per step the more it holds."""
    return steps > partition_size + partition_size // 4
