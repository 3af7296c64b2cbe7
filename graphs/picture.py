"""A workflow as a picture: SVG, for notebooks and wherever nobody draws Mermaid (`graphs.draw`).

Steps stand below those they wait for; composite steps are frames around the steps inside. Laid out from the inside out:
each list of steps is rows, each row the steps whose dependencies stand in the rows above.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from graphs.draw import COLOURS, statuses_by_step
from graphs.inside import Inside, inside
from graphs.spec import Step, Workflow
from graphs.state import FINALLY, join_path
from graphs.undo import COMPENSATION

_LETTER: Final = 7.2
"""How wide a letter is, about, in the units of the picture."""
_PLAIN: Final = "fill:#f8f9f9;stroke:#aab7b8;color:#2c3e50"
_HEIGHT, _GAP, _ROW_GAP, _MARGIN, _TITLE = 44.0, 22.0, 34.0, 14.0, 22.0

_DEFINITIONS: Final = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0,0 L8,4 L0,8 z" fill="#566573"/></marker></defs>'
)


@dataclass(slots=True)
class _Box:
    """A step, or a list of steps, where it stands within what is around it."""

    name: str
    lines: tuple[str, ...]
    style: str = _PLAIN
    rounded: float = 4.0
    width: float = 0.0
    height: float = _HEIGHT
    x: float = 0.0
    y: float = 0.0
    inside: list["_Box"] = field(default_factory=list)
    arrows: list[tuple["_Box", "_Box", str]] = field(default_factory=list)


def draw_picture(workflow: Workflow, *, statuses: Mapping[str, str] | None = None) -> str:
    """The workflow as SVG.

    Args:
        statuses: Statuses by path, as for `graphs.draw.draw_workflow`: they give the colours.
    """
    drawn = _Picture(statuses_by_step(statuses or {}))
    spec = workflow.spec
    lists = [
        (Inside("", spec.steps, ordered=False), ""),
        (Inside("compensation", spec.compensation.steps), COMPENSATION),
        (Inside("finally", spec.finally_), FINALLY),
    ]
    boxes = [drawn.list_of(each, path) for each, path in lists if each.steps or not path]
    whole = _beside(_Box("", ()), boxes)
    width, height = whole.width + 2 * _MARGIN, whole.height + 2 * _MARGIN
    parts = [_DEFINITIONS, *(part for box in boxes for part in _drawn(box, _MARGIN, _MARGIN))]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
    return f'{head} viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif">{"".join(parts)}</svg>'


class _Picture:
    def __init__(self, statuses: Mapping[str, str]) -> None:
        self._statuses = statuses

    def list_of(self, listed: Inside, path: str) -> _Box:
        """A list of steps, in rows."""
        title, needs = listed.title, listed.needs()
        boxes = {step.name: self._step(step, join_path(path, step.name)) for step in listed.steps}
        rows: list[list[_Box]] = []
        level: dict[str, int] = {}
        for name in boxes:  # twice as many rounds as steps are never needed: dependencies form no circle
            _place(name, needs, level)
        for name, box in boxes.items():
            while len(rows) <= level[name]:
                rows.append([])
            rows[level[name]].append(box)
        whole = _Box("", (title,) if title else ())
        whole.arrows = [(boxes[other], boxes[name], label) for name in boxes for other, label in needs[name].items()]
        return _in_rows(whole, rows)

    def _step(self, step: Step, path: str) -> _Box:
        style = COLOURS.get(self._statuses.get(path, ""), "").replace(",", ";") or _PLAIN
        lines = (step.name, step.type)
        box = _Box(step.name, lines, style, 18.0 if step.type == "agent" else 4.0)
        box.width = max(len(line) for line in lines) * _LETTER + 2 * _MARGIN
        lists = [self.list_of(each, join_path(path, each.title) if each.branch else path) for each in inside(step)]
        return _beside(box, lists) if lists else box


def _place(name: str, needs: Mapping[str, Mapping[str, str]], level: dict[str, int]) -> int:
    if name not in level:
        level[name] = 0  # a circle, which no valid workflow has, ends here
        level[name] = max((_place(other, needs, level) + 1 for other in needs[name]), default=0)
    return level[name]


def _in_rows(whole: _Box, rows: Sequence[Sequence[_Box]]) -> _Box:
    top = _TITLE if whole.lines else 0.0
    widths = [sum(box.width for box in row) + _GAP * (len(row) - 1) for row in rows]
    whole.width = max([*widths, len(whole.lines[0]) * _LETTER if whole.lines else 0.0])
    for row, width in zip(rows, widths, strict=True):
        left = (whole.width - width) / 2
        for box in row:
            box.x, box.y = left, top
            left += box.width + _GAP
        top += max(box.height for box in row) + _ROW_GAP
    whole.inside = [box for row in rows for box in row]
    whole.height = max(top - _ROW_GAP, 0.0) if rows else top
    return whole


def _beside(box: _Box, lists: Sequence[_Box]) -> _Box:
    """A frame around several lists."""
    left, top = _MARGIN if box.lines else 0.0, _HEIGHT if box.lines else 0.0
    for inner in lists:
        inner.x, inner.y = left, top
        left += inner.width + _GAP
    box.inside = list(lists)
    box.width = max(box.width, left - _GAP + (_MARGIN if box.lines else 0.0))
    box.height = top + max((inner.height for inner in lists), default=0.0) + (_MARGIN if box.lines else 0.0)
    return box


def _drawn(box: _Box, x: float, y: float) -> Iterator[str]:
    x, y = x + box.x, y + box.y
    if box.name:
        yield (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{box.rounded:g}" '
            f'style="{escape(box.style)}"/>'
        )
        yield _text(x + box.width / 2, y + 19, box.lines[0], "font-weight:bold;font-size:12px")
        yield _text(x + box.width / 2, y + 35, box.lines[1], "font-size:11px;fill:#616a6b")
    elif box.lines:
        yield _text(x + box.width / 2, y + 12, box.lines[0], "font-size:11px;font-style:italic;fill:#616a6b")
    for source, target, label in box.arrows:
        yield from _arrow(source, target, label, x, y)
    for inner in box.inside:
        yield from _drawn(inner, x, y)


def _arrow(source: _Box, target: _Box, label: str, x: float, y: float) -> Iterator[str]:
    x1, y1 = x + source.x + source.width / 2, y + source.y + source.height
    x2, y2 = x + target.x + target.width / 2, y + target.y
    bend = (y2 - y1) / 2
    curve = f"M{x1:.1f},{y1:.1f} C{x1:.1f},{y1 + bend:.1f} {x2:.1f},{y2 - bend:.1f} {x2:.1f},{y2:.1f}"
    yield f'<path d="{curve}" fill="none" stroke="#566573" marker-end="url(#head)"/>'
    if label:
        yield _text((x1 + x2) / 2, (y1 + y2) / 2 + 4, label, "font-size:10px;fill:#566573")


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" style="{style}">{escape(text)}</text>'
