"""Who goes first where there is not room for all: runs in the queue of the gateway, executions in the engine."""

from datetime import datetime
from typing import Final

LOWEST: Final = -1000
HIGHEST: Final = 1000
"""Priorities that callers may ask for."""

LEVEL: Final = 10.0
"""Seconds of waiting that a level of priority is worth. The urgent go first, and whoever has waited for long enough
goes before them: nobody waits for ever."""


def turn_of(since: datetime, priority: int) -> float:
    """Whoever has the smallest goes first.

    Args:
        since: When the waiting began.
    """
    return since.timestamp() - priority * LEVEL
