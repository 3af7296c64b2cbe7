"""What a scalar without quotes means: the core schema of YAML 1.2, and nothing of YAML 1.1.

So `on`, `off`, `yes`, `no` and dates are text, and `0o17` is a number while `017` is seventeen.
"""

import math
import re
from typing import Any

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LARGEST = 2**63
_LONGEST = 72

_SURROGATE = re.compile("[\ud800-\udfff]")


class ScalarError(ValueError):
    """The scalar means nothing that JSON knows; the text says what is wrong, in words."""


def meaning(raw: str) -> str | int | float | bool | None:
    """The JSON value of a scalar without quotes.

    Raises:
        ScalarError: It is a number that JSON, or the 64 bits we keep, cannot hold.
    """
    if raw in _NULL:
        return None
    if raw in _TRUE:
        return True
    if raw in _FALSE:
        return False
    for pattern, base in ((_INTEGER, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.fullmatch(raw):
            return _integer(raw, base)
    if _FLOAT.fullmatch(raw):
        return _finite(float(raw), raw)
    if _NOT_FINITE.fullmatch(raw):
        raise ScalarError(f"'{raw}' is not a number that JSON knows")
    return raw


def whole_text(text: str) -> str:
    """The text with escaped surrogate pairs joined, as JSON writes characters beyond U+FFFF.

    Raises:
        ScalarError: A half is left over, or it holds NUL: no database keeps either.
    """
    if "\0" in text:
        raise ScalarError("a text holds the character NUL (U+0000)")
    if not _SURROGATE.search(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ScalarError("a text holds half a character (a lone surrogate)") from None


def json_scalar(value: Any) -> Any:
    """A scalar from a caller; what is no JSON at all is given back as it is.

    Raises:
        ScalarError: It is a number or text that cannot be kept.
    """
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise ScalarError("a number does not fit into 64 bits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ScalarError(f"'{value!r}' is not a number that JSON knows")
    return value


def _integer(raw: str, base: int) -> int:
    # The length is looked at first: `int()` takes quadratic time, and refuses thousands of digits in its own words.
    if len(raw) > _LONGEST or not -_LARGEST <= (number := int(raw, base)) < _LARGEST:
        raise ScalarError(f"the number {raw[:_LONGEST]} does not fit into 64 bits")
    return number


def _finite(number: float, raw: str) -> float:
    if number in (float("inf"), float("-inf")):
        raise ScalarError(f"the number {raw[:_LONGEST]} is too large")
    return number
