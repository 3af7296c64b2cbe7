"""A strict little reader of the part of Mermaid's flowchart language that we write.

It knows the grammar from Mermaid's documentation, not from our code: what it does not know is an error, as it would
be in a browser.
"""

import re
from dataclasses import dataclass, field

_ID = r"[A-Za-z][A-Za-z0-9_]*"
_TEXT = r'"([^"]*)"'
_SHAPES = [
    (r"\[\[", r"\]\]", "subroutine"),
    (r"\[/", r"/\]", "parallelogram"),
    (r"\(\[", r"\]\)", "stadium"),
    (r"\{\{", r"\}\}", "hexagon"),
    (r"\[", r"\]", "rectangle"),
    (r"\{", r"\}", "diamond"),
]
_NODE = [(re.compile(rf"({_ID}){opening}{_TEXT}{closing}"), name) for opening, closing, name in _SHAPES]
_SUBGRAPH = re.compile(rf"subgraph ({_ID})\[{_TEXT}\]")
_EDGE = re.compile(rf"({_ID}) (-->|-\.->)(?:\|{_TEXT}\|)? ({_ID})")
_CLASS_DEF = re.compile(r"classDef ([a-z_]+) ([a-z-]+:[#a-zA-Z0-9 ]+(?:,[a-z-]+:[#a-zA-Z0-9 ]+)*)")
_CLASS = re.compile(rf"class ({_ID}(?:,{_ID})*) ([a-z_]+)")
_RESERVED = {"end", "default", "subgraph", "class", "classdef", "click", "style", "linkstyle", "flowchart", "graph"}
_ENTITY = re.compile(r"#(\d+);")


@dataclass
class Chart:
    """What a chart shows, its texts decoded."""

    nodes: dict[str, tuple[str, str]] = field(default_factory=dict)
    frames: dict[str, str] = field(default_factory=dict)
    inside: dict[str, str | None] = field(default_factory=dict)
    edges: list[tuple[str, str, str, bool]] = field(default_factory=list)
    classes: dict[str, str] = field(default_factory=dict)

    def id(self, first_line: str) -> str:
        """The id of the one node or frame whose text begins with this line."""
        found = [key for key, (_, text) in self.nodes.items() if text.split("\n")[0] == first_line]
        found += [key for key, text in self.frames.items() if text.split("\n")[0] == first_line]
        assert len(found) == 1, f"{first_line!r} is shown {len(found)} times"
        return found[0]

    def arrows(self) -> set[tuple[str, str, str]]:
        """Arrows between texts, with their labels; dotted ones have a label that begins with a dot."""
        return {
            (self._name(source), self._name(target), ("." if dotted else "") + label)
            for source, target, label, dotted in self.edges
        }

    def _name(self, key: str) -> str:
        return (self.nodes[key][1] if key in self.nodes else self.frames[key]).split("\n")[0]


def read(text: str) -> Chart:
    """Read a chart.

    Raises:
        AssertionError: it is not Mermaid.
    """
    lines = text.rstrip("\n").split("\n")
    assert lines[0] == "flowchart TD"
    chart, open_, defined = Chart(), list[str](), set[str]()
    for line in lines[1:]:
        line = line.strip()
        if line == "end":
            assert open_, "an 'end' without a subgraph"
            open_.pop()
        elif found := _SUBGRAPH.fullmatch(line):
            _add(chart, found[1], open_)
            chart.frames[found[1]] = _decoded(found[2])
            open_.append(found[1])
        elif found := _EDGE.fullmatch(line):
            chart.edges.append((found[1], found[4], _decoded(found[3] or ""), found[2] == "-.->"))
        elif found := _CLASS_DEF.fullmatch(line):
            defined.add(found[1])
        elif found := _CLASS.fullmatch(line):
            assert found[2] in defined, f"class {found[2]} is not defined"
            chart.classes |= dict.fromkeys(found[1].split(","), found[2])
        else:
            _node(chart, line, open_)
    assert not open_, "a subgraph is not closed"
    known = chart.nodes.keys() | chart.frames.keys()
    for source, target, _, _ in chart.edges:
        assert {source, target} <= known, "an arrow from or to nowhere"
    assert chart.classes.keys() <= known
    return chart


def _node(chart: Chart, line: str, open_: list[str]) -> None:
    for pattern, shape in _NODE:
        if found := pattern.fullmatch(line):
            _add(chart, found[1], open_)
            chart.nodes[found[1]] = (shape, _decoded(found[2]))
            return
    raise AssertionError(f"not Mermaid: {line!r}")


def _add(chart: Chart, key: str, open_: list[str]) -> None:
    assert key.lower() not in _RESERVED, f"'{key}' means something to Mermaid"
    assert key not in chart.inside, f"'{key}' is used twice"
    chart.inside[key] = open_[-1] if open_ else None


def _decoded(text: str) -> str:
    """The text as it is shown: `<br/>` as a new line, character codes as characters; nothing else may be special."""
    plain = text.replace("<br/>", "\n")
    bare = _ENTITY.sub("", plain)
    assert not re.search(r"[<>&#`%\\\[\]{}|;\"]", bare), f"something special in {text!r}"
    return _ENTITY.sub(lambda found: chr(int(found[1])), plain)
