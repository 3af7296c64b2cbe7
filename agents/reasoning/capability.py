"""Which agent a step gets that asks for a capability (I10): by past success, cost and load. Pure.

Each agent that has the capability gets a score: the share of its work that succeeded (one success and one failure are
assumed of everybody, so that a single failure condemns nobody), less what it costs (or, where it was never tried, is
expected to: `expecting`) and less how busy it is, both compared with the others. The best one is taken; now and then
the one least is known of, so that what has become better is found out. A score that is equal goes to the one that was
registered first.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from agents.reasoning.expecting import Expected, expected

CHOSEN: Final = "agent.chosen"
"""The kind of the record of a choice."""

_COST_WEIGHT: Final = 0.3
_LOAD_WEIGHT: Final = 0.3


class AgentRouting(BaseModel):
    """How agents are chosen; a resource.

    Attributes:
        adaptive: False takes the first that was registered, whatever the past says.
        exploration: How often (0 to 1) another than the best is tried.
        explore_after: Results the best has before others are tried.
        enough: Results after which there is nothing to explore about an agent.
        floor: Agents that succeed less often than this (0 to 1) are not explored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    adaptive: bool = True
    exploration: float = Field(default=0.1, ge=0, le=1)
    explore_after: int = Field(default=5, ge=0)
    enough: int = Field(default=20, ge=1)
    floor: float = Field(default=0.3, ge=0, le=1)


@dataclass(frozen=True, slots=True)
class Track:
    """What an agent has done for those who asked for a capability.

    Attributes:
        busy: Steps it is at work on.
        cost: What it cost in all, where prices are known, in `priced` steps.
    """

    succeeded: int = 0
    failed: int = 0
    busy: int = 0
    cost: float = 0.0
    priced: int = 0

    def after(self, *, succeeded: bool, cost: float | None) -> "Track":
        """With one more result."""
        known = replace(self, succeeded=self.succeeded + succeeded, failed=self.failed + (not succeeded))
        return known if cost is None else replace(known, cost=known.cost + cost, priced=known.priced + 1)

    def busier(self) -> "Track":
        """With one more step it is at work on."""
        return replace(self, busy=self.busy + 1)

    @property
    def results(self) -> int:
        return self.succeeded + self.failed

    @property
    def success(self) -> float:
        return (self.succeeded + 1) / (self.results + 2)

    @property
    def mean_cost(self) -> float | None:
        return self.cost / self.priced if self.priced else None


@dataclass(frozen=True, slots=True)
class Choice:
    """Who was chosen, and why; `costs` is what each was expected to cost, as far as anything is known of that."""

    agent: str
    reason: str
    explored: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, Expected] = field(default_factory=dict)

    def as_record(self, capability: str) -> dict[str, Any]:
        return {
            "agent": self.agent,
            "capability": capability,
            "reason": self.reason,
            "explored": self.explored,
            "scores": dict(self.scores),
        } | ({"costs": {name: one.as_record() for name, one in self.costs.items()}} if self.costs else {})


def choose(
    names: Sequence[str],
    tracks: Mapping[str, Track],
    routing: AgentRouting,
    seed: str,
    priced: Mapping[str, float] | None = None,
) -> Choice:
    """One of several agents that can do what is asked.

    Args:
        names: In the order of their registration; one at least.
        tracks: What is known of them.
        seed: The same seed rolls the same dice, so that a step that is entered again explores the same.
        priced: What a step of each would cost by its model's price, where that is known (`expecting.by_price`).
    """
    if len(names) == 1:
        return Choice(names[0], "nobody else has the capability")
    if not routing.adaptive:
        return Choice(names[0], "adaptive routing is off: the first that has the capability")
    known = {name: tracks.get(name, Track()) for name in names}
    costs = expected(names, {name: track.mean_cost for name, track in known.items()}, priced or {})
    scores = _scores(known, costs)
    best = max(names, key=lambda name: scores[name])
    if (other := _to_explore(best, known, routing, random.Random(seed))) is not None:
        why = f"explored: only {known[other].results} results are known of it ({routing.exploration:g} of choices are)"
        return Choice(other, why, explored=True, scores=scores, costs=costs)
    return Choice(best, _reason(best, known, scores, costs), scores=scores, costs=costs)


def _scores(known: Mapping[str, Track], costs: Mapping[str, Expected]) -> dict[str, float]:
    dearest = max((one.each for one in costs.values()), default=0.0)
    busiest = max(track.busy for track in known.values())
    return {
        name: round(
            track.success
            - (_COST_WEIGHT * costs[name].each / dearest if dearest else 0.0)
            - (_LOAD_WEIGHT * track.busy / busiest if busiest else 0.0),
            3,
        )
        for name, track in known.items()
    }


def _to_explore(best: str, known: Mapping[str, Track], routing: AgentRouting, dice: random.Random) -> str | None:
    if known[best].results < routing.explore_after or dice.random() >= routing.exploration:
        return None
    unknown = [
        name
        for name, track in known.items()
        if name != best and track.results < routing.enough and track.success >= routing.floor
    ]
    return min(unknown, key=lambda name: known[name].results, default=None)


def _reason(best: str, known: Mapping[str, Track], scores: Mapping[str, float], costs: Mapping[str, Expected]) -> str:
    track = known[best]
    if not costs and not any(one.results or one.busy for one in known.values()):
        return f"nothing is known of any of the {len(known)} that have it, and it was registered first"
    done = f"{track.succeeded} of {track.results} steps succeeded" if track.results else "not tried yet"
    after = max((name for name in known if name != best), key=lambda name: scores[name])
    of_all = f"the best score of {len(known)} ({scores[best]:g}; next is '{after}' with {scores[after]:g})"
    return f"{of_all}: {done}{_cost(costs.get(best))}, {track.busy} at work"


def _cost(one: Expected | None) -> str:
    if one is None or not one.each:
        return ""
    how = {"past": "", "price": " by its price", "average": " as the others on average"}[one.by]
    return f", {'about ' if how else ''}{one.each:.3g} each{how}"
