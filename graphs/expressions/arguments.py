"""What filters and functions ask of a value before they touch it. A secret raises SecretMetError in all of them."""

from collections.abc import Mapping
from typing import Any, Final

from graphs.expressions.faults import fault
from graphs.expressions.limits import INTEGER_BOUND
from graphs.expressions.values import KIND_WORDS, Kind, kind_of, plain

_HINTS: Final[dict[tuple[Kind, Kind], str]] = {
    ("text", "number"): "Add |string before it.",
    ("text", "boolean"): "Add |string before it.",
    ("text", "list"): "Add |join or |json before it.",
    ("text", "object"): "Add |json before it.",
    ("number", "text"): "Add |int or |float before it.",
    ("list", "object"): "Add |keys or |values before it.",
    ("list", "text"): "Add |split before it.",
    ("object", "text"): "Add |from_json before it.",
}
_DEFAULT_HINTS: Final[dict[Kind, str]] = {"boolean": "Compare it with something, as in x == 'yes' or x > 0."}


def need(kind: Kind, value: Any, who: str) -> Any:
    """The value, of the given kind and as an exact JSON type.

    Args:
        kind: What is needed.
        value: What is there.
        who: Who needs it, for the message: `filter 'lower'`.

    Raises:
        ExpressionError: `wrong_kind`.
    """
    found = kind_of(value)
    if found == kind:
        return plain(value)
    hint = _HINTS.get((kind, found)) or _DEFAULT_HINTS.get(kind, "Look at where it comes from.")
    if found == "null":
        hint = "Add |default(…) before it."
    raise fault("wrong_kind", f"{who} needs {KIND_WORDS[kind]}, not {KIND_WORDS[found]}.", hint)


def need_text(value: Any, who: str) -> str:
    """The value as text."""
    text: str = value if type(value) is str else need("text", value, who)
    return text


def need_list(value: Any, who: str) -> list[Any]:
    """The value as a list."""
    items: list[Any] = value if type(value) is list else need("list", value, who)
    return items


def need_object(value: Any, who: str) -> Mapping[str, Any]:
    """The value as an object; a lazy mapping stays lazy."""
    if kind_of(value) != "object":
        need("object", value, who)
    mapping: Mapping[str, Any] = value
    return mapping


def need_number(value: Any, who: str) -> int | float:
    """The value as a number."""
    number: int | float = need("number", value, who)
    return number


def need_whole(value: Any, who: str, low: int = -INTEGER_BOUND, high: int = INTEGER_BOUND) -> int:
    """The value as a whole number from `low` to `high`."""
    number = need_number(value, who)
    if type(number) is int and low <= number <= high:
        return number
    limited = low > -INTEGER_BOUND
    hint = "Use |round or |int to make one." if type(number) is float else "Choose one of those."
    raise fault("bad_value", f"{who} needs a whole number{f' from {low} to {high}' if limited else ''}.", hint)


def need_boolean(value: Any, who: str) -> bool:
    """The value as true or false."""
    if value is True or value is False:
        return bool(value)
    return bool(need("boolean", value, who))
