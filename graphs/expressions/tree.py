"""The tree an expression is: a closed set of small parts, and nothing in it that could reach Python.

`offset` counts characters from 0 in the source and points at where the part begins.
"""

from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

ROOTS = (
    "input",
    "vars",
    "steps",
    "execution",
    "item",
    "index",
    "event",
    "response",
    "output",
    "error",
    "env",
    "secrets",
    "loop",
    "state",
    "approval",
)
"""The names an expression may begin with. Which of them exist depends on where the expression stands."""

Operator: TypeAlias = OneOf["+", "-", "*", "/", "//", "%"]
Comparison: TypeAlias = OneOf["==", "!=", "<", "<=", ">", ">=", "in", "not in"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, true, false or none, as written."""

    value: bool | int | float | str | None
    offset: int


@dataclass(frozen=True, slots=True)
class Items:
    """`[a, b]`"""

    items: tuple["Node", ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Fields:
    """`{'a': b}`"""

    pairs: tuple[tuple["Node", "Node"], ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Name:
    """A root: `input`."""

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Path:
    """`base.a['b'][0][c]`: all keys in one part, so that a path is read in one loop and counts as one level."""

    base: "Node"
    keys: tuple["Node", ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Chain:
    """`a + b - c`: operators of one precedence, from left to right; flat, so that long sums are not deep."""

    first: "Node"
    rest: tuple[tuple[Operator, "Node"], ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Join:
    """`a ~ b`"""

    parts: tuple["Node", ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Compare:
    """`a < b <= c`"""

    first: "Node"
    rest: tuple[tuple[Comparison, "Node"], ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Logic:
    """`a and b`, `a or b`"""

    word: OneOf["and", "or"]
    parts: tuple["Node", ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Not:
    """`not a`"""

    operand: "Node"
    offset: int


@dataclass(frozen=True, slots=True)
class Sign:
    """`-a`, `+a`"""

    sign: OneOf["-", "+"]
    operand: "Node"
    offset: int


@dataclass(frozen=True, slots=True)
class Choose:
    """`then if test else otherwise`"""

    test: "Node"
    then: "Node"
    otherwise: "Node"
    offset: int


@dataclass(frozen=True, slots=True)
class Filter:
    """`value|name(args, key=value)`; `place` is where its name stands."""

    value: "Node"
    name: str
    args: tuple["Node", ...]
    named: tuple[tuple[str, "Node"], ...]
    offset: int
    place: int


@dataclass(frozen=True, slots=True)
class Call:
    """`name(args, key=value)`"""

    name: str
    args: tuple["Node", ...]
    named: tuple[tuple[str, "Node"], ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Is:
    """`value is name`"""

    value: "Node"
    name: str
    offset: int


Node: TypeAlias = (
    Literal | Items | Fields | Name | Path | Chain | Join | Compare | Logic | Not | Sign | Choose | Filter | Call | Is
)


def children(node: Node) -> tuple[Node, ...]:
    """The parts a part is made of, in the order they are written."""
    match node:
        case Literal() | Name():
            return ()
        case Items(items=parts) | Join(parts=parts) | Logic(parts=parts):
            return parts
        case Fields(pairs=pairs):
            return tuple(part for pair in pairs for part in pair)
        case Path(base=base, keys=keys):
            return (base, *keys)
        case Chain(first=first, rest=chained):
            return (first, *(part for _, part in chained))
        case Compare(first=first, rest=compared):
            return (first, *(part for _, part in compared))
        case Not(operand=operand) | Sign(operand=operand):
            return (operand,)
        case Choose(test=test, then=then, otherwise=otherwise):
            return (then, test, otherwise)
        case Filter(value=value, args=args, named=named):
            return (value, *args, *(part for _, part in named))
        case Call(args=args, named=named):
            return (*args, *(part for _, part in named))
        case Is(value=value):
            return (value,)
