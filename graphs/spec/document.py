"""A definition as JSON values, and what in it cannot be written as such: Python callables."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from graphs.code import code_of


@dataclass(frozen=True, slots=True)
class FromState:
    """A Python callable that stands where a template could: called with the state when the step runs (D16)."""

    function: Callable[[Any], Any]


def describe_callable(function: Any) -> dict[str, str]:
    """A callable's name and a digest of its code, so that a changed body is a changed definition."""
    if isinstance(function, FromState):
        function = function.function
    name = f"{getattr(function, '__module__', '?')}:{getattr(function, '__qualname__', type(function).__qualname__)}"
    return {"$python": name, "digest": hashlib.sha256(repr(code_of(function)).encode()).hexdigest()[:16]}


def plain(value: Any) -> Any:
    """JSON values of a dumped model: tuples as lists, callables described, times as text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="python", by_alias=True, exclude_defaults=True, exclude_none=True))
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return describe_callable(value)


def callable_paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from callable_paths(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from callable_paths(item, f"{path}[{index}]")
    elif isinstance(value, FromState) or callable(value):
        yield path
