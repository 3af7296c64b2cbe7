"""An agent of six calls of its model and four tools, all over HTTP, killed at every boundary."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.agent_world import Plan, World, random_kills, running_world, under_kills

pytestmark = pytest.mark.chaos

SEEDS = 2
"""A hundred in the long run (`make chaos`)."""
BOUNDARIES = [(what, n, when) for what, most in (("model", 6), ("tool", 4)) for n in range(most) for when in (0, 1, 2)]
"""Each call of the model and of a tool: killed when it arrives, before its answer, and right after it."""


@pytest.fixture
def world() -> Iterator[World]:
    with running_world() as running:
        yield running


@pytest.mark.capability("D01", "D02", "I05", "I07")
def test_killed_at_every_boundary_in_turn(world: World, tmp_path: Path) -> None:
    """Thirty boundaries, the first three in three executions, and so on: each is met once."""
    for first in range(0, len(BOUNDARIES), 3):
        world.provider.asked.clear()
        world.booked.clear()
        folder = tmp_path / str(first)
        folder.mkdir()
        plans = [{(what, n): (when, 0.002)} for what, n, when in BOUNDARIES[first : first + 3]]
        assert under_kills(world, folder, iter(plans)) >= 1


@pytest.mark.capability("D01", "D02", "E10", "E11", "E12", "I05")
def test_what_an_agent_booked_is_cancelled_though_it_is_killed_while_that_is_done(world: World, tmp_path: Path) -> None:
    """Three bookings, then its model is not let in any more. Killed before, in and after each of the cancellations,
    one after the other in one execution; then not."""
    undoing = [{("tool", n): (when, 0.002)} for when in (0, 1, 2) for n in (0, 1)]
    booking: list[Plan] = [{("tool", 2): (2, 0.0)}]
    assert under_kills(world, tmp_path, iter([*booking, *undoing]), "quitter") >= 4


@pytest.mark.parametrize("script", ["traveller", "quitter"])
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.capability("D01", "D02", "R01")
def test_killed_wherever_it_happens(world: World, tmp_path: Path, seed: int, script: str) -> None:
    """Kills at random calls of each life, before, within and up to 20 ms after them, until it gets through."""
    under_kills(world, tmp_path, random_kills(random.Random(seed)), script)
