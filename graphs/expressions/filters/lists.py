"""Filters on lists. `attribute` is a path in each item, `'address.city'`; without it the item itself counts."""

from collections.abc import Callable
from typing import Any, Final

from graphs.errors import ExpressionError
from graphs.expressions.arguments import need_boolean, need_list, need_text, need_whole
from graphs.expressions.faults import fault
from graphs.expressions.frame import Frame
from graphs.expressions.json_text import canonical
from graphs.expressions.operators import COMPARISONS, Binary, add
from graphs.expressions.paths import read_key, step_into
from graphs.expressions.tree import Comparison
from graphs.expressions.values import (
    KIND_WORDS,
    MISSING,
    check_item_count,
    check_text_length,
    kind_of,
    plain,
    text_steps,
)

_LEAVE_OUT: Final = "Use |select to leave out what does not fit."
_WORDS: Final[dict[str, Comparison]] = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_TESTS: Final[dict[str, Binary]] = {str(symbol): test for symbol, test in COMPARISONS.items()} | {
    word: COMPARISONS[symbol] for word, symbol in _WORDS.items()
}


def first(_frame: Frame, value: Any) -> Any:
    """`[a, b]|first`; of an empty list it is missing, so `|default(x)` after it helps."""
    return _end(value, 0, "first")


def last(_frame: Frame, value: Any) -> Any:
    """`[a, b]|last`"""
    return _end(value, -1, "last")


def _end(value: Any, index: int, name: str) -> Any:
    items = plain(value) if kind_of(value) == "text" else need_list(value, f"filter '{name}'")
    return plain(items[index]) if items else MISSING


def slice_(frame: Frame, value: Any, start: Any, end: Any = None) -> Any:
    """`items|slice(0, 10)`: from `start` up to but not `end`, of a list or a text; negative ones count from the end."""
    start = need_whole(start, "argument 'start' of filter 'slice'")
    end = None if end is None else need_whole(end, "argument 'end' of filter 'slice'")
    if kind_of(value) == "text":
        text = plain(value)[start:end]
        check_text_length(len(text))
        frame.charge(text_steps(len(text)))
        return text
    items = need_list(value, "filter 'slice'")
    count = len(range(*slice(start, end).indices(len(items))))
    check_item_count(count)
    frame.charge(count)
    return [plain(item) for item in items[start:end]]


def sort(frame: Frame, value: Any, reverse: Any = False, *, attribute: Any = None) -> list[Any]:
    """`rows|sort(attribute='age', reverse=true)`: numbers by size, texts by their characters, capitals first."""
    items = _bounded(frame, value, "sort")
    keys = _comparable(frame, items, attribute, "sort")
    order = sorted(
        range(len(items)), key=keys.__getitem__, reverse=need_boolean(reverse, "argument 'reverse' of filter 'sort'")
    )
    return [items[index] for index in order]


def unique(frame: Frame, value: Any, *, attribute: Any = None) -> list[Any]:
    """`items|unique`: the first of those that are equal."""
    items = _bounded(frame, value, "unique")
    seen: dict[Any, Any] = {}
    for item in items:
        key = _read(frame, item, attribute, "unique")
        seen.setdefault(_identity(frame, key), item)
    return list(seen.values())


def _identity(frame: Frame, value: Any) -> tuple[str, Any]:
    # Python would take true for 1 and cannot hash lists and objects.
    kind = kind_of(value)
    return kind, canonical(frame, value) if kind in ("list", "object") else plain(value)


def sum_(frame: Frame, value: Any, attribute: Any = None) -> Any:
    """`rows|sum('amount')`: 0 for an empty list."""
    total: Any = 0
    for item in _counted(frame, value, "sum"):
        number = _read(frame, item, attribute, "sum")
        if kind_of(number) != "number":
            raise _unfit("sum", "numbers", number)
        total = add(frame, total, number)
    return total


def min_(frame: Frame, value: Any, *, attribute: Any = None) -> Any:
    """`rows|min(attribute='age')` is the item with the least; missing for an empty list."""
    return _extreme(frame, value, attribute, "min", min)


def max_(frame: Frame, value: Any, *, attribute: Any = None) -> Any:
    """`[1, 3, 2]|max`"""
    return _extreme(frame, value, attribute, "max", max)


def _extreme(frame: Frame, value: Any, attribute: Any, name: str, choose: Callable[..., Any]) -> Any:
    items = _counted(frame, value, name)
    keys = _comparable(frame, items, attribute, name)
    return plain(items[choose(range(len(items)), key=keys.__getitem__)]) if items else MISSING


def map_(frame: Frame, value: Any, attribute: Any, *, default: Any = MISSING) -> list[Any]:
    """`rows|map('address.city')`: that field of each item; `default` stands in where it is missing or null."""
    items = _bounded(frame, value, "map")
    if default is MISSING:
        return [plain(_read(frame, item, attribute, "map")) for item in items]
    found = [_look(frame, item, attribute, "map") for item in items]
    return [default if one is MISSING or one is None else plain(one) for one in found]


def select(frame: Frame, value: Any, attribute: Any = None, op: Any = None, operand: Any = None) -> list[Any]:
    """`rows|select('age', '>=', 18)`: the items for which it is true. `select('active')` needs no operator.

    Operators: those of the language, `'eq'` to `'ge'`, and `'defined'`.
    """
    return _chosen(frame, value, (attribute, op, operand), "select", wanted=True)


def reject(frame: Frame, value: Any, attribute: Any = None, op: Any = None, operand: Any = None) -> list[Any]:
    """`rows|reject('age', '>=', 18)`: the items for which it is false."""
    return _chosen(frame, value, (attribute, op, operand), "reject", wanted=False)


def _chosen(frame: Frame, value: Any, rule: tuple[Any, Any, Any], name: str, *, wanted: bool) -> list[Any]:
    attribute, op, operand = rule
    test = _test(op, name)
    found = []
    for item in _counted(frame, value, name):
        if op == "defined":
            passed = _look(frame, item, attribute, name) is not MISSING
        elif test is None:
            passed = need_boolean(_read(frame, item, attribute, name), f"filter '{name}' without an operator")
        else:
            passed = test(frame, _read(frame, item, attribute, name), operand)
        if passed is wanted:
            found.append(plain(item))
    check_item_count(len(found))
    return found


def _test(op: Any, name: str) -> Binary | None:
    if op is None or op == "defined":
        return None
    op = need_text(op, f"argument 'op' of filter '{name}'")
    if op not in _TESTS:
        known = ", ".join([*_TESTS, "defined"])
        raise fault("bad_value", f"filter '{name}' does not know this operator.", f"Known: {known}.")
    return _TESTS[op]


def _counted(frame: Frame, value: Any, name: str) -> list[Any]:
    items = need_list(value, f"filter '{name}'")
    frame.charge(len(items))
    return items


def _bounded(frame: Frame, value: Any, name: str) -> list[Any]:
    items = _counted(frame, value, name)
    check_item_count(len(items))
    return items


def _read(frame: Frame, item: Any, attribute: Any, name: str) -> Any:
    for key in _keys(frame, attribute, name):
        item = read_key(item, key)
    return item


def _look(frame: Frame, item: Any, attribute: Any, name: str) -> Any:
    for key in _keys(frame, attribute, name):
        item = step_into(item, key)
        if item is MISSING:
            break
    return item


def _keys(frame: Frame, attribute: Any, name: str) -> list[str | int]:
    if attribute is None:
        return []
    if type(attribute) is int:
        return [attribute]
    parts = need_text(attribute, f"argument 'attribute' of filter '{name}'").split(".")
    frame.charge(len(parts) - 1)
    return [int(part) if part.isascii() and part.isdigit() and len(part) < 9 else part for part in parts]


def _comparable(frame: Frame, items: list[Any], attribute: Any, name: str) -> list[Any]:
    """What the items are compared by: all numbers, or all texts."""
    keys = [_read(frame, item, attribute, name) for item in items]
    kinds = {kind_of(key) for key in keys}
    for key in keys:
        if kind_of(key) not in ("number", "text"):
            raise _unfit(name, "numbers or texts", key)
    if len(kinds) > 1:
        raise fault(
            "wrong_kind", f"filter '{name}' needs items of one kind, and here are numbers and texts.", _LEAVE_OUT
        )
    return keys


def _unfit(name: str, wanted: str, found: Any) -> ExpressionError:
    message = f"filter '{name}' needs {wanted}, and one of them is {KIND_WORDS[kind_of(found)]}."
    return fault("wrong_kind", message, _LEAVE_OUT)


LIST_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "first": first,
    "last": last,
    "slice": slice_,
    "sort": sort,
    "unique": unique,
    "sum": sum_,
    "min": min_,
    "max": max_,
    "map": map_,
    "select": select,
    "reject": reject,
}
