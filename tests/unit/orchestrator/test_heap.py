"""The collector leaves alone what is loaded, as long as an engine of the process is open."""

import gc
from contextlib import ExitStack

from orchestrator.driving.heap import what_is_loaded_stays


def test_it_is_as_it_was_when_the_last_engine_is_closed() -> None:
    """In whatever order they close."""
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
