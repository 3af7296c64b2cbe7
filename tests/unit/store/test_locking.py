"""One engine drives a file: the lock, and what the second one is told."""

import os
import signal
import socket
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from graphs.errors import EngineBusyError
from orchestrator.store.locking import engine_lock
from tests.unit.store import children
from tests.unit.store.conftest import Start


def test_the_second_engine_is_told_who_drives(path: Path, clock: ManualClock, start: Start) -> None:
    process, pipe = start(children.drive, path)
    assert pipe.recv() == process.pid
    with pytest.raises(EngineBusyError) as caught, engine_lock(path, clock):
        pass
    since = "2026-01-01T12:00:00.000000+00:00"
    assert str(caught.value) == (
        f"'{path}' is driven by another engine: process {process.pid} on {socket.gethostname()}, since {since}. "
        "This process may still list, decide, publish events and cancel. To drive here, stop that engine first."
    )
    assert caught.value.details["holder_pid"] == process.pid


def test_the_lock_goes_with_its_process(path: Path, clock: ManualClock, start: Start) -> None:
    process, pipe = start(children.drive, path)
    pipe.recv()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with (
        engine_lock(path, clock),
        pytest.raises(EngineBusyError, match=f"process {os.getpid()} on"),
        engine_lock(path, clock),
    ):
        pass


def test_the_lock_is_free_again_after_its_block(path: Path, clock: ManualClock) -> None:
    for _ in range(2):
        with engine_lock(path, clock):
            pass


def test_a_holder_that_has_not_written_who_it_is(path: Path, clock: ManualClock) -> None:
    with engine_lock(path, clock):
        path.with_name(f"{path.name}.lock").write_bytes(b"")
        with (
            pytest.raises(EngineBusyError, match="driven by another engine: another process, just started"),
            engine_lock(path, clock),
        ):
            pass
