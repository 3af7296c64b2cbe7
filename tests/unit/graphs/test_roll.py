"""A roll call misses those who never begin, and nobody in a process that does not keep up."""

import asyncio
import time

import pytest

from graphs.errors import EngineError
from graphs.flow import roll
from graphs.flow.roll import RollCall


class Lost:
    """A flow one of whose bodies never begins."""

    dispatched = frozenset({"a", "b"})

    def __init__(self) -> None:
        self.heard: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def not_entered(self) -> list[str]:
        return ["b"]

    def lost(self, error: BaseException) -> None:
        self.heard.set_result(error)


async def test_nobody_is_missed_while_the_process_does_not_keep_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,500 executions that began at once on a starved machine were ended, all of them, though nothing was wrong."""
    monkeypatch.setattr(roll, "_SECONDS", 0.02)
    monkeypatch.setattr(roll, "_LATE", 0.05)
    flow = Lost()
    RollCall(flow).call()
    for _ in range(2 * roll._RINGS):
        await asyncio.sleep(0)
        time.sleep(0.06)  # a turn of the loop that takes long
        assert not flow.heard.done()
    error = await asyncio.wait_for(flow.heard, 60)
    assert isinstance(error, EngineError) and error.code == "steps_not_begun"
