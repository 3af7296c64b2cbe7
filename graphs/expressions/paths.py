"""Reading one key of one value. Only items of JSON are read, never an attribute of a Python object.

So a key that is called like a method (`items`, `keys`, `get`) is a key like any other.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from graphs.errors import ExpressionError
from graphs.expressions.faults import fault, listing, nearest, quoted
from graphs.expressions.tree import ROOTS
from graphs.expressions.values import KIND_WORDS, MISSING, kind_of

_GUARD = "Add |default(…) if it may be missing."


def step_into(value: Any, key: Any) -> Any:
    """What stands under the key, or MISSING when nothing can; under MISSING there is nothing."""
    if value is MISSING:
        return MISSING
    kind = kind_of(value)
    if type(key) is str:
        if kind == "object":
            try:
                return value[key]
            except KeyError:
                return MISSING
    elif type(key) is int and kind in ("list", "text"):
        try:
            return value[key]
        except IndexError:
            return MISSING
    return MISSING


def read_key(value: Any, key: Any) -> Any:
    """What stands under the key.

    Raises:
        ExpressionError: `missing_value`, or `wrong_kind` for a value that has nothing under keys of this kind.
    """
    found = step_into(value, key)
    if found is MISSING:
        raise _absent(value, key)
    return found


def read_root(scope: Mapping[str, Any], name: str) -> Any:
    """What stands under a root's name.

    Raises:
        ExpressionError: `unknown_name`.
    """
    found = look_up_root(scope, name)
    if found is MISSING:
        raise fault("unknown_name", f"no name {quoted(name)} here. {_names(scope)}", root_hint(name, scope))
    return found


def look_up_root(scope: Mapping[str, Any], name: str) -> Any:
    """What stands under a root's name, or MISSING.

    Raises:
        ExpressionError: `unknown_name`: nothing is ever called so. Without this, `inptu.x|default(0)` would always
            be 0 and nobody would notice.
    """
    try:
        return scope[name]
    except KeyError:
        if name in ROOTS:
            return MISSING
    raise fault("unknown_name", f"no name {quoted(name)} here. {_names(scope)}", root_hint(name, scope))


def root_hint(name: str, known: Iterable[str]) -> str:
    """What to do about a root that does not exist."""
    if name in ROOTS:
        return "It exists only in other places of a workflow."
    return nearest(name, known) or "Text stands in quotes; a key with a '-' in brackets, as in steps['look-up']."


def _names(scope: Mapping[str, Any]) -> str:
    names = sorted(scope)
    return f"Names here: {listing(names)}." if names else "There are no names here."


def _absent(value: Any, key: Any) -> ExpressionError:
    kind = kind_of(value)
    what = f"no field {quoted(key)}" if type(key) is str else f"no item {key}"
    if kind == "null":
        return fault("missing_value", f"{what}: the value before it is null.", _GUARD)
    if kind == "object" and type(key) is str:
        if not value:
            return fault("missing_value", f"{what}: the object has no fields.", _GUARD)
        return fault("missing_value", f"{what}. Fields here: {listing(value)}.", nearest(key, value) or _GUARD)
    if kind in ("list", "text") and type(key) is int:
        return fault("missing_value", f"{what}: there are {len(value)}, counted from 0.", _GUARD)
    if kind == "list":
        hint = f"Write [0] for one item, |map({key!r}) for this field of each." if len(key) < 40 else "Write [0]."
    elif kind == "object":
        hint = f"Fields have names: {listing(value)}." if value else "The object has no fields."
    else:
        hint = "Look at where it comes from."
    return fault("wrong_kind", f"{what}: the value before it is {KIND_WORDS[kind]}.", hint)
