"""The values of a text, with where they stand, and the events and faults they are made from."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias


class Span(NamedTuple):
    """A stretch of the text: where it begins for people (counted from 1), and as indexes."""

    line: int
    column: int
    start: int
    end: int


class Fault(NamedTuple):
    """Something wrong with the text at one place."""

    code: str
    message: str
    hint: str | None
    line: int
    column: int


class TextFaultError(Exception):
    """The text cannot be read past this point; `index` counts characters from its start."""

    def __init__(self, fault: Fault, index: int) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.index = index


class Event(NamedTuple):
    """One piece of a text, in the order of the text. `end` closes the list or mapping opened last.

    `raw` is how a scalar was written, or the name an alias stands for; `quoted` says that the scalar can only be text.
    """

    kind: Literal["scalar", "list", "map", "end", "alias"]
    span: Span
    raw: str = ""
    quoted: bool = False
    anchor: str | None = None
    tag: str | None = None


@dataclass(slots=True, eq=False)
class ScalarNode:
    """A text, number, boolean or null, and how it was written."""

    span: Span
    value: str | int | float | bool | None
    raw: str
    quoted: bool
    size: int = 1
    height: int = 1


@dataclass(slots=True, eq=False)
class ListNode:
    """A list. `size` counts all values in it, an aliased one each time; `height` is how deep it goes."""

    span: Span
    items: list["Node"] = field(default_factory=list)
    size: int = 1
    height: int = 1


@dataclass(slots=True, eq=False)
class MapNode:
    """A mapping; for each key where it stands, and its value."""

    span: Span
    entries: dict[str, tuple[Span, "Node"]] = field(default_factory=dict)
    size: int = 1
    height: int = 1


Node: TypeAlias = ScalarNode | ListNode | MapNode
"""Aliased values are shared, so this is a graph without circles rather than a tree."""


def value_of(node: Node) -> Any:
    """The JSON value of a node whose size was bounded: an aliased value is written out each time."""
    match node:
        case ScalarNode(value=value):
            return value
        case ListNode(items=items):
            return [value_of(item) for item in items]
        case MapNode(entries=entries):
            return {key: value_of(value) for key, (_, value) in entries.items()}
