"""A pydantic error as a sentence: what, where, the nearest right name, what next. No pydantic text comes through."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from graphs.expressions import Secret
from graphs.loading.models import Unfolded, key_of_model_with, keys_of, unfold
from graphs.loading.names import nearest, suggestion
from graphs.loading.places import Path, written

_SHOWN = 60
_HIDDEN = object()


class Complaint(NamedTuple):
    """One thing a model does not accept.

    `path` leads from where the model stands; `key` is an unknown key in it, `missing` one that it lacks.
    """

    code: str
    path: Path
    message: str
    hint: str | None
    key: str | None = None
    kind: str = ""
    missing: str | None = None


def complaints(model: type[BaseModel], error: ValidationError, *, hide: bool = False) -> list[Complaint]:
    """Everything a model does not accept, each once. With `hide`, the values themselves are not shown."""
    found: dict[tuple[Path, str, str], Complaint] = {}
    for unfolded, group in _grouped(model, error, hide):
        complaint = _complaint(unfolded, group)
        found.setdefault((complaint.path, complaint.code, complaint.message), complaint)
    return [one for one in found.values() if not _follows_from_others(one, found.values())]


def clauses(model: type[BaseModel], error: ValidationError, where: str = "", *, hide: bool = False) -> list[str]:
    """The complaints as parts of a sentence, each with its place: `config.seconds: 'x' is not a number`.

    Args:
        where: What the model stands at, before the path in it.
        hide: Whether the values may be secret.
    """
    return [_clause(complaint, written(complaint.path, where)) for complaint in complaints(model, error, hide=hide)]


def _clause(complaint: Complaint, place: str) -> str:
    words = f"{place}: {complaint.message}" if place else complaint.message
    if complaint.hint is None or complaint.code not in _HINTED:
        return words
    return f"{words} ({complaint.hint[:1].lower()}{complaint.hint[1:].rstrip('.')})"


_HINTED = ("unknown_key", "wrong_value")
"""Complaints whose hint names what was meant; that of others speaks to somebody who writes a file."""


def _follows_from_others(complaint: Complaint, all_: Iterable[Complaint]) -> bool:
    """A list is also too short because pydantic does not count its wrong items."""
    length = len(complaint.path)
    return complaint.kind == "too_short" and any(
        len(other.path) > length and other.path[:length] == complaint.path for other in all_
    )


def shown(value: Any) -> str:
    """A value as it may stand in a message: short, on one line, as it would be written."""
    if value is _HIDDEN:
        return "the value"
    if isinstance(value, Secret):
        return "a secret"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple | set | frozenset):
        return "a list"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if not isinstance(value, str):
        return f"a Python {type(value).__name__}"
    text = value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
    return repr(text)


_Group = list[Any]


def _grouped(model: type[BaseModel], error: ValidationError, hide: bool) -> Iterable[tuple[Unfolded, _Group]]:
    """Errors of one value together. Where it could have been of several kinds, only those of the kind it is."""
    unions: dict[Path, dict[str, list[tuple[Unfolded, Any]]]] = {}
    for one in error.errors(include_url=False):
        detail: Any = {**one, "input": _HIDDEN} if hide else one
        unfolded = unfold(model, detail["loc"])
        if unfolded.union is None:
            yield unfolded, [detail]
        else:
            unions.setdefault(unfolded.union, {}).setdefault(unfolded.branch or "", []).append((unfolded, detail))
    for path, branches in unions.items():
        fitting = [group for group in branches.values() if all(unfolded.path != path for unfolded, _ in group)]
        if fitting:
            yield from ((unfolded, [detail]) for unfolded, detail in fitting[0])
        else:
            groups = [detail for group in branches.values() for unfolded, detail in group if unfolded.path == path]
            yield next(iter(branches.values()))[0][0]._replace(path=path), groups


def _complaint(unfolded: Unfolded, group: _Group) -> Complaint:
    detail = group[0]
    kind, path = detail["type"], unfolded.path
    if kind == "extra_forbidden":
        return _unknown_key(unfolded)
    if kind == "missing":
        key = str(path[-1])
        return Complaint("missing_key", path[:-1], f"the key '{key}' is missing", f"Add `{key}: …`.", None, kind, key)
    if "[key]" in detail["loc"]:
        return Complaint("wrong_name", path, f"the key {shown(path[-1])} cannot be a name", _NAME_HINT, kind=kind)
    told = next((one for one in group if not _is_of_kind(one["type"])), None)
    if len(group) > 1 and told is not None:
        detail = told  # of the right kind, so that the others do not matter
    elif len(group) > 1:
        wanted = " or ".join(dict.fromkeys(_wanted(one) for one in group))
        return Complaint("wrong_type", path, f"{shown(detail['input'])} is not {wanted}", None, kind=kind)
    code, message, hint = _sentence(detail)
    return Complaint(code, path, message, hint, kind=kind)


def _unknown_key(unfolded: Unfolded) -> Complaint:
    key, owner = str(unfolded.path[-1]), unfolded.owner
    under = key_of_model_with(owner, key) if owner else None
    hint = f"It belongs under '{under}'." if under else suggestion(key, keys_of(owner) if owner else [], "Keys here")
    words = f"there is no key {shown(key)} here"
    return Complaint("unknown_key", unfolded.path[:-1], words, hint, key, "extra_forbidden")


def _sentence(detail: Any) -> tuple[str, str, str | None]:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx") or {}
    if kind in ("value_error", "assertion_error"):
        return "wrong_value", _own_words(context.get("error")), None
    if kind in ("literal_error", "enum"):
        return _none_of(value, context)
    if kind == "string_pattern_mismatch":
        return _pattern(value, str(context.get("pattern", "")))
    if kind in _BOUNDS:
        return "wrong_value", f"{shown(value)} is {_BOUNDS[kind](context)}", None
    if kind in _WANTED or kind.endswith(("_type", "_parsing")):
        return "wrong_type", f"{shown(value)} is not {_wanted(detail)}", _TYPE_HINTS.get(kind)
    words = str(detail["msg"])
    return "wrong_value", f"{shown(value)} does not fit: {words[:1].lower()}{words[1:]}", None


def _own_words(error: Any) -> str:
    # Our validators' texts are clauses without a full stop; others' may be sentences.
    words = str(error).strip().rstrip(".")
    return words or "the value does not fit"


def _none_of(value: Any, context: Mapping[str, Any]) -> tuple[str, str, str | None]:
    allowed = re.findall(r"'([^']*)'|(\d+)", str(context.get("expected", "")))
    names = [text or number for text, number in allowed]
    if len(names) == 1:
        return "wrong_value", f"{shown(value)} is not {names[0]!r}", None
    near = nearest(value, names) if isinstance(value, str) else None
    message = f"{shown(value)} is none of {', '.join(names)}"
    return "wrong_value", message, f"Did you mean '{near}'?" if near else None


def _is_of_kind(kind: str) -> bool:
    """Whether an error says that a value is of the wrong kind altogether."""
    return kind in _WANTED or kind in ("literal_error", "is_instance_of") or kind.endswith(("_type", "_parsing"))


_NAME_HINT = "A name begins with a letter or '_' and goes on with letters, digits, '_' and '-', 128 characters at most."
_WORKFLOW_NAME_HINT = _NAME_HINT.replace("'_' and '-'", "'_', '.' and '-'")
_VERSION_HINT = "A version has up to 64 letters, digits, '.', '+', '_' and '-', as 1.2.0 has."


def _pattern(value: Any, pattern: str) -> tuple[str, str, str | None]:
    if pattern.startswith("^[A-Za-z_]"):
        return "wrong_name", f"{shown(value)} cannot be a name", _WORKFLOW_NAME_HINT if "_.-" in pattern else _NAME_HINT
    if pattern.startswith("^[A-Za-z0-9]["):
        return "wrong_value", f"{shown(value)} cannot be a version", _VERSION_HINT
    return "wrong_value", f"{shown(value)} does not have the form {pattern}", None


def _count(context: Mapping[str, Any], key: str, unit: str) -> str:
    number = context.get(key)
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


_BOUNDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than_equal": lambda context: f"too small; the least is {context['ge']}",
    "greater_than": lambda context: f"too small; it must be more than {context['gt']}",
    "less_than_equal": lambda context: f"too large; the most is {context['le']}",
    "less_than": lambda context: f"too large; it must be less than {context['lt']}",
    "multiple_of": lambda context: f"not a multiple of {context['multiple_of']}",
    "finite_number": lambda _: "not a number that JSON knows",
    "string_too_short": lambda context: f"too short; it needs {_count(context, 'min_length', 'character')}",
    "string_too_long": lambda context: f"too long; it may have {_count(context, 'max_length', 'character')}",
    "too_short": lambda context: f"too short; it needs {_count(context, 'min_length', 'item')}",
    "too_long": lambda context: f"too long; it may have {_count(context, 'max_length', 'item')}",
}

_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "none_required": "null",
    "datetime_type": "a date and time",
    "datetime_parsing": "a date and time",
    "datetime_from_date_parsing": "a date and time",
    "callable_type": "a Python callable",
    "json_type": "JSON",
}
_TYPE_HINTS = {
    "string_type": "Put it in quotes if it is meant as text.",
    "datetime_type": "Write it as 2026-01-31T12:00:00Z.",
    "datetime_parsing": "Write it as 2026-01-31T12:00:00Z.",
    "datetime_from_date_parsing": "Write it as 2026-01-31T12:00:00Z.",
}


def _wanted(detail: Any) -> str:
    """The kind of value that was wanted, in words."""
    kind = detail["type"]
    if kind in _WANTED:
        return _WANTED[kind]
    if kind == "literal_error":
        return str((detail.get("ctx") or {}).get("expected"))
    if kind == "is_instance_of":
        return f"a Python {(detail.get('ctx') or {}).get('class')}"
    family = str(kind).split("_")[0]
    return {
        **dict.fromkeys(("list", "tuple", "set", "frozen", "iterable"), "a list"),
        **dict.fromkeys(("dict", "model", "mapping", "dataclass"), "a mapping"),
        **dict.fromkeys(("decimal",), "a number"),
        **dict.fromkeys(("date", "time", "timedelta"), f"a {family}"),
    }.get(family, f"of the kind {str(kind).removesuffix('_type').removesuffix('_parsing').replace('_', ' ')}")
