"""Single values out of a document, by paths like `values.messages[-1].content`."""

import re
from collections.abc import Mapping
from typing import Any

from graphs.errors import InputError

_PART = re.compile(r"([^.\[\]]+)|\[(-?\d{1,9})\]")
_PATH = re.compile(r"(?:[^.\[\]]+|\[-?\d{1,9}\])(?:\.[^.\[\]]+|\[-?\d{1,9}\])*\Z")


def extracted(document: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
    """What is at each path; null where nothing is.

    Raises:
        InputError: something is no path.
    """
    return {name: _at(document, path) for name, path in wanted.items()}


def _at(value: Any, path: str) -> Any:
    if not _PATH.match(path):
        raise InputError(f"'{path}' is no path to a value.", hint="Paths look like values.messages[-1].content.")
    for name, index in _PART.findall(path):
        if index:
            number = int(index)
            value = value[number] if isinstance(value, list) and -len(value) <= number < len(value) else None
        else:
            value = value.get(name) if isinstance(value, Mapping) else None
    return value
