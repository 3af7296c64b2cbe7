"""Being the one engine that drives a file: an operating-system lock, gone with the process that held it."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import orjson

from graphs.clock import Clock
from graphs.errors import EngineBusyError
from orchestrator.store.rows import to_time

_PATIENCE = 10.0
"""Seconds that whoever only looks may take. An instant, unless the machine gives it no time to let go."""
_PAUSE = 0.002


@contextmanager
def engine_lock(database: Path, clock: Clock) -> Iterator[None]:
    """Hold `<file>.lock`. The file stays: removing it would let two processes lock two files of one name.

    Raises:
        EngineBusyError: another process holds it; the message names it.
    """
    with _lock_of(database).open("a+b") as file:
        if not _locked_by_us(file):
            raise _busy(database, file)
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": to_time(clock.now())}
        file.truncate(0)
        file.write(orjson.dumps(holder))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
            fcntl.flock(file, fcntl.LOCK_UN)


def is_locked(database: Path) -> bool:
    """Whether an engine drives the file now. Leaves no trace, so that it can be asked where nothing may be written."""
    try:
        with _lock_of(database).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _lock_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.lock")


def _locked_by_us(file: IO[bytes]) -> bool:
    until = time.monotonic() + _PATIENCE
    while not _takes(file, fcntl.LOCK_EX):
        # Whoever asks `is_locked` shares it, for an instant; an engine shares it with nobody.
        if not _takes(file, fcntl.LOCK_SH) or time.monotonic() > until:
            return False
        fcntl.flock(file, fcntl.LOCK_UN)
        time.sleep(_PAUSE)
    return True


def _takes(file: IO[bytes], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _busy(database: Path, file: IO[bytes]) -> EngineBusyError:
    file.seek(0)
    try:
        holder = orjson.loads(file.read())
        who = f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (orjson.JSONDecodeError, KeyError):  # it has locked the file and not yet written who it is
        holder, who = {}, "another process, just started"
    return EngineBusyError(
        f"'{database}' is driven by another engine: {who}.",
        hint="This process may still list, decide, publish events and cancel. To drive here, stop that engine first.",
        file=str(database),
        **{f"holder_{name}": value for name, value in holder.items()},
    )
