"""Random workflows for Hypothesis: directed graphs of every kind of step, three levels deep."""

from typing import Any

from hypothesis import strategies as st

from tests.support.engine.kinds import COMPOSITES, Flowchart, Kind, Made

LEAVES: tuple[Kind, ...] = ("act", "act", "act", "act", "approval", "event", "delay")


class _Drawing:
    """One workflow while it is being drawn."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw
        self._count = 0

    def one_of(self, *values: Any) -> Any:
        return self._draw(st.sampled_from(values))

    def number(self, least: int, most: int) -> int:
        return int(self._draw(st.integers(least, most)))

    def graph(self, most: int, depth: int, visible: list[str]) -> list[Made]:
        """Steps that depend on earlier ones of the same list."""
        steps: list[Made] = []
        for _ in range(self.number(1, most)):
            names = [step.name for step in steps]
            count = self.number(0, min(3, len(names)))
            needed = (
                self._draw(st.lists(st.sampled_from(names), min_size=count, max_size=count, unique=True))
                if count
                else []
            )
            outcomes = [self.one_of("succeeded", "succeeded", "succeeded", "settled", "failed") for _ in needed]
            steps.append(self.step(depth, [*visible, *needed]))
            steps[-1].needs = list(zip(needed, outcomes, strict=True))
        return steps

    def chain(self, most: int, depth: int, visible: list[str], least: int = 1) -> list[Made]:
        """Steps that follow each other."""
        steps: list[Made] = []
        for _ in range(self.number(least, most)):
            steps.append(self.step(depth, [*visible, *(step.name for step in steps[-1:])]))
        return steps

    def step(self, depth: int, visible: list[str]) -> Made:
        self._count += 1
        kind = self.one_of(*LEAVES, *(COMPOSITES if depth > 0 else ()))
        made = Made(f"s{self._count}", kind, base=self.number(0, 5))
        made.condition = self.one_of(None, None, None, None, "", *visible[-2:])
        made.failure = self.one_of("terminate", "terminate", "continue", "fallback")
        made.undone = self.one_of(False, False, True)
        if kind in ("act", "conditional", "sub") and visible:
            made.reads = self._draw(st.lists(st.sampled_from(visible), max_size=2, unique=True))
        if kind == "act":
            made.attempts, made.fails = self.number(1, 3), self.one_of(0, 0, 0, 1, 3)
            made.yields = self.number(0, 4)
        elif kind == "approval":
            made.reject = self.one_of(None, None, "fail", "continue")
        elif kind in COMPOSITES:
            self._fill(made, depth - 1, visible)
        return made

    def _fill(self, made: Made, depth: int, visible: list[str]) -> None:
        made.width = self.one_of(1, 2, 10)
        match made.kind:
            case "parallel":
                made.lists = {"": self.graph(3, depth, visible)}
            case "sub":
                made.lists = {"": self.graph(3, depth, [])}
            case "branches":
                made.lists = {f"b{i}": self.chain(2, depth, visible) for i in range(self.number(1, 3))}
            case "conditional":
                made.lists = {"then": self.chain(2, depth, visible), "else": self.chain(2, depth, visible, least=0)}
            case "switch":
                made.lists = {str(i): self.chain(2, depth, visible, least=0) for i in range(self.number(1, 2))}
                made.count = self.number(0, 2)
            case _:
                made.lists = {"": self.chain(2, depth, visible)}
                made.count = self.number(0, 3)
        if made.kind in ("parallel", "branches", "map"):
            made.least = self.one_of(None, None, 0, 1, 2)


@st.composite
def flowcharts(draw: Any, *, most: int = 6, depth: int = 2) -> Flowchart:
    """A workflow of up to `most` steps at its top, composite ones nested `depth` deep."""
    return Flowchart(_Drawing(draw).graph(most, depth, []), staged=draw(st.sampled_from([False, False, True])))
