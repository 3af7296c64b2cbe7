"""Ctrl-C, and SIGTERM: the first asks to stop in order, the second leaves at once."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from orchestrator.cli.exits import Exit

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR: Final = "\x1b[?25h"


@contextmanager
def interrupts(first: Callable[[], None]) -> Iterator[None]:
    """While the block runs on the event loop, call back at the first signal, and end the process at the second.

    Ending at once is safe: whatever is finished was committed, and what runs is run again by the next engine.
    """
    asked = False

    def heard() -> None:
        nonlocal asked
        if asked:
            leave()
        asked = True
        first()

    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError, RuntimeError, ValueError):  # not the main thread: somebody else's loop
        for number in _SIGNALS:
            loop.add_signal_handler(number, heard)
    try:
        yield
    finally:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            for number in _SIGNALS:
                loop.remove_signal_handler(number)


def leave() -> None:
    """End the process at once."""
    if sys.stdout.isatty():
        sys.stdout.write(_SHOW_CURSOR)  # a live display hides it
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(Exit.INTERRUPTED)
