"""A module for `--module`: a function that says when it is first called (seconds since the epoch)."""

import time
from typing import Any

from agents import Functions

_called: list[float] = []


async def work(name: str) -> str:
    _called.append(time.time())
    if len(_called) == 1:
        print("begun", _called[0], flush=True)
    return name


def resources() -> list[Any]:
    """What steps may call."""
    functions = Functions()
    functions.register("work", work)
    return [functions]
