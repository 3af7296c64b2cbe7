"""Ctrl-C, and SIGTERM: the first asks to stop in order, the second leaves at once."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from orchestrator.cli.exits import Exit
from orchestrator.cli.support.terminal import note

_EXITS: Final = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}
_SHOW_CURSOR: Final = "\x1b[?25h"


class Interrupts:
    """What was heard of the signals.

    Attributes:
        code: How the process ends that was asked to stop: scripts and supervisors tell Ctrl-C from SIGTERM by it.
    """

    def __init__(self, first: Callable[[], bool | None], go_on: Callable[[], str]) -> None:
        self.code = Exit.INTERRUPTED
        self._first = first
        self._go_on = go_on
        self._asked = False

    def heard(self, code: Exit) -> None:
        """Take a signal."""
        self.code = code
        if self._asked or self._first():
            _leave(code, self._go_on())
        self._asked = True


@contextmanager
def interrupts(first: Callable[[], bool | None], go_on: Callable[[], str]) -> Iterator[Interrupts]:
    """While the block runs on the event loop, call back at the first signal, and end the process at the second.

    Ending at once is safe: whatever is finished was committed, and what runs is run again by the next engine.

    Args:
        first: Asks for a stop in order; true when there is nothing to wait for, so that this signal ends the process.
        go_on: The command that goes on afterwards.
    """
    taken = Interrupts(first, go_on)
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError, RuntimeError, ValueError):  # not the main thread: somebody else's loop
        for number, code in _EXITS.items():
            loop.add_signal_handler(number, taken.heard, code)
    try:
        yield taken
    finally:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            for number in _EXITS:
                loop.remove_signal_handler(number)


def _leave(code: Exit, go_on: str) -> None:
    """End the process at once."""
    if sys.stdout.isatty():
        sys.stdout.write(_SHOW_CURSOR)  # a live display hides it
    with suppress(OSError, ValueError):
        note(f"Left at once; nothing finished is lost. Go on: {go_on}")
        sys.stdout.flush()
    os._exit(code)
