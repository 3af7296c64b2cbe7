"""The operators, strict in the kinds they take. Each is called with the frame and both sides.

A side that is a secret raises SecretMetError; whoever called lifts the work over it.
"""

import operator
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from graphs.errors import ExpressionError
from graphs.expressions.faults import fault
from graphs.expressions.frame import Frame
from graphs.expressions.tree import Comparison, Operator
from graphs.expressions.values import (
    KIND_WORDS,
    NUMBERS,
    SCALARS,
    a_number,
    check_item_count,
    check_text_length,
    equal,
    kind_of,
    plain,
    size_of,
    text_steps,
)

Binary: TypeAlias = Callable[[Frame, Any, Any], Any]


def add(frame: Frame, left: Any, right: Any) -> Any:
    """`+`: numbers, text to text, list to list."""
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return _computed(operator.add, left, right)
    kind = kind_of(left)
    if kind != kind_of(right) or kind not in ("number", "text", "list"):
        raise _unfit("+", left, right)
    left, right = plain(left), plain(right)
    if kind == "text":
        check_text_length(len(left) + len(right))
        frame.charge(text_steps(len(left) + len(right)))
    elif kind == "list":
        check_item_count(len(left) + len(right))
        frame.charge(len(left) + len(right))
    else:
        return _computed(operator.add, left, right)
    return left + right


def _on_numbers(symbol: Operator, compute: Callable[[Any, Any], Any]) -> Binary:
    def run(_frame: Frame, left: Any, right: Any) -> Any:
        if type(left) not in NUMBERS or type(right) not in NUMBERS:
            if kind_of(left) != "number" or kind_of(right) != "number":
                raise _unfit(symbol, left, right)
            left, right = plain(left), plain(right)
        return _computed(compute, left, right)

    return run


def _computed(compute: Callable[[Any, Any], Any], left: Any, right: Any) -> int | float:
    try:
        return a_number(compute(left, right))
    except ZeroDivisionError:
        raise fault("division_by_zero", "division by zero.", "Test it first: a / b if b != 0 else 0.") from None
    except OverflowError:
        raise fault("number_too_large", "the number is too large.", "Integers have up to 128 bits.") from None


_TAKES: Final = {
    "+": "It adds numbers, texts or lists, both sides of one kind.",
    **dict.fromkeys(("==", "!="), "Both sides must be of one kind, or null."),
    **dict.fromkeys(("<", "<=", ">", ">="), "It compares numbers with numbers and texts with texts."),
}


def _unfit(symbol: str, left: Any, right: Any) -> ExpressionError:
    kinds = {kind_of(left), kind_of(right)}
    if "null" in kinds:
        hint = "Add |default(…) to what may be null."
    elif symbol == "+" and kinds == {"number", "text"}:
        hint = "To join texts use '~'; to compute use |int or |float."
    elif kinds == {"number", "text"}:
        hint = "Use |int or |float to make a number of text."
    else:
        hint = _TAKES.get(symbol, "It computes with numbers only.")
    words = f"{KIND_WORDS[kind_of(left)]} and {KIND_WORDS[kind_of(right)]}"
    return fault("wrong_kind", f"'{symbol}' does not work on {words}.", hint)


def _equality(symbol: Comparison, *, wanted: bool) -> Binary:
    def run(frame: Frame, left: Any, right: Any) -> bool:
        if type(left) is type(right) and type(left) in SCALARS:
            return (left == right) is wanted
        if type(left) not in SCALARS or type(right) not in SCALARS:
            frame.charge(size_of(left))
        kinds = kind_of(left), kind_of(right)
        if kinds[0] != kinds[1] and "null" not in kinds:
            # Always false is what nobody means who writes `input.amount == '5'`. Null is how JSON says "nothing".
            raise _unfit(symbol, left, right)
        return equal(left, right) is wanted

    return run


def _ordered(symbol: Comparison, compare: Callable[[Any, Any], bool]) -> Binary:
    def run(_frame: Frame, left: Any, right: Any) -> bool:
        if type(left) not in NUMBERS or type(right) not in NUMBERS:
            kind = kind_of(left)
            if kind != kind_of(right) or kind not in ("number", "text"):
                raise _unfit(symbol, left, right)
        return compare(left, right)

    return run


def _within(frame: Frame, left: Any, right: Any) -> bool:
    kind = kind_of(right)
    if kind == "list":
        frame.charge(len(right) * (1 if type(left) in SCALARS else size_of(left)))
        kind_of(left)  # A secret must taint the answer even where the list is empty.
        return any(equal(left, item) for item in right)
    if kind in ("text", "object") and kind_of(left) == "text":
        if kind == "text":
            frame.charge(text_steps(len(right)))
        return left in right
    raise fault(
        "wrong_kind",
        f"'in' does not look for {KIND_WORDS[kind_of(left)]} in {KIND_WORDS[kind]}.",
        "It finds text in text, an item in a list and a key in an object.",
    )


def _without(frame: Frame, left: Any, right: Any) -> bool:
    return not _within(frame, left, right)


ARITHMETIC: Final[dict[Operator, Binary]] = {
    "+": add,
    "-": _on_numbers("-", operator.sub),
    "*": _on_numbers("*", operator.mul),
    "/": _on_numbers("/", operator.truediv),
    "//": _on_numbers("//", operator.floordiv),
    "%": _on_numbers("%", operator.mod),
}

COMPARISONS: Final[dict[Comparison, Binary]] = {
    "==": _equality("==", wanted=True),
    "!=": _equality("!=", wanted=False),
    "<": _ordered("<", operator.lt),
    "<=": _ordered("<=", operator.le),
    ">": _ordered(">", operator.gt),
    ">=": _ordered(">=", operator.ge),
    "in": _within,
    "not in": _without,
}
