"""One engine drives a file: the lock, and what the second one is told."""

import fcntl
import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from graphs.errors import EngineBusyError
from orchestrator.store.locking import engine_lock, is_locked
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


def test_who_only_looks_keeps_nobody_from_driving(path: Path, clock: ManualClock) -> None:
    """Looking leaves no trace, and an engine that opens in the same instant looks again."""
    assert not is_locked(path)
    assert not path.with_name(f"{path.name}.lock").exists()
    with engine_lock(path, clock):
        holder = path.with_name(f"{path.name}.lock").read_bytes()
        assert is_locked(path)
        assert path.with_name(f"{path.name}.lock").read_bytes() == holder
    assert not is_locked(path)
    stop = threading.Event()
    looking = [threading.Thread(target=_look, args=(path, stop)) for _ in range(2)]
    for thread in looking:
        thread.start()
    try:
        for _ in range(200):
            with engine_lock(path, clock):
                pass
    finally:
        stop.set()
        for thread in looking:
            thread.join()


def test_who_looks_and_is_given_no_time_to_let_go_keeps_nobody_from_driving(path: Path, clock: ManualClock) -> None:
    """Its process was put off the processor between the two; while an engine drives, nobody waits for it."""
    with engine_lock(path, clock), pytest.raises(EngineBusyError), engine_lock(path, clock):
        pass
    with path.with_name(f"{path.name}.lock").open("rb") as looked:
        fcntl.flock(looked, fcntl.LOCK_SH)
        lets_go = threading.Timer(0.2, lambda: fcntl.flock(looked, fcntl.LOCK_UN))
        lets_go.start()
        with engine_lock(path, clock):
            assert is_locked(path)
        lets_go.join()


def _look(path: Path, stop: threading.Event) -> None:
    while not stop.wait(0.001):
        is_locked(path)
