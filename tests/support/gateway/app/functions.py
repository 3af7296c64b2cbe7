"""Functions that workflows of these tests call."""

import asyncio
from pathlib import Path
from typing import Any

from agents.tools.functions import Functions


def give(value: Any) -> Any:
    """What it is given."""
    return value


def refuse(value: Any) -> None:
    """Fail, and say with what."""
    raise ValueError(f"not with {value}")


async def count(file: str, name: str, seconds: float) -> str:
    """Add a line to a file before and after a while."""
    with Path(file).open("a") as before:
        before.write(f"begin {name}\n")
    await asyncio.sleep(seconds)
    with Path(file).open("a") as after:
        after.write(f"end {name}\n")
    return name


def resources() -> list[Any]:
    """For `baton serve --module`."""
    return [Functions([give, refuse, count])]
