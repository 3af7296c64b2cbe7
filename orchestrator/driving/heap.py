"""The garbage collector, while engines are at work.

What is loaded by the time an engine opens (LangGraph, pydantic's models, definitions) stays for as long as the engine
does. A collector that goes through all of it again and again takes a tenth of a second each time, in which nothing
else happens.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_YOUNG: Final = 10_000
"""Objects that come to be before the collector looks at them. Each execution makes and drops thousands."""

_found: Final[list[tuple[int, int, int]]] = []
"""For each open engine, the thresholds it found: the collector is one for the process, its engines may be several."""


@contextmanager
def what_is_loaded_stays() -> Iterator[None]:
    """Leave what there is now alone, until the last engine of the process is closed."""
    _found.append(gc.get_threshold())
    gc.freeze()
    if 0 < _found[-1][0] < _YOUNG:
        gc.set_threshold(_YOUNG, *_found[-1][1:])
    try:
        yield
    finally:
        first = _found[0]
        _found.pop()
        if not _found:
            gc.set_threshold(*first)
            gc.unfreeze()
