"""What is inside a step, for drawings: lists of steps, and who in them waits for whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphs.spec import Step

_SIDE_BY_SIDE = ("parallel", "parallel_group")


@dataclass(frozen=True, slots=True)
class Inside:
    """A list of steps inside another step.

    Attributes:
        title: What it is called: a branch, a case, `then`; empty for the steps of a step without choices.
        branch: Whether its steps have the title in their paths.
        chosen: Whether it is one of several ways, of which one is gone.
        ordered: Whether each step follows the one before it, unless it says whom it follows.
    """

    title: str
    steps: Sequence[Step]
    branch: bool = False
    chosen: bool = False
    ordered: bool = True

    def needs(self) -> dict[str, dict[str, str]]:
        """Of each step, the others it waits for, with the outcome where that is not success."""
        return {step.name: _needs(step, self.steps, ordered=self.ordered) for step in self.steps}


def inside(step: Step) -> Iterator[Inside]:
    """The lists of steps that a step has inside; none where it has none."""
    if step.steps:
        yield Inside("", step.steps, ordered=step.type not in _SIDE_BY_SIDE)
    for title, steps in step.branches.items():
        yield Inside(title, steps, branch=True)
    for index, case in enumerate(step.cases):
        yield Inside(case.name or f"case {index + 1}", case.steps, chosen=True)
    for title, others in (("default", step.default), ("then", step.then), ("else", step.else_)):
        if others:
            yield Inside(title, others, chosen=True)


def _needs(step: Step, steps: Sequence[Step], *, ordered: bool) -> dict[str, str]:
    names = [other.name for other in steps]
    found = {
        need.step: "" if need.outcome == "succeeded" else need.outcome for need in step.depends_on if need.step in names
    }
    found |= {other.name: "" for other in steps if step.name in other.next}
    before = names.index(step.name) - 1
    return {names[before]: ""} if ordered and not found and before >= 0 else found
