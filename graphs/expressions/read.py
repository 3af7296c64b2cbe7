"""Closures that read a path. Most expressions are nothing else, so the usual case is one loop without a test."""

from collections.abc import Callable, Sequence
from typing import Any

from graphs.errors import ExpressionError
from graphs.expressions import tree
from graphs.expressions.arguments import need_whole
from graphs.expressions.frame import Frame
from graphs.expressions.lift import run_at
from graphs.expressions.paths import look_up_root, read_key, read_root, step_into
from graphs.expressions.values import kind_of, plain


def read_fixed_path(
    base: tree.Name, keys: Sequence[Any], offsets: Sequence[int], *, lenient: bool
) -> Callable[[Frame], Any]:
    """`input.address['city']`: a root, and keys that are written out."""
    root, steps = base.name, tuple(keys)
    carefully = _careful(base, list(zip(keys, offsets, strict=True)), lenient=lenient)

    def run(frame: Frame) -> Any:
        # Items only, never attributes, so that whatever this meets it cannot leave the data. When anything is not
        # as it should be (a key absent, a value that has no items, a secret) the careful way finds out what.
        try:
            value = frame.scope[root]
            for key in steps:
                value = value[key]
        except (LookupError, TypeError, ExpressionError):
            return carefully(frame)
        return value

    return run


def _careful(base: tree.Name, steps: list[tuple[Any, int]], *, lenient: bool) -> Callable[[Frame], Any]:
    begin, step = (look_up_root, step_into) if lenient else (read_root, read_key)

    def run(frame: Frame) -> Any:
        value = run_at(base.offset, begin, frame.scope, base.name)
        for key, offset in steps:
            value = run_at(offset, step, value, key)
        return value

    return run


def read_computed_path(
    base: Callable[[Frame], Any], keys: Sequence[Callable[[Frame], Any]], offsets: Sequence[int], *, lenient: bool
) -> Callable[[Frame], Any]:
    """`prices[input.currency].net`: any base, and keys some of which are computed."""
    step = step_into if lenient else read_key
    steps = list(zip(keys, offsets, strict=True))

    def work(value: Any, key: Any) -> Any:
        return step(value, _key(key))

    def run(frame: Frame) -> Any:
        value = base(frame)
        for key, offset in steps:
            value = run_at(offset, work, value, key(frame))
        return value

    return run


def _key(value: Any) -> str | int:
    key: str | int = plain(value) if kind_of(value) == "text" else need_whole(value, "a key that is no text")
    return key
