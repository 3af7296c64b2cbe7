"""What a step reads of other steps, as far as it can be known without running it."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from graphs.errors import BatonError
from graphs.expressions import Reference, parse_condition, parse_template
from graphs.spec import Step
from graphs.values import leaves


def may_read(step: Step, steps: frozenset[str], variables: frozenset[str]) -> bool:
    """Whether a step may read one of these steps, or one of these variables.

    A Python callable is handed the whole state, and a name that is computed may be any: both may.
    """
    if not steps:
        return False
    try:
        references = list(_references(step))
    except TypeError:
        return True
    return any(_is_of(one, "steps", steps) or _is_of(one, "vars", variables) for one in references)


def _is_of(reference: Reference, root: str, names: frozenset[str]) -> bool:
    return reference.root == root and bool(names) and (not reference.path or reference.path[0] in names)


def _references(step: Step) -> Iterator[Reference]:
    """Everything that its expressions read.

    Raises:
        TypeError: some of it is Python.
    """
    for value in (step.input, step.config, step.output):
        yield from _of_value(value)
    if step.condition is not None:
        if not isinstance(step.condition, str | bool):
            raise TypeError("a condition in Python")
        yield from parse_condition(step.condition).references
    for _, steps in step.containers():
        for inner in steps:
            yield from _references(inner)


def _of_value(value: Any) -> Iterator[Reference]:
    for leaf in leaves(value):
        if isinstance(leaf, str):
            yield from parse_template(leaf).references
            with suppress(BatonError):  # some keys hold an expression without braces: `while`, `if`
                yield from parse_condition(leaf).references
        elif not isinstance(leaf, int | float | bool | None):
            raise TypeError("a value in Python")
