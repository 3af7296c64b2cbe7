"""What a step by an agent is expected to cost, so that one that was never tried is not taken to be free. Pure.

What it cost so far, where that is known; else what its model's price makes of a step, in proportion to what the steps
of the others really cost by theirs; else what the others are expected to cost on average.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final, Literal

from agents.models.prices import Prices

TYPICAL: Final[Mapping[str, int]] = {"input_tokens": 4000, "output_tokens": 1000}
"""What a step is taken to need where nobody has done any."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What one step is expected to cost.

    Attributes:
        by: How that is known: by the past, by the model's price, or as the average of the others.
    """

    each: float
    by: Literal["past", "price", "average"]

    def as_record(self) -> dict[str, Any]:
        return {"each": round(self.each, 9), "by": self.by}


def by_price(prices: Prices, models: Mapping[str, str | None]) -> dict[str, float]:
    """What a typical step would cost with the model of each agent, as far as its price is known.

    Args:
        models: By agent.
    """
    costs = {agent: prices.cost(model, TYPICAL) for agent, model in models.items() if model is not None}
    return {agent: cost for agent, cost in costs.items() if cost is not None}


def expected(
    agents: Iterable[str], past: Mapping[str, float | None], priced: Mapping[str, float]
) -> dict[str, Expected]:
    """What each agent is expected to cost; nothing is said where nothing is known of any.

    Args:
        past: What its steps cost on average; None where it was not tried, or without a known price.
        priced: What a typical step of it costs (`by_price`).
    """
    names = list(agents)
    found = {name: Expected(each, "past") for name in names if (each := past.get(name)) is not None}
    ratios = [one.each / priced[name] for name, one in found.items() if priced.get(name)]
    size = fmean(ratios) if ratios else 1.0
    found |= {name: Expected(priced[name] * size, "price") for name in names if name not in found and name in priced}
    if found:
        average = fmean(one.each for one in found.values())
        found |= {name: Expected(average, "average") for name in names if name not in found}
    return found
