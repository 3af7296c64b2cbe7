"""Filters that make numbers, and those on objects and encodings that are too few for files of their own."""

import math
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

from graphs.expressions.arguments import need_number, need_object, need_text, need_whole
from graphs.expressions.digests import utf8
from graphs.expressions.faults import fault
from graphs.expressions.frame import Frame
from graphs.expressions.limits import INTEGER_BOUND
from graphs.expressions.values import a_number, check_item_count, check_text_length, kind_of, plain, text_steps

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?")
_MOST_DIGITS: Final = 15


def round_(_frame: Frame, value: Any, digits: Any = 0) -> int | float:
    """`2.567|round(1)` is 2.6; without digits it is a whole number. Halves go to the even neighbour."""
    number = need_number(value, "filter 'round'")
    digits = need_whole(digits, "argument 'digits' of filter 'round'", -_MOST_DIGITS, _MOST_DIGITS)
    return a_number(round(number, digits) if digits else round(number))


def int_(_frame: Frame, value: Any) -> int:
    """`'42'|int`; of a number it cuts off the fraction. Text that is no whole number is an error, not 0."""
    if kind_of(value) == "text":
        text = plain(value).strip()
        if not _WHOLE.fullmatch(text):
            raise fault("bad_value", "filter 'int' was given text that is not a whole number.", "Try |float|int.")
        return int(a_number(int(text)))
    number = need_number(value, "filter 'int'")
    return int(a_number(math.trunc(number)))


def float_(_frame: Frame, value: Any) -> float:
    """`'1.5'|float`"""
    if kind_of(value) == "text":
        text = plain(value).strip()
        if not _NUMBER.fullmatch(text):
            raise fault("bad_value", "filter 'float' was given text that is not a number.", "It reads 1.5 and 1e3.")
        return a_number(float(text))
    number = need_number(value, "filter 'float'")
    if type(number) is int and not -INTEGER_BOUND <= number < INTEGER_BOUND:
        a_number(number)
    return float(number)


def keys(frame: Frame, value: Any) -> list[str]:
    """`object|keys`"""
    mapping = need_object(value, "filter 'keys'")
    check_item_count(len(mapping))
    frame.charge(len(mapping))
    return list(mapping)


def values(frame: Frame, value: Any) -> list[Any]:
    """`object|values`"""
    mapping = need_object(value, "filter 'values'")
    check_item_count(len(mapping))
    frame.charge(len(mapping))
    return [plain(item) for item in mapping.values()]


def base64_encode(frame: Frame, value: Any) -> str:
    """`'abc'|b64encode` is `YWJj`, of the UTF-8 bytes."""
    data = utf8(need_text(value, "filter 'b64encode'"))
    check_text_length(len(data) * 4 // 3)
    frame.charge(text_steps(2 * len(data)))
    return b64encode(data).decode("ascii")


NUMBER_FILTERS: Final[dict[str, Callable[..., Any]]] = {"round": round_, "int": int_, "float": float_}
OBJECT_FILTERS: Final[dict[str, Callable[..., Any]]] = {"keys": keys, "values": values}
ENCODING_FILTERS: Final[dict[str, Callable[..., Any]]] = {"b64encode": base64_encode}
