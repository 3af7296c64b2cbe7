"""Values to JSON text and back, within the limits of the language."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from graphs.expressions.arguments import need_text, need_whole
from graphs.expressions.faults import fault
from graphs.expressions.frame import Frame
from graphs.expressions.limits import INTEGER_BOUND, MAX_DATA_DEPTH
from graphs.expressions.values import a_number, check_item_count, check_text_length, kind_of, plain, text_steps

_MAX_INDENT = 8
_MAX_DIGITS = len(str(-INTEGER_BOUND))


def to_json(frame: Frame, value: Any, indent: Any = 0) -> str:
    """`x|json`, `x|json(indent=2)`: the value as JSON text, on one line without spaces unless indented."""
    indent = need_whole(indent, "argument 'indent' of filter 'json'", 0, _MAX_INDENT)
    return _written(frame, value, indent=indent or None, sort_keys=False)


def canonical(frame: Frame, value: Any) -> str:
    """The one JSON text of a value, whatever the order of its keys; for digests and for telling values apart."""
    return _written(frame, value, indent=None, sort_keys=True)


def from_json(frame: Frame, value: Any) -> Any:
    """`x|from_json`: the value that a JSON text stands for."""
    text = need_text(value, "filter 'from_json'")
    check_text_length(len(text))
    # Every value but the first stands after one of these, so this bounds what is built before it is built: a
    # megabyte of `[[],[],…` would take thirty of memory.
    frame.charge(text.count(",") + text.count("[") + text.count("{") + text_steps(len(text)))
    try:
        parsed = json.loads(text, parse_constant=_no_constant, parse_int=_whole, parse_float=_float)
    except (ValueError, RecursionError):
        # Without the decoder's own words: they quote the text, which may be a secret.
        raise fault("bad_value", "filter 'from_json' was given text that is not JSON.", "Look at the text.") from None
    if isinstance(parsed, list):
        check_item_count(len(parsed))
    return parsed


def _whole(digits: str) -> int:
    # Reading the digits of longer ones would take quadratic time, and they are out of bounds anyway.
    return int(a_number(int(digits) if len(digits) <= _MAX_DIGITS else INTEGER_BOUND))


def _float(digits: str) -> float:
    return a_number(float(digits))


def _no_constant(_word: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are Python's, not JSON's.


def _written(frame: Frame, value: Any, *, indent: int | None, sort_keys: bool) -> str:
    checked = _Checker(frame, indent or 0).plain(value, 0)
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(
        checked, ensure_ascii=False, allow_nan=False, separators=separators, indent=indent, sort_keys=sort_keys
    )
    check_text_length(len(text))
    frame.charge(text_steps(len(text)))
    return text


class _Checker:
    """Makes a value plain, and refuses it on the way when its text would be too long or the work too much."""

    def __init__(self, frame: Frame, indent: int) -> None:
        self._frame = frame
        self._indent = indent
        self._length = 0  # Of the text, at least.

    def plain(self, value: Any, depth: int) -> Any:
        if depth > MAX_DATA_DEPTH:
            raise fault("data_too_deep", f"the value is nested more than {MAX_DATA_DEPTH} deep.", "Read a part of it.")
        self._frame.charge(1)
        self._add(self._indent * depth)
        kind = kind_of(value)
        if kind == "object":
            mapping: Mapping[str, Any] = value
            self._add(sum(map(len, mapping)))
            return {key: self.plain(item, depth + 1) for key, item in mapping.items()}
        if kind == "list":
            return [self.plain(item, depth + 1) for item in value]
        if kind == "text":
            self._add(len(value))
        return a_number(plain(value)) if kind == "number" else plain(value)

    def _add(self, length: int) -> None:
        self._length += length
        check_text_length(self._length)
