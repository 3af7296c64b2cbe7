"""How long something takes, however busy the machine is, and whatever was left by tests before it."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def processor_time() -> Iterator[Callable[[], float]]:
    """Gives what tells the seconds of processor time that this process has used since the block began.

    Meanwhile nobody looks for garbage: one look at all that a long run has left takes longer than what is measured.
    """
    gc.disable()
    began = time.process_time()
    try:
        yield lambda: time.process_time() - began
    finally:
        gc.enable()
