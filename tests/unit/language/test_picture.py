"""Workflows as pictures: every step is drawn once, inside of what it is inside of, below what it waits for."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from graphs.loader import load_file
from graphs.picture import draw_picture
from graphs.spec import Step
from tests.support.language import STEP_TYPES, with_steps, workflow
from tests.unit.language.test_examples import ALL

_SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Drawn:
    """A step's box."""

    name: str
    left: float
    top: float
    right: float
    bottom: float
    style: str

    def holds(self, other: "Drawn") -> bool:
        return (
            self.left <= other.left
            and self.right >= other.right
            and self.top <= other.top
            and self.bottom >= other.bottom
        )


def _boxes(picture: str) -> list[Drawn]:
    """Boxes in their order; the text after each is its name."""
    parts = list(ET.fromstring(picture))
    boxes = []
    for index, part in enumerate(parts):
        if part.tag == f"{_SVG}rect":
            x, y, width, height = (float(part.attrib[key]) for key in ("x", "y", "width", "height"))
            boxes.append(Drawn(parts[index + 1].text or "", x, y, x + width, y + height, part.attrib["style"]))
    return boxes


def _steps(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        for _, inside in step.containers():
            yield from _steps(inside)


@pytest.mark.capability("C16")
@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_example_is_drawn_whole(path: Path) -> None:
    """Nothing beside the picture, nothing upon another; and each step as often as it is written."""
    example = load_file(path, step_types=STEP_TYPES).workflow
    picture = draw_picture(example)
    root = ET.fromstring(picture)
    whole = Drawn("", 0, 0, float(root.attrib["width"]) + 1, float(root.attrib["height"]) + 1, "")
    boxes = _boxes(picture)
    spec = example.spec
    assert sorted(box.name for box in boxes) == sorted(
        step.name for steps in (spec.steps, spec.compensation.steps, spec.finally_) for step in _steps(steps)
    )
    for index, box in enumerate(boxes):
        assert whole.holds(box)
        for other in boxes[index + 1 :]:
            apart = (
                box.right <= other.left or other.right <= box.left or box.bottom <= other.top or other.bottom <= box.top
            )
            assert apart or box.holds(other), (box, other)


def test_steps_stand_below_what_they_wait_for_in_the_frames_they_are_inside_of() -> None:
    steps = """
    - {name: one, type: agent, config: {message: x}}
    - name: two
      type: map
      depends_on: [one]
      config: {items: [1]}
      steps: [{name: inner, type: delay, config: {seconds: 1}}, {name: after, type: delay, config: {seconds: 1}}]
    - {name: beside, type: delay, config: {seconds: 1}}
    """
    picture = draw_picture(workflow(with_steps(steps)), statuses={"one": "failed", "two[3].inner": "completed"})
    boxes = {box.name: box for box in _boxes(picture)}
    assert boxes["one"].top == boxes["beside"].top < boxes["two"].top
    assert boxes["two"].holds(boxes["inner"]) and boxes["two"].holds(boxes["after"])
    assert boxes["inner"].bottom < boxes["after"].top
    assert "#fde2e1" in boxes["one"].style and "#d5f5e3" in boxes["inner"].style
    assert picture.count("marker-end") == 2
