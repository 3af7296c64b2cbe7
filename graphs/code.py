"""What a Python callable is, said the same in every process: its code, its defaults, what it has closed over.

Two lambdas of one line that differ only in a captured limit are then two definitions, as they should be.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

_DEPTH = 4
_PLAIN = (str, int, float, bool, bytes)


@dataclass(frozen=True, slots=True)
class Code:
    """What `describe_callable` reads of a callable's code."""

    co_code: bytes
    co_consts: tuple[Any, ...] = ()
    co_names: tuple[str, ...] = ()


def code_of(value: Any, depth: int = _DEPTH) -> Code:
    """The code of a callable together with its defaults, what it has closed over, and the object it is bound to."""
    if isinstance(value, partial):
        return Code(b"partial", (code_of(value.func, depth), _fact([value.args, value.keywords], depth)))
    function = value if hasattr(value, "__code__") else type(value).__call__
    code = getattr(function, "__code__", None)
    if code is None:
        return Code(_name(value).encode())
    captured = [cell.cell_contents for cell in getattr(function, "__closure__", None) or () if _filled(cell)]
    defaults = [getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None)]
    bound = getattr(value, "__self__", None if function is value else value)
    facts = [_fact(item, depth) for item in (*captured, *defaults, bound)]
    return Code(code.co_code, (*_constants(code), *facts), code.co_names)


def _constants(code: Any) -> tuple[Any, ...]:
    return tuple(_constant(one) for one in code.co_consts)


def _constant(value: Any) -> Any:
    if isinstance(value, frozenset):
        # `x in {"a", "b"}` keeps one, and its order differs from process to process.
        return tuple(sorted(map(repr, value)))
    return Code(value.co_code, _constants(value), value.co_names) if hasattr(value, "co_code") else value


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # assigned later, or never
        return False


def _fact(value: Any, depth: int) -> Any:
    """A value as it may stand in a digest: the same in every process, so never an address or a connection."""
    if value is None or isinstance(value, _PLAIN):
        return value
    if depth == 0 or inspect.ismodule(value) or isinstance(value, type):
        return _name(value)
    if isinstance(value, Mapping):
        return tuple((str(key), _fact(item, depth - 1)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_fact(item, depth - 1) for item in value)
    if hasattr(value, "__code__") or isinstance(value, partial):
        return code_of(value, depth - 1)
    kept = getattr(value, "__dict__", {}).items()
    return (_name(value), tuple((key, item) for key, item in kept if isinstance(item, _PLAIN) and key[0] != "_"))


def _name(value: Any) -> str:
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}:{named.__qualname__}"
