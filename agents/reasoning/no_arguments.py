"""Arguments of calls that are none, and what the model is told of them."""

import json
from typing import Any, Final

from agents.values import shorten

MAX_ARGUMENTS: Final = 1_000_000
"""Bytes of the arguments of one turn's calls, as JSON; a model that gives more has lost its way."""

_SHARE: Final = 4
"""What is kept of a turn holds its arguments more than once."""


def no_json(text: str) -> str:
    """What is wrong with them, after `the arguments of this call`."""
    return f"are no JSON: {shorten(text, 200)}"


class Room:
    """What the calls of one turn have for their arguments.

    Args:
        kept: Bytes that the result of a step may take (`BATON_MAX_RESULT_BYTES`): what was paid for is kept, and a turn
            that could not be would be paid for in vain.
    """

    def __init__(self, kept: int | None) -> None:
        self._most = MAX_ARGUMENTS if kept is None else min(MAX_ARGUMENTS, kept // _SHARE)
        self._left = self._most

    def lacks_for(self, arguments: Any) -> str | None:
        """Why these are not taken; None where they are."""
        size = len(json.dumps(arguments, ensure_ascii=False).encode())
        if size <= self._left:
            self._left -= size
            return None
        return f"take {size} bytes, and those of all calls of one turn may take {self._most}"
