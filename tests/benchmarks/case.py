"""What a measurement is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

Side = Callable[[Path], Awaitable[float]]


@dataclass(frozen=True)
class Case:
    """One measurement.

    Attributes:
        ours, plain: Each does the work once in a fresh folder and gives its figure.
        unsynced: The same of plain when it need survive a killed process only, and no power cut.
        compare: The figure that counts, from ours and plain's.
        limit, holds: What it must be, in words and as a test.
    """

    name: str
    unit: str
    ours: Side
    plain: Side | None
    unsynced: Side | None
    compare: Callable[[float, float | None], float]
    limit: str
    holds: Callable[[float], bool]


def ratio(mine: float, other: float | None) -> float:
    return mine / other if other else mine


def alone(mine: float, other: float | None) -> float:
    return mine


def at_most(bound: float) -> Callable[[float], bool]:
    return lambda figure: figure <= bound


def at_least(bound: float) -> Callable[[float], bool]:
    return lambda figure: figure >= bound
