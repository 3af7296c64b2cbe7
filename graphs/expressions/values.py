"""Values: the six kinds of JSON, told apart strictly, and what all operators and filters ask of them.

Python's own answers would be wrong here: `True` is an `int` and equals 1, `"a" * 3` works, `str(None)` is a word.
"""

import math
from collections.abc import Mapping
from typing import Any, Final, Literal

from graphs.errors import ExpressionError
from graphs.expressions.faults import fault
from graphs.expressions.limits import INTEGER_BOUND, MAX_DATA_DEPTH, MAX_ITEMS, MAX_STEPS, MAX_TEXT, TEXT_PER_STEP
from graphs.expressions.secret import Secret, SecretMetError, contains_secret

Kind = Literal["null", "boolean", "number", "text", "list", "object"]

NUMBERS: Final = frozenset({int, float})
SCALARS: Final = frozenset({type(None), bool, int, float, str})
PLAIN: Final = SCALARS | {list, dict}

KIND_WORDS: Final[dict[Kind, str]] = {
    "null": "null",
    "boolean": "a boolean",
    "number": "a number",
    "text": "text",
    "list": "a list",
    "object": "an object",
}

_KINDS: Final[dict[type, Kind]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "text",
    list: "list",
    dict: "object",
}

# What a Python program may put in place of those: enums that are text, lazy mappings, tuples.
_FOREIGN: Final[tuple[tuple[type, Kind], ...]] = (
    (str, "text"),
    (int, "number"),
    (float, "number"),
    (Mapping, "object"),
    (list, "list"),
    (tuple, "list"),
)


class _Missing:
    """The type of `MISSING`: what a path gives that leads nowhere, where `default` or `is defined` waits for it."""

    def __repr__(self) -> str:
        return "missing"


MISSING: Final = _Missing()


def kind_of(value: Any) -> Kind:
    """Which of the six kinds a value is.

    Raises:
        SecretMetError: It is a secret, so its kind is nobody's business here.
        ExpressionError: `not_json`: it is nothing that JSON knows.
    """
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    if type(value) is Secret:
        raise SecretMetError
    for base, kind in _FOREIGN:
        if isinstance(value, base):
            return kind
    raise _not_json(value)


def plain(value: Any) -> Any:
    """The value as exact JSON types; secrets stay.

    The engine may hand us lazy mappings, tuples and enums that are text; what leaves an expression is plain.
    """
    if type(value) in PLAIN or type(value) is Secret:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, Mapping | list | tuple):
        return _plain_deep(value, 0)
    raise _not_json(value)


def _plain_deep(value: Any, depth: int) -> Any:
    if depth > MAX_DATA_DEPTH:
        raise fault("data_too_deep", f"the value is nested more than {MAX_DATA_DEPTH} deep.", "Read a part of it.")
    if isinstance(value, Mapping):
        return {key: _plain_deep(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_deep(item, depth + 1) for item in value]
    return plain(value)


def _not_json(value: Any) -> ExpressionError:
    return fault(
        "not_json",
        f"a Python {type(value).__name__} stands here, and expressions know only JSON values.",
        "Hand it over as text, a number, true or false, null, a list or an object.",
    )


def a_number(value: float) -> int | float:
    """A result of arithmetic, refused when it is outside what JSON and other languages can carry."""
    if type(value) is int:
        if -INTEGER_BOUND <= value < INTEGER_BOUND:
            return value
    elif math.isfinite(value):
        return value
    raise fault("number_too_large", "the number is too large.", "Integers have up to 128 bits.")


def a_text(value: str) -> str:
    """A text that was made here, refused when it is too long."""
    check_text_length(len(value))
    return value


def check_text_length(length: int) -> None:
    """Refuses a text by the length it is going to have, before the memory is taken."""
    if length > MAX_TEXT:
        raise fault("text_too_long", f"the text would have {length:,} characters.", f"The most is {MAX_TEXT:,}.")


def check_item_count(count: int) -> None:
    """Refuses a list by the number of items it is going to have."""
    if count > MAX_ITEMS:
        raise fault("list_too_long", f"the list would have {count:,} items.", f"The most is {MAX_ITEMS:,}.")


def text_steps(length: int) -> int:
    """What it costs to make or to search a text of this length."""
    return length // TEXT_PER_STEP


def text_of(value: Any) -> str:
    """A value as part of a text: text as it is, numbers as JSON, `true` and `false`.

    Raises:
        SecretMetError: A secret; the text becomes a secret then.
        ExpressionError: `wrong_kind` for null, lists and objects: they have no one obvious text.
    """
    if type(value) is str:
        return value
    kind = kind_of(value)
    if kind == "text":
        return str.__str__(value)
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "number":
        return repr(a_number(plain(value)))
    if kind == "null":
        raise fault("wrong_kind", "null cannot be part of a text.", "Add |default('…') for what to write instead.")
    raise fault("wrong_kind", f"{KIND_WORDS[kind]} cannot be part of a text.", "Add |json to write it as JSON.")


def equal(left: Any, right: Any) -> bool:
    """Equality of JSON: `1 == 1.0`, but `true` is not 1 and no value equals one of another kind.

    Raises:
        SecretMetError: A secret stands in one of them.
    """
    types = type(left), type(right)
    if types[0] in SCALARS and types[1] in SCALARS:
        # A boolean equals only a boolean, whatever Python thinks of 1 and True.
        return bool(left == right) and (types[0] is bool) is (types[1] is bool)
    kind = kind_of(left)
    if kind != kind_of(right):
        return False
    if kind == "list":
        return len(left) == len(right) and all(map(equal, left, right))
    if kind == "object":
        return len(left) == len(right) and all(key in right and equal(item, right[key]) for key, item in left.items())
    return equal(plain(left), plain(right))


def size_of(value: Any) -> int:
    """How many values a value is made of; stops counting where no budget would allow more."""
    count, waiting = 0, [value]
    while waiting and count <= MAX_STEPS:
        one = waiting.pop()
        count += 1
        if type(one) is dict:
            waiting.extend(one.values())
        elif type(one) is list:
            waiting.extend(one)
    return count


def refuse_secret(value: Any, what: str, instead: str) -> None:
    """For the few things that must not be done with a secret at all."""
    if contains_secret(value):
        raise fault("secret_refused", f"{what} of a secret is not allowed.", instead)


def joined(texts: list[str]) -> str:
    """The texts as one, measured before it is made."""
    check_text_length(sum(map(len, texts)))
    return "".join(texts)
