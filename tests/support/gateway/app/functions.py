"""Functions that workflows of these tests call."""

from typing import Any

from agents.functions import Functions


def give(value: Any) -> Any:
    """What it is given."""
    return value


def resources() -> list[Any]:
    """For `baton serve --module`."""
    return [Functions([give])]
