"""What the past says is asked of the store once, and shared."""

import asyncio

import pytest

from graphs.analysis import Past
from graphs.clock import ManualClock
from graphs.errors import StoreError
from orchestrator.brain.pasts import PastOfAll

PAST = Past(3, 1, 0.5)


class Archive:
    """A store that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: asyncio.Future[Past] = asyncio.get_running_loop().create_future()

    async def past_of(self, workflow: str, tenant: str) -> Past:
        self.asked.append(workflow)
        return await asyncio.shield(self.answer)


@pytest.fixture
async def archive() -> Archive:
    return Archive()


async def test_thousands_who_begin_at_the_same_time_ask_once(archive: Archive) -> None:
    """Each question goes through what has not ended: a thousand of them would each go past a thousand others."""
    pasts = PastOfAll(archive, clock := ManualClock())  # type: ignore[arg-type]
    asking = [asyncio.ensure_future(pasts.of("w", "t")) for _ in range(1000)]
    await asyncio.sleep(0)
    asking[0].cancel()  # whoever asked first may be stopped; the others still want to know
    archive.answer.set_result(PAST)
    told = await asyncio.gather(*asking, return_exceptions=True)
    assert told[1:] == [PAST] * 999 and isinstance(told[0], asyncio.CancelledError)
    assert archive.asked == ["w"]
    clock.advance(11)
    assert await pasts.of("w", "t") == PAST and archive.asked == ["w", "w"]


async def test_an_answer_that_could_not_be_had_is_not_remembered(archive: Archive) -> None:
    pasts = PastOfAll(archive, ManualClock())  # type: ignore[arg-type]
    archive.answer.set_exception(StoreError("it cannot be read"))
    with pytest.raises(StoreError):
        await pasts.of("w", "t")
    archive.answer = asyncio.get_running_loop().create_future()
    archive.answer.set_result(PAST)
    assert await pasts.of("w", "t") == PAST
