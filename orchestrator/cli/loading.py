"""The garbage collector, while the command line and what performs its commands are loaded."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def while_loading() -> Iterator[None]:
    """Collect nothing, and leave what was made alone: imports make what stays, and going through it again and again
    takes a fifth of their time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
