"""Filters on lists. `attribute` is a path in each item, `'address.city'`; without it the item itself counts."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from graphs.expressions.arguments import need_boolean, need_list, need_text, need_whole
from graphs.expressions.faults import fault
from graphs.expressions.filters.columns import Column
from graphs.expressions.frame import Frame
from graphs.expressions.json_text import canonical
from graphs.expressions.operators import COMPARISONS, Binary, add
from graphs.expressions.tree import Comparison
from graphs.expressions.values import MISSING, check_item_count, check_text_length, kind_of, plain, text_steps

_Test: TypeAlias = Callable[[Frame, Column, Any], bool]

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
    column = Column(frame, value, attribute, "sort").bounded()
    keys = column.comparable()
    backwards = need_boolean(reverse, "argument 'reverse' of filter 'sort'")
    order = sorted(range(len(keys)), key=keys.__getitem__, reverse=backwards)
    return [plain(column.items[index]) for index in order]


def unique(frame: Frame, value: Any, *, attribute: Any = None) -> list[Any]:
    """`items|unique`: the first of those that are equal."""
    column = Column(frame, value, attribute, "unique").bounded()
    seen: dict[Any, Any] = {}
    for item in column.items:
        seen.setdefault(_identity(frame, column.read(item)), plain(item))
    return list(seen.values())


def _identity(frame: Frame, value: Any) -> tuple[str, Any]:
    # Python would take true for 1 and cannot hash lists and objects.
    kind = kind_of(value)
    return kind, canonical(frame, value) if kind in ("list", "object") else plain(value)


def sum_(frame: Frame, value: Any, attribute: Any = None) -> Any:
    """`rows|sum('amount')`: 0 for an empty list."""
    total: Any = 0
    column = Column(frame, value, attribute, "sum")
    for item in column.items:
        number = column.read(item)
        if kind_of(number) != "number":
            raise column.unfit("numbers", number)
        total = add(frame, total, number)
    return total


def min_(frame: Frame, value: Any, *, attribute: Any = None) -> Any:
    """`rows|min(attribute='age')` is the item with the least; missing for an empty list."""
    return _extreme(Column(frame, value, attribute, "min"), min)


def max_(frame: Frame, value: Any, *, attribute: Any = None) -> Any:
    """`[1, 3, 2]|max`"""
    return _extreme(Column(frame, value, attribute, "max"), max)


def _extreme(column: Column, choose: Callable[..., Any]) -> Any:
    keys = column.comparable()
    return plain(column.items[choose(range(len(keys)), key=keys.__getitem__)]) if keys else MISSING


def map_(frame: Frame, value: Any, attribute: Any, *, default: Any = MISSING) -> list[Any]:
    """`rows|map('address.city')`: that field of each item; `default` stands in where it is missing or null."""
    column = Column(frame, value, attribute, "map").bounded()
    if default is MISSING:
        return [plain(column.read(item)) for item in column.items]
    found = map(column.look, column.items)
    return [default if one is MISSING or one is None else plain(one) for one in found]


def select(frame: Frame, value: Any, attribute: Any = None, op: Any = None, operand: Any = None) -> list[Any]:
    """`rows|select('age', '>=', 18)`: the items for which it is true. `select('active')` needs no operator.

    Operators: those of the language, `'eq'` to `'ge'`, and `'defined'`.
    """
    return _chosen(frame, Column(frame, value, attribute, "select"), _test(op, operand, "select"), wanted=True)


def reject(frame: Frame, value: Any, attribute: Any = None, op: Any = None, operand: Any = None) -> list[Any]:
    """`rows|reject('age', '>=', 18)`: the items for which it is false."""
    return _chosen(frame, Column(frame, value, attribute, "reject"), _test(op, operand, "reject"), wanted=False)


def _chosen(frame: Frame, column: Column, test: _Test, *, wanted: bool) -> list[Any]:
    found = [plain(item) for item in column.items if test(frame, column, item) is wanted]
    check_item_count(len(found))
    return found


def _test(op: Any, operand: Any, name: str) -> _Test:
    if op is None:
        who = f"filter '{name}' without an operator"
        return lambda _, column, item: need_boolean(column.read(item), who)
    op = need_text(op, f"argument 'op' of filter '{name}'")
    if op == "defined":
        return lambda _, column, item: column.look(item) is not MISSING
    if op not in _TESTS:
        known = ", ".join([*_TESTS, "defined"])
        raise fault("bad_value", f"filter '{name}' does not know this operator.", f"Known: {known}.")
    compare = _TESTS[op]
    return lambda frame, column, item: bool(compare(frame, column.read(item), operand))


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
