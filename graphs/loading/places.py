"""Where something stands: for machines (a path), for people (`step 'pay'`), and in the text (line, column)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, TypeAlias

from graphs.loading.nodes import ListNode, MapNode, Node, ScalarNode, Span
from graphs.spec import OTHER_WORDS

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a definition.

    Attributes:
        path: The keys and indexes that lead there from the top of the document.
        where: The same with steps by name: `steps.pay.config.endpoint`.
        step: The names of the steps around it, outermost first: `fulfil.label`; None outside of steps.
        inside: What stands after the step in `where`: `config.endpoint`.
    """

    path: Path = ()
    where: str = ""
    step: str | None = None
    inside: str = ""

    def at(self, *keys: str | int) -> "Place":
        """Further in. `spec` is left out of `where`, as everybody knows that steps stand there."""
        path, where, inside = self.path, self.where, self.inside
        for key in keys:
            if path or key != "spec":
                where, inside = _joined(where, key), _joined(inside, key)
            path = (*path, key)
        return Place(path, where, self.step, inside)

    def step_at(self, index: int, name: str) -> "Place":
        """A step of the list that stands here, under its name."""
        return Place((*self.path, index), _joined(self.where, name), self._inner(name))

    def as_step(self, name: str) -> "Place":
        """A step that stands here by itself: a fallback, a compensation."""
        return Place(self.path, self.where, self._inner(name))

    def _inner(self, name: str) -> str:
        return name if self.step is None else f"{self.step}.{name}"

    @property
    def subject(self) -> str:
        """How a message begins: `step 'pay'`, or the place itself."""
        if self.step is not None:
            return f"step '{self.step}'"
        return self.where or ("spec" if self.path else "the definition")

    def __str__(self) -> str:
        """`step 'pay', config.endpoint`; outside of steps `output.values.total`."""
        return f"{self.subject}, {self.inside}" if self.step is not None and self.inside else self.subject


def written(path: Sequence[str | int], where: str = "") -> str:
    """A path as it is written, after what it stands in: `input.items[0].sku`."""
    return reduce(_joined, path, where)


def _joined(where: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{where}[{key}]"
    return f"{where}.{key}" if where else key


Area = Literal["top", "spec", "compensation", "list", "step", "branches", "cases", "case", "on_failure", "other"]

_STEP_KEYS: dict[str, Area] = {
    "steps": "list",
    "default": "list",
    "then": "list",
    "else": "list",
    "else_": "list",
    "branches": "branches",
    "cases": "cases",
    "on_failure": "on_failure",
    "compensate": "step",
}
_AREAS: dict[Area, dict[str, Area]] = {
    "top": {"spec": "spec"},
    "spec": {"steps": "list", "compensation": "compensation", "finally": "list"},
    "compensation": {"steps": "list"},
    "case": {"steps": "list"},
    "on_failure": {"fallback": "step"},
    "step": _STEP_KEYS,
}
_AREAS_OF_ANY_KEY: dict[Area, Area] = {"list": "step", "cases": "case", "branches": "list"}


def place_of(document: Any, path: Path) -> Place:
    """The place a path leads to, in a document that may be wrong in any way."""
    place, value = Place(), document
    area: Area = "top"
    for key in path:
        value = child_of(value, key)
        inner = _area_inside(area, key)
        name = value.get("name") if inner == "step" and isinstance(value, Mapping) else None
        named = isinstance(name, str) and bool(name)
        if area == "list" and isinstance(key, int) and named:
            place = place.step_at(key, str(name))
        else:
            place = place.at(key)
            place = place.as_step(str(name)) if named else place
        area = inner
    return place


def steps_of(document: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every step of a document that may be wrong in any way, those inside others too, each with its path."""
    waiting: list[tuple[Path, Any, Area]] = [((), document, "top")]
    while waiting:
        path, value, area = waiting.pop()
        if area == "step" and isinstance(value, dict):
            yield path, value
        if area == "list" and isinstance(value, dict):
            value = [value]
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in pairs:
            inner_area = _area_inside(area, key)
            if inner_area != "other":
                waiting.append(((*path, key), inner, inner_area))


def area_of(path: Path) -> Area:
    """What stands at a path, as the model sees it."""
    area: Area = "top"
    for key in path:
        area = _area_inside(area, key)
    return area


def _area_inside(area: Area, key: str | int) -> Area:
    return _AREAS_OF_ANY_KEY.get(area) or _AREAS.get(area, {}).get(str(key), "other")


def child_of(value: Any, key: str | int) -> Any:
    """The value under a key as the model sees it: branches may be a list, and one step stands for a list of one."""
    if isinstance(value, Mapping):
        return value if key == 0 else value.get(key)
    if isinstance(value, list | tuple):
        index = _branch_index(key) if isinstance(key, str) else key
        return value[index] if 0 <= index < len(value) else None
    return None


def _branch_index(key: str) -> int:
    """`branch_2` is what the model calls the third of a list of branches."""
    number = key.removeprefix("branch_")
    return int(number) if number.isdecimal() and len(number) < 9 else -1


class Positions:
    """Lines and columns of a definition's values.

    Args:
        root: The text's value; None for a definition that was not read from text.
        text: The text itself.
        file: Its name.
    """

    def __init__(self, root: Node | None = None, text: str = "", file: str | None = None) -> None:
        self._root = root
        self._text = text
        self.file = file
        self.moved: Callable[[Path], Path] = lambda path: path
        """Where something stands in the text that was moved since it was read."""
        self.called: Callable[[Place], Place] = lambda place: place
        """The place by which people know something that was moved."""

    def value(self, path: Path) -> tuple[int, int] | None:
        """Where the value stands that a path leads to, or the nearest that exists on the way there."""
        found = self._walk(path)
        return (found[0].line, found[0].column) if found else None

    def key(self, path: Path) -> tuple[int, int] | None:
        """Where the last key of a path stands."""
        found = self._walk(path[:-1]) if path else None
        if found and isinstance(found[1], MapNode) and (entry := found[1].entries.get(str(path[-1]))):
            return entry[0].line, entry[0].column
        return self.value(path)

    def character(self, path: Path, offset: int) -> tuple[int, int] | None:
        """Where a character of a text stands, counted from the text's start.

        Exact for texts on one line without escapes and for blocks that begin with `|`; for others the place where
        the text begins is given.
        """
        found = self._walk(path)
        if found is None or not isinstance(found[1], ScalarNode) or not isinstance(found[1].value, str):
            return self.value(path)
        node, value = found[1], found[1].value
        source = self._text[node.span.start : node.span.end]
        begin = source.find(value)
        if "\n" not in source and begin >= 0:
            return node.span.line, node.span.column + begin + offset
        if source.startswith("|"):
            return _in_block(node.span.line, source, value, offset)
        return node.span.line, node.span.column

    def raw(self, path: Path) -> str | None:
        """How a number or a boolean was written, where the model wants text: `1.20` is not `1.2`."""
        found = self._walk(path)
        return found[1].raw if found and isinstance(found[1], ScalarNode) and not found[1].quoted else None

    def _walk(self, path: Path) -> tuple[Span, Node] | None:
        """The node a path leads to, or the last one on the way, and the span to point at.

        A list or a mapping under a key is pointed at by its key: that is where a reader looks for it.
        """
        if self._root is None:
            return None
        span, node = self._root.span, self._root
        for key in self.moved(path):
            inner = _step_into(node, key)
            if inner is None:
                break
            span, node = inner
        return span, node


_ALSO = {word: other for other, word in OTHER_WORDS.items()}
"""How a key may be written that stands in the model under another name."""


def _step_into(node: Node, key: str | int) -> tuple[Span, Node] | None:
    if isinstance(node, MapNode):
        if key == 0:
            return node.span, node
        if (entry := node.entries.get(str(key)) or node.entries.get(_ALSO.get(str(key), ""))) is None:
            return None
        return (entry[1].span if isinstance(entry[1], ScalarNode) else entry[0]), entry[1]
    if isinstance(node, ListNode):
        index = _branch_index(key) if isinstance(key, str) else key
        if 0 <= index < len(node.items):
            return node.items[index].span, node.items[index]
    return None


def _in_block(line: int, source: str, value: str, offset: int) -> tuple[int, int]:
    """In a `|` block: its lines stand as they are, only indented, below the line of the `|`."""
    down = value.count("\n", 0, offset)
    column = offset - (value.rfind("\n", 0, offset) + 1)
    lines, written = source.splitlines(), value.splitlines()
    indent = len(lines[down + 1]) - len(written[down]) if down + 1 < len(lines) and down < len(written) else 0
    return line + 1 + down, max(indent, 0) + column + 1
