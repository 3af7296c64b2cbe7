"""The collector leaves alone what is loaded, as long as an engine of the process is open."""

import gc
import weakref
from contextlib import ExitStack
from itertools import count

import pytest

from orchestrator.driving import heap
from orchestrator.driving.heap import what_is_loaded_stays


def test_it_is_as_it_was_when_the_last_engine_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order they close."""
    monkeypatch.setattr(heap, "_opened", count(1))  # whatever ran before: at neither opening garbage is looked for
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    first, second = ExitStack(), ExitStack()
    first.enter_context(what_is_loaded_stays())
    held = gc.get_freeze_count()
    assert held > frozen and gc.get_threshold()[0] >= 10_000
    second.enter_context(what_is_loaded_stays())
    first.close()
    assert gc.get_freeze_count() >= held and gc.get_threshold()[0] >= 10_000
    second.close()
    assert gc.get_threshold() == before and gc.get_freeze_count() == 0


def test_a_collector_that_was_turned_off_stays_off() -> None:
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with what_is_loaded_stays():
            assert gc.get_threshold()[0] == 0
        assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)


class Engine:
    """A part of a circle, as an engine is."""

    def __init__(self, size: int) -> None:
        self.itself = self
        self.parts = [[number] for number in range(size)]


def test_a_process_that_opens_engines_one_after_the_other_keeps_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """What each of them leaves is old by then, and nothing young would ever make the collector look at it."""
    monkeypatch.setattr(heap, "_OPENINGS", 1)
    with what_is_loaded_stays():
        size = max(gc.get_freeze_count() // 2, 1)
    left = []
    for _ in range(10):
        with what_is_loaded_stays():
            engine = Engine(size)
            left.append(weakref.ref(engine))
            del engine
    assert sum(one() is not None for one in left) < 6


def test_garbage_is_not_looked_for_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """That takes a quarter of a second in a large process."""
    looks: list[str] = []
    monkeypatch.setattr(heap, "_OPENINGS", 1)
    gc.collect()
    with what_is_loaded_stays():
        pass
    monkeypatch.setattr(gc, "collect", lambda: looks.append("look"))
    for _ in range(10):
        with what_is_loaded_stays():
            pass
    assert looks == []
