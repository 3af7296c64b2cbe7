"""Checking names before anything runs: does what an expression reads exist?"""

from typing import Any, NamedTuple

from graphs.expressions.condition import Condition
from graphs.expressions.expression import Expression
from graphs.expressions.faults import Code, listing, nearest, quoted
from graphs.expressions.paths import root_hint
from graphs.expressions.references import Reference
from graphs.expressions.shape import Shape
from graphs.expressions.template import Template
from graphs.expressions.tree import ROOTS
from graphs.expressions.values import KIND_WORDS


class Finding(NamedTuple):
    """A name that does not exist.

    Attributes:
        code: `unknown_name`, `unknown_field`, `wrong_kind`; `unknown_guarded_field` where a default would hide it,
            so that it may be taken as a warning.
        message: What and where.
        hint: What to do.
        offset: As in the reference.
        path: Where in a template's value; empty for expressions and conditions.
    """

    code: Code
    message: str
    hint: str | None
    offset: int
    path: tuple[str | int, ...]


def check(read: Expression | Condition | Template, shape: Shape) -> list[Finding]:
    """What it reads and cannot exist, as far as the shape knows.

    Args:
        read: What was parsed.
        shape: An object whose fields are the roots that exist where it stands: `input`, `steps`, …
    """
    findings = (_follow(reference, shape) for reference in read.references)
    return [finding for finding in findings if finding is not None]


def _follow(reference: Reference, scope: Shape) -> Finding | None:
    if reference.root not in scope.fields:
        return _unknown_root(reference, scope)
    shape, walked = scope.fields[reference.root], reference.root
    for key in reference.path:
        below = _below(shape, key)
        if below is None:
            return _unknown_key(reference, shape, key, walked)
        shape, walked = below, f"{walked}[{key}]" if isinstance(key, int) else f"{walked}.{key}"
    return None


def _below(shape: Shape, key: str | int) -> Shape | None:
    """The shape under a key, or None when there is nothing."""
    if shape.kind == "any":
        return shape
    if shape.kind == "object" and isinstance(key, str):
        return shape.fields.get(key, Shape() if shape.open else None)
    if shape.kind == "list" and isinstance(key, int):
        return shape.items or Shape()
    return Shape("text") if shape.kind == "text" and isinstance(key, int) else None


def _unknown_root(reference: Reference, scope: Shape) -> Finding | None:
    if scope.open or (reference.guarded and reference.root in ROOTS):
        return None
    known = sorted(scope.fields)
    message = f"no name {quoted(reference.root)} here. Names here: {listing(known)}."
    return Finding("unknown_name", message, root_hint(reference.root, known), reference.offset, reference.at)


def _unknown_key(reference: Reference, shape: Shape, key: Any, walked: str) -> Finding:
    what = f"no field {quoted(key)}" if isinstance(key, str) else f"no item {key}"
    if shape.kind == "object" and isinstance(key, str):
        code: Code = "unknown_guarded_field" if reference.guarded else "unknown_field"
        fields = f"Fields there: {listing(shape.fields)}." if shape.fields else "It has no fields."
        hint = nearest(key, shape.fields) or "Declare it where it is made."
        return Finding(code, f"{what} in '{walked}'. {fields}", hint, reference.offset, reference.at)
    kind = KIND_WORDS[shape.kind] if shape.kind != "any" else "unknown"
    on_list = shape.kind == "list"
    advice = f"Write [0] for one item, |map({key!r}) for this field of each." if on_list else "Look at its schema."
    return Finding("wrong_kind", f"{what} in '{walked}', which is {kind}.", advice, reference.offset, reference.at)
