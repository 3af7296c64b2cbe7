"""The places at which a process can die while people steer an execution: hold it, let it go on, cancel, edit, redrive,
retry and fork it; while timers, breakers, dead letters and alerts of it are kept; and while what others left is taken
up (R2). And that no place is left out: whatever writes to the store has its places, and each of them is come by.
"""

import inspect
from collections.abc import AsyncIterator
from itertools import product

import pytest
import pytest_asyncio

from orchestrator.store.sqlite import SqliteStore
from tests.reliability import points
from tests.reliability.bench import STAGES, Bench, stages
from tests.reliability.job import Job
from tests.reliability.jobs import CALLED_OFF, EVERY_POINT, GIVEN_UP, STEERED
from tests.reliability.nursery import Nursery
from tests.reliability.stores import Store
from tests.reliability.test_crash_points import IN_MEMORY, POINTS

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="module")]

STEERING = ("pause", "go_on", "close", "letter", "redrive", "edit", "rewind", "redriven", "fork")
KEEPING = ("conclude", "timer", "breaker", "sink", "told")
CHAPTERS = tuple(
    f"orchestrator.store.{name}"
    for name in (
        *("executions", "drives", "requests", "dead_letters", "alerts", "records"),
        *("waits", "approvals", "timers", "events", "breakers"),
    )
)
"""Of the store: those that executions write by. The others keep definitions, keys, sources, what clients sent."""

LATER = [*stages("end_timer"), "suspect.before", "suspect.after"]
"""Come by only when an engine takes up what another has left."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(store: Store, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    folder = tmp_path_factory.mktemp("steered")
    async with Nursery.running(folder / "nursery.log") as nursery:
        yield Bench(folder, nursery, store)


async def test_whatever_executions_write_has_its_places() -> None:
    """A method of the store that is not in the list of places was added without them."""
    writing = {
        name
        for part in SqliteStore.__mro__
        if part.__module__ in CHAPTERS
        for name, method in vars(part).items()
        if inspect.isfunction(method) and "self._writer." in inspect.getsource(method)
    }
    assert writing == points.STORED.keys() | points.HANDED_OVER.keys() | points.UNNAMED.keys()


async def test_every_place_is_come_by(bench: Bench) -> None:
    families = [*(name for names in points.STORED.values() for name in names), *points.HANDED_OVER.values()]
    named = {f"{family}.{stage}" for family, stage in product(families, STAGES)}
    jobs = (STEERED, CALLED_OFF, GIVEN_UP)
    steered = {place for job in jobs for place in await bench.reached(job)}
    come_by = {place for places in POINTS.values() for place in places} | steered | set(LATER)
    assert named - come_by == set(), "in the list, and come by nowhere"
    assert {place.partition(".")[0] for place in steered} >= {*STEERING, *KEEPING, "cancel"}
    assert steered >= set(IN_MEMORY)


@pytest.mark.capability("D01", "D03", "O23", "E22", "Q04")
@pytest.mark.parametrize("family", STEERING)
async def test_a_crash_while_an_execution_is_steered(bench: Bench, family: str) -> None:
    assert await bench.crash_at_places_of(STEERED, family) > 0


@pytest.mark.capability("D01", "E03", "E10", "E22", "E24")
@pytest.mark.parametrize("family", KEEPING)
async def test_a_crash_while_what_belongs_to_it_is_kept(bench: Bench, family: str) -> None:
    assert await bench.crash_at_places_of(STEERED, family) > 0


@pytest.mark.capability("D01", "O23", "E10")
@pytest.mark.parametrize("family", ["cancel", "close", "conclude"])
async def test_a_crash_while_it_is_cancelled(bench: Bench, family: str) -> None:
    assert await bench.crash_at_places_of(CALLED_OFF, family) > 0


@pytest.mark.capability("D01", "E10", "E22")
async def test_a_crash_while_it_is_given_up_and_undone(bench: Bench) -> None:
    assert await bench.crash_at_places_of(GIVEN_UP, "undo") > 0


@pytest.mark.capability("D01", "D05", "E01")
@pytest.mark.parametrize(
    ("job", "before", "place"),
    [
        *((STEERED, ("timer.committed:1",), place) for place in stages("end_timer")),
        # Twice at the same place: whatever it got to before does not count any more.
        *((EVERY_POINT, ("effect.begun:1", "effect.begun:1"), f"suspect.{when}") for when in ("before", "after")),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_a_crash_while_what_others_left_is_taken_up(
    bench: Bench, job: Job, before: tuple[str, ...], place: str
) -> None:
    await bench.reached(job)
    assert await bench.crash(job, *before, f"{place}:1"), "it was never come by"
