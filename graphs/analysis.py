"""What the orchestrator finds out about a plan before it dispatches it, and what it decides (F18, O22, A51). Pure."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from graphs.planner import Plan
from graphs.prepare import Library
from graphs.spec import Config, Step

Pattern = Literal["complete", "sequential", "parallel", "conditional", "react", "approval"]
PLANNED: Final = "execution.planned"
"""The kind of the record of what was found out and decided."""
Dispatching = Literal["dataflow", "partitioned", "staged"]


@dataclass(frozen=True, slots=True)
class Past:
    """How the last executions of a workflow went.

    Attributes:
        executions: How many are known.
        failed: How many of them failed, or ran out of time.
        seconds: What they were at work on average.
    """

    executions: int
    failed: int
    seconds: float


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
        side_effects: Steps that change the world outside, or may, as far as the definition tells.
        capabilities: What agents must be able to do.
        past: How earlier executions went; None when there were none.
        parts: What each of these adds to the score.
        complexity_score: 0 for nothing to do, growing with each of them; 1 is a handful of steps.
    """

    size: int
    width: int
    depth: int
    kinds: Mapping[str, int]
    nodes: Mapping[str, int]
    sensitive: tuple[str, ...]
    side_effects: tuple[str, ...]
    capabilities: tuple[str, ...]
    parts: Mapping[str, float]
    past: Past | None = None

    @property
    def complexity_score(self) -> float:
        return round(sum(self.parts.values()), 2)

    def with_past(self, past: Past | None) -> "Analysis":
        """The same in the light of earlier executions: what often fails or takes long is complex, however small."""
        if past is None or not past.executions:
            return self
        history = past.failed / past.executions + 0.1 * math.log10(1 + past.seconds)
        return replace(self, past=past, parts={**self.parts, "history": round(history, 2)})

    def as_dict(self) -> dict[str, Any]:
        past = None if self.past is None else asdict(self.past)
        return {**_shallow(self), "past": past, "complexity_score": self.complexity_score}


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a plan is carried out: what prevails in it, how its steps are sent, and why."""

    pattern: Pattern
    dispatch: Dispatching
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return _shallow(self)


def _shallow(of: Any) -> dict[str, Any]:
    # Every execution asks; `asdict` copies what is inside, which nobody changes.
    return {field: getattr(of, field) for field in of.__slots__}


def analyse(plan: Plan, library: Library) -> Analysis:
    """Measure a plan."""
    level: dict[str, int] = {}
    for name in plan.steps:
        level[name] = 1 + max((level[other] for other in plan.awaits(name)), default=0)
    inside = [step for planned in plan.steps.values() for step in _all_steps(planned.step)]
    width = max(Counter(level.values()).values(), default=0)
    depth = max(level.values(), default=0)
    kinds = Counter(step.type for step in inside)
    acting = tuple(step.name for step in inside if step.sensitive or library.kind(step).acts(step) is not False)
    needed = (step.config.get("agent_capability") for step in inside)
    capabilities = tuple(sorted({one for one in needed if isinstance(one, str)}))
    measures = {
        "size": 0.1 * len(inside),
        "width": 0.1 * width,
        "depth": 0.1 * depth,
        "kinds": 0.2 * len(kinds),
        "side_effects": 0.1 * len(acting),
        "capabilities": 0.2 * len(capabilities),
    }
    return Analysis(
        size=len(inside),
        width=width,
        depth=depth,
        kinds=dict(kinds),
        nodes=dict(Counter(planned.node for planned in plan.steps.values())),
        sensitive=tuple(step.name for step in inside if step.sensitive),
        side_effects=acting,
        capabilities=capabilities,
        parts={name: round(value, 2) for name, value in measures.items()},
    )


def _all_steps(step: Step) -> Iterator[Step]:
    yield step
    for _, steps in step.containers():
        for inner in steps:
            yield from _all_steps(inner)


def choose(analysis: Analysis, config: Config, partition_size: int) -> Strategy:
    """Decide how a plan is carried out."""
    pattern, why = _pattern(analysis)
    dispatch, reason = _dispatch(analysis, config, partition_size)
    return Strategy(pattern, dispatch, f"{why}; {reason}")


_PREVAILS: tuple[tuple[str, Pattern, str], ...] = (
    ("human_approval", "approval", "the world outside is waited for"),
    ("react_agent", "react", "an agent reasons"),
    ("conditional_router", "conditional", "ways are chosen"),
)
"""What names a plan's pattern, the strongest first: by the nodes that perform its steps."""


def _pattern(analysis: Analysis) -> tuple[Pattern, str]:
    if not analysis.size:
        return "complete", "there is nothing to do"
    for node, pattern, why in _PREVAILS:
        if count := analysis.nodes.get(node):
            return pattern, f"in {count} of {sum(analysis.nodes.values())} steps {why}"
    if analysis.width > 1:
        return "parallel", f"up to {analysis.width} steps may run side by side"
    return "sequential", "each step follows the one before"


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
