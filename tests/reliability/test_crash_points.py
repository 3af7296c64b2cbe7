"""Every place at which a process can die while it stores something, one after the other (R2, R3).

The workflows go one step at a time, so that what a crash leaves behind is known beforehand: how much is kept, that no
more than one step was being done, and that nothing has begun on a result that was not durable.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.reliability.bench import Bench, stages
from tests.reliability.job import Job
from tests.reliability.jobs import EVERY_POINT, LINGERING, TAKEN_BACK, TAKEN_BACK_BADLY, TAKEN_BACK_INSIDE
from tests.reliability.nursery import Nursery
from tests.reliability.stores import Store

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="module")]

IN_MEMORY = ("result.heard", "result.released", "effect.begun", "effect.done")
ASKED = ("answer.stored", "answer.delivered", "park.before", "park.after")
UNDOING = ("start", "conclude", "finish", "letter", "sink", "result", "record", "checkpoint")
TOLD = ("told.before", "told.after")

POINTS = {
    EVERY_POINT.id: [
        *stages("start", "begin", "wait", "decision", "event", "rest", "finish"),
        *stages("result", "record", "checkpoint", "interrupt"),
        *IN_MEMORY,
        *ASKED,
    ],
    LINGERING.id: [
        *stages("start", "wait", "decision", "event", "rest", "stirred", "finish"),
        *stages("result", "record", "checkpoint"),
        *(place for place in (*IN_MEMORY, *ASKED) if not place.startswith("park")),
    ],
    TAKEN_BACK.id: [*stages(*UNDOING), *IN_MEMORY, *TOLD],
    TAKEN_BACK_INSIDE.id: [*stages(*UNDOING, "keep"), *IN_MEMORY, *TOLD],
    TAKEN_BACK_BADLY.id: [*stages(*UNDOING, "keep"), *IN_MEMORY, *TOLD],
}
"""Every place that these executions come by; `test_no_place_is_left_out` says so."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(store: Store, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    folder = tmp_path_factory.mktemp("crashes")
    async with Nursery.running(folder / "nursery.log") as nursery:
        yield Bench(folder, nursery, store)


@pytest.mark.parametrize(
    "job", [EVERY_POINT, LINGERING, TAKEN_BACK, TAKEN_BACK_INSIDE, TAKEN_BACK_BADLY], ids=lambda job: job.id
)
async def test_no_place_is_left_out(bench: Bench, job: Job) -> None:
    assert sorted(await bench.reached(job)) == sorted(POINTS[job.id])


@pytest.mark.capability("D01", "D02", "D05", "D22", "I04", "I08", "F24")
@pytest.mark.parametrize("point", POINTS[EVERY_POINT.id])
async def test_a_crash_at_every_place(bench: Bench, point: str) -> None:
    assert await bench.crash_at_each(EVERY_POINT, point) > 0


@pytest.mark.capability("D01", "D02", "X08")
@pytest.mark.parametrize("point", stages("rest", "stirred", "decision", "event"))
async def test_a_crash_while_it_rests_in_memory(bench: Bench, point: str) -> None:
    assert await bench.crash_at_each(LINGERING, point) > 0


@pytest.mark.capability("D01", "D22", "E10", "E11", "E12", "X11")
@pytest.mark.parametrize("point", POINTS[TAKEN_BACK.id])
async def test_a_crash_at_every_place_of_a_compensation(bench: Bench, point: str) -> None:
    assert await bench.crash_at_each(TAKEN_BACK, point) > 0


@pytest.mark.capability("D01", "D22", "E10", "E11", "E17")
@pytest.mark.parametrize("point", POINTS[TAKEN_BACK_INSIDE.id])
async def test_a_crash_at_every_place_of_an_undoing_inside(bench: Bench, point: str) -> None:
    assert await bench.crash_at_each(TAKEN_BACK_INSIDE, point) > 0


@pytest.mark.capability("D01", "D22", "E10", "E12", "E22")
@pytest.mark.parametrize("point", [*stages("finish", "result"), *IN_MEMORY])
async def test_a_crash_at_every_place_of_a_compensation_that_fails(bench: Bench, point: str) -> None:
    """In reverse, each undoing tried as often as it may be, the failed one dead-lettered once, and the rest undone."""
    assert await bench.crash_at_each(TAKEN_BACK_BADLY, point) > 0


@pytest.mark.capability("D01", "D05", "D22")
@pytest.mark.parametrize("point", POINTS[EVERY_POINT.id])
async def test_a_crash_while_taking_up_what_a_crash_left(bench: Bench, point: str) -> None:
    await bench.reached(EVERY_POINT)
    # The second step has acted; its result has not been kept.
    came_by = await bench.crash(EVERY_POINT, "result.uncommitted:3", f"{point}:1")
    assert came_by or point in (*stages("decision", "record"), *stages("start")[1:]), "both were over before"
