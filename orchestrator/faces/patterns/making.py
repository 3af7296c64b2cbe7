"""How patterns become steps of the model: each is handed where its input comes from, and says where its output is.

The language wires steps by name, the document hands one step's output to the next. So a piece is compiled with a
`Source`, and the names of its steps are unique in the whole workflow: a name inside a branch cannot hide the one that
is meant.
"""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from graphs.building.options import made, step_of
from graphs.spec import Dependency, FromState, RetryPolicy, Step
from graphs.spec import Workflow as Definition
from orchestrator.faces.callables import Dressed

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: the workflow's input, or something in a step's output."""

    step: str | None = None
    path: tuple[str, ...] = ()

    @property
    def template(self) -> str:
        """As an expression."""
        if self.step is None:
            return "{{ input }}"
        name = f"steps.{self.step}" if self.step.isidentifier() else f"steps['{self.step}']"
        return "{{ " + ".".join((name, "output", *self.path)) + " }}"

    def of(self, state: Any) -> Any:
        """As a Python callable finds it."""
        if self.step is None:
            return state.input
        value = state.outputs[self.step]
        for key in self.path:
            value = value[key]
        return value

    def inside(self, step: str, key: str = "output") -> "Source":
        """The same, seen from outside the step that this one's step ends.

        A list that ends with a list gives what that one gives.
        """
        inner = self.path[1:] if key == "output" and self.path[:1] == ("output",) else self.path
        return Source(step, (key, *inner))


class Piece(NamedTuple):
    """What a pattern has become: steps that run one after the other, and where their output is."""

    steps: tuple[Step, ...]
    result: Source


@dataclass(slots=True)
class Names:
    """Names given out in one workflow, and the object each was given to."""

    owners: dict[str, Any] = field(default_factory=dict)

    def give(self, wanted: str, owner: Any) -> str:
        """The name, made one that a step can have and that no other step has."""
        base = _FOREIGN.sub("_", wanted)[:100] or "step"
        base = base if base[0].isalpha() or base[0] == "_" else f"_{base}"
        name, number = base, 1
        while name in self.owners:
            number += 1
            name = f"{base}_{number}"
        self.owners[name] = owner
        return name


@dataclass(frozen=True, slots=True)
class Making:
    """What is known while pieces are compiled.

    Attributes:
        names: Shared by the whole workflow.
        retry: What a RetryableStep around says.
        whole: Whether this is all of the workflow.
    """

    names: Names = field(default_factory=Names)
    retry: RetryPolicy | None = None
    whole: bool = True

    def part(self) -> "Making":
        """The same for a part that stands in the same list."""
        return replace(self, whole=False)

    def inside(self) -> "Making":
        """The same for steps inside of a step."""
        return replace(self, whole=False)

    def function(self, name: str, owner: Any, call: "Acts", given: Source, **options: Any) -> Piece:
        """A piece of one step that calls a Python function with one value."""
        name = self.names.give(name, owner)
        if self.retry is not None and call.retried:
            options["retry"] = self.retry
        step = step_of(name, "function", {"function": call, "input": given.template}, options)  # type: ignore[arg-type]
        return Piece((step,), Source(name))

    def plainly(self, piece: Piece, name: str, owner: Any) -> Piece:
        """The same piece, with its output as the whole output of its last step.

        Where several pieces end in one place (cases, branches), what comes after can look in one place only.
        """
        if piece.steps and piece.result == Source(piece.steps[-1].name):
            return piece
        passed_on = self.function(f"{name}_output", owner, PASS_ON, piece.result)
        return Piece((*piece.steps, *passed_on.steps), passed_on.result)


class Acts(Dressed):
    """What a `function` step of a pattern calls: one value in, one out."""

    retried = True

    async def __call__(self, value: Any, context: Any) -> Any:
        try:
            return await self.act(value)
        except Exception as error:  # remembered for whoever waits for the run, who is given it as it was raised
            if (kept := raised.get()) is not None:
                kept[context.path] = error
            raise

    async def act(self, value: Any) -> Any:
        """Do it."""
        raise NotImplementedError


raised: ContextVar[dict[str, Exception] | None] = ContextVar("baton_patterns_raised", default=None)
"""What steps raised, by path, while somebody waits for them: the cause of the error he is given."""


def _pass_on(value: Any) -> Any:
    return value


class _PassOn(Acts):
    retried = False

    async def act(self, value: Any) -> Any:
        return value


PASS_ON = _PassOn(_pass_on)


class CaseHolds(Dressed):
    """A case's condition, asked about the value at a source."""

    def __init__(self, condition: Any, source: Source) -> None:
        super().__init__(condition)
        self._source = source

    def __call__(self, state: Any) -> bool:
        return bool(self.ask(self._source.of(state)))


def when(condition: Any, source: Source) -> FromState:
    """The condition as a case holds it."""
    return FromState(CaseHolds(condition, source))


def workflow_of(piece: Piece, name: str, version: str) -> Definition:
    """The workflow of a whole pattern."""
    metadata = {"name": _FOREIGN.sub("_", name), "version": version}
    return made(Definition, f"workflow '{name}'", {"metadata": metadata, "spec": {"steps": chained(piece.steps)}})


def chained(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Each depends on the one before it."""
    linked: list[Step] = []
    for step in steps:
        needs = (Dependency(step=linked[-1].name),) if linked else ()
        linked.append(step.model_copy(update={"depends_on": needs}))
    return tuple(linked)
