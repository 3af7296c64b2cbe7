"""Which data an expression reads, as far as it can be known without running it."""

from collections.abc import Iterator
from typing import NamedTuple

from graphs.expressions import tree


class Reference(NamedTuple):
    """A path that is read.

    Attributes:
        root: `steps`
        path: `("look_up", "output", "total")`, up to the first key that is computed.
        offset: Where it begins, in characters from 0: in the expression, or in the text of a template or condition.
        guarded: It may be missing: it stands under `default`, `is defined` or `is undefined`.
        at: Where in a template's value the text stands: `("payload", "lines", 0)`.
    """

    root: str
    path: tuple[str | int, ...]
    offset: int
    guarded: bool
    at: tuple[str | int, ...] = ()


def references(node: tree.Node, *, guarded: bool = False) -> Iterator[Reference]:
    """Every path read in a tree, in the order they are written.

    Args:
        node: The tree.
        guarded: Whether a missing value would be caught around it.
    """
    match node:
        case tree.Name(name=name, offset=offset):
            yield Reference(name, (), offset, guarded)
        case tree.Path(base=base, keys=keys):
            if isinstance(base, tree.Name):
                yield Reference(base.name, _fixed(keys), base.offset, guarded)
            else:
                yield from references(base, guarded=guarded)
            for key in keys:
                yield from references(key)
        case tree.Filter(name="default", value=value, args=args, named=named):
            yield from references(value, guarded=True)
            for fallback in (*args, *(arg for _, arg in named)):
                yield from references(fallback, guarded=guarded)
        case tree.Is(name="defined" | "undefined", value=value):
            yield from references(value, guarded=True)
        case tree.Choose(test=test, then=then, otherwise=otherwise):
            yield from references(then, guarded=guarded)
            yield from references(test)
            yield from references(otherwise, guarded=guarded)
        case tree.Filter(name="first" | "last" | "min" | "max", value=value, args=args, named=named):
            yield from references(value, guarded=guarded)
            for arg in (*args, *(arg for _, arg in named)):
                yield from references(arg)
        case _:
            for part in tree.children(node):
                yield from references(part)


def calls(node: tree.Node) -> Iterator[str]:
    """The name of every function called in a tree."""
    if isinstance(node, tree.Call):
        yield node.name
    for part in tree.children(node):
        yield from calls(part)


def _fixed(keys: tuple[tree.Node, ...]) -> tuple[str | int, ...]:
    path: list[str | int] = []
    for key in keys:
        if not isinstance(key, tree.Literal) or isinstance(key.value, bool) or not isinstance(key.value, str | int):
            break
        path.append(key.value)
    return tuple(path)
