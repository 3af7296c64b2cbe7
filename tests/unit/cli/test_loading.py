"""Nothing is collected while programs are loaded."""

import gc

from orchestrator.cli.loading import while_loading


def test_nothing_is_collected_while_loading_and_what_was_loaded_is_left_alone() -> None:
    frozen = gc.get_freeze_count()
    try:
        with while_loading():
            assert not gc.isenabled()
        assert gc.isenabled() and gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()


def test_a_collector_that_was_off_is_off_after_loading() -> None:
    gc.disable()
    try:
        with while_loading():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
