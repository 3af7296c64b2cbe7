"""The garbage collector, while engines are at work.

What is loaded by the time an engine opens (LangGraph, pydantic's models, definitions) stays for as long as the engine
does. A collector that goes through all of it again and again takes a tenth of a second each time, in which nothing
else happens.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

_YOUNG: Final = 10_000
"""Objects that come to be before the collector looks at them. Each execution makes and drops thousands."""

_OPENINGS: Final = 16
"""Of engines, until somebody looks whether garbage has come together: counting all objects takes some milliseconds."""

_TOO_MANY: Final = 2.0
"""Times as many objects as there were without garbage. Whatever is left alone counts as old, and what is old the
collector would not look at again: a process that opens one engine after the other would keep what was left of each."""

_found: Final[list[tuple[int, int, int]]] = []
"""For each open engine, the thresholds it found: the collector is one for the process, its engines may be several."""

_opened: Final = count(1)

_loaded: Final[list[int]] = []
"""How many objects there were at most when somebody last looked and found no garbage."""


@contextmanager
def what_is_loaded_stays() -> Iterator[None]:
    """Leave what there is now alone, until the last engine of the process is closed."""
    _found.append(gc.get_threshold())
    gc.freeze()
    if next(_opened) % _OPENINGS == 0 and gc.isenabled() and _found[0][0] > 0:
        _look_for_garbage()
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


def _look_for_garbage() -> None:
    there = gc.get_freeze_count()
    if not _loaded or there > _TOO_MANY * _loaded[0]:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        _loaded[:] = [gc.get_freeze_count()]
    else:
        _loaded[0] = min(there, _loaded[0])
