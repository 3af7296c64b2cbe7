"""Patterns that put steps in an order: one after the other, side by side, undone when they fail, in phases."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from graphs.building.options import step_of
from graphs.errors import InputError
from graphs.spec import Step
from graphs.state import Result
from orchestrator.faces.callables import called
from orchestrator.faces.patterns.errors import ParallelExecutionFailed, WorkflowStepFailed
from orchestrator.faces.patterns.failures import Failure
from orchestrator.faces.patterns.making import Acts, Making, Piece, Source
from orchestrator.faces.patterns.steps import Pattern, WorkflowStep

WorkflowPhase = WorkflowStep
"""A phase is a step: of one's own, or any pattern."""


def one_after_the_other(steps: Iterable[WorkflowStep], making: Making, given: Source) -> Piece:
    """Steps, each given what the one before it gives. None at all give what they are given."""
    made: list[Step] = []
    for step in steps:
        piece = step.compile(making, given)
        made += piece.steps
        given = piece.result
    return Piece(tuple(made), given)


class _Phase(Pattern):
    """A pattern that is one step after the other."""

    def compile(self, making: Making, given: Source) -> Piece:
        """A `sequence` step with its steps inside. Where it is the whole workflow it needs none around it."""
        if making.whole:
            return self._steps(making.part(), given)
        name = making.names.give(self.name, self)
        piece = self._steps(making.inside(), given)
        if not piece.steps:
            return Piece((), given)
        return Piece((step_of(name, "sequence", {}, {}, steps=piece.steps),), piece.result.inside(name))

    def _steps(self, making: Making, given: Source) -> Piece:
        raise NotImplementedError


class SequentialWorkflow(_Phase):
    """Steps one after the other (A40, F01)."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.steps: list[WorkflowStep] = []

    def add_step(self, step: WorkflowStep) -> Self:
        """Add a step, or any pattern, after those there are."""
        self.steps.append(step)
        return self

    def add_phase(self, phase: WorkflowPhase) -> Self:
        """The same as `add_step`."""
        return self.add_step(phase)

    def _steps(self, making: Making, given: Source) -> Piece:
        return one_after_the_other(self.steps, making, given)


class CompensableWorkflow(_Phase):
    """Steps one after the other; when it fails, those that completed are undone in reverse order (A45, E11).

    A compensation is given what its step gave. One that fails does not keep the others from running (E12). The
    engine undoes what a workflow has done when the workflow fails: where this is a phase among others, that is also
    when a later phase fails.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._pairs: list[tuple[WorkflowStep, WorkflowStep | None]] = []

    def add_step(self, step: WorkflowStep, compensation: WorkflowStep | None = None) -> Self:
        """Add a step after those there are, and what undoes it."""
        self._pairs.append((step, compensation))
        return self

    @property
    def steps(self) -> list[WorkflowStep]:
        """The steps."""
        return [step for step, _ in self._pairs]

    @property
    def compensation_steps(self) -> dict[str, WorkflowStep]:
        """Compensations by the id of their step."""
        return {step.id: compensation for step, compensation in self._pairs if compensation is not None}

    def _steps(self, making: Making, given: Source) -> Piece:
        made: list[Step] = []
        for step, compensation in self._pairs:
            piece = step.compile(making, given)
            if compensation is not None:
                piece = _undoable(piece, compensation, making)
            made += piece.steps
            given = piece.result
        return Piece(tuple(made), given)


def _undoable(piece: Piece, compensation: WorkflowStep, making: Making) -> Piece:
    """The piece as one step that has a compensation."""
    step, result = _as_one(piece, compensation, making)
    undoing, _ = _as_one(compensation.compile(making.inside(), result), compensation, making)
    return Piece((step.model_copy(update={"compensate": undoing}),), result)


def _as_one(piece: Piece, owner: WorkflowStep, making: Making) -> tuple[Step, Source]:
    if len(piece.steps) == 1:
        return piece.steps[0], piece.result
    name = making.names.give(f"{piece.steps[0].name}_and_more", owner)
    return step_of(name, "sequence", {}, {}, steps=piece.steps), piece.result.inside(name)


class ParallelWorkflow(Pattern):
    """Branches side by side, each given the same input (A41, F06, F07).

    All come to their end; if one fails, the whole has failed. Override `_combine_results` to combine in another way.

    Args:
        max_concurrency: So many steps are at work at a time.
    """

    def __init__(self, name: str, max_concurrency: int = 10) -> None:
        super().__init__(name)
        self.max_concurrency = max_concurrency
        self.branches: list[Sequence[WorkflowStep]] = []

    def add_branch(self, branch: Sequence[WorkflowStep]) -> Self:
        """Add a branch: steps that run one after the other."""
        self.branches.append(branch)
        return self

    def _combine_results(self, results: list[Any]) -> dict[str, Any]:
        """What it gives, from what the branches have given, in their order."""
        return {"branch_results": {f"branch_{index}": result for index, result in enumerate(results)}}

    def compile(self, making: Making, given: Source) -> Piece:
        if not self.branches:
            raise InputError(
                f"ParallelWorkflow '{self.name}' has no branches.",
                hint="Give it some: .add_branch([step, …]).",
                code="branches_missing",
            )
        name, inside = making.names.give(self.name, self), making.inside()
        branches = {}
        for index, branch in enumerate(self.branches):
            piece = inside.plainly(one_after_the_other(branch, inside, given), f"{name}_{index}", self)
            branches[f"branch_{index}"] = piece.steps
        options: Any = {"output": {"branch_results": "{{ response.branch_results }}"}}
        config = {"max_concurrency": self.max_concurrency}
        step = step_of(name, "parallel", config, options, branches=branches)
        if type(self)._combine_results is ParallelWorkflow._combine_results:
            return Piece((step,), Source(name))
        combined = making.function(f"{name}_combined", self, _Combines(self), Source(name, ("branch_results",)))
        return Piece((step, *combined.steps), combined.result)

    def explain(self, failure: Failure, path: str, result: Result) -> Exception:
        found = [failure.within(f"{path}.branch_{index}") for index in range(len(self.branches))]
        errors = [error for error in found if error is not None]
        return ParallelExecutionFailed(errors) if errors else failure.of_step(self, path, result)


class _Combines(Acts):
    """Calls an overridden `_combine_results`."""

    retried = False

    def __init__(self, pattern: ParallelWorkflow) -> None:
        super().__init__(pattern._combine_results)

    async def act(self, value: Any) -> Any:
        return self.ask([value[f"branch_{index}"] for index in range(len(value))])


class ComplexWorkflow(_Phase):
    """Phases one after the other, each a step or any pattern (A46, F25).

    A phase whose output says `success: false` goes to `_handle_phase_failure`; override it.
    """

    def __init__(self, name: str = "ComplexWorkflow") -> None:
        super().__init__(name)
        self.phases: list[WorkflowPhase] = []

    def add_phase(self, phase: WorkflowPhase) -> Self:
        """Add a phase after those there are."""
        self.phases.append(phase)
        return self

    async def _handle_phase_failure(self, phase: WorkflowPhase, output: dict[str, Any]) -> dict[str, Any] | None:
        """What a phase means that reports no success: that the workflow has failed, unless this is overridden.

        Returns:
            What the next phase is given; None for the output as it is.
        """
        raise WorkflowStepFailed(phase, output)

    def _steps(self, making: Making, given: Source) -> Piece:
        made: list[Step] = []
        for phase in self.phases:
            piece = phase.compile(making, given)
            checked = making.function(f"{phase.name}_checked", self, _Checks(self, phase), piece.result)
            made += [*piece.steps, *checked.steps]
            given = checked.result
        return Piece(tuple(made), given)


class _Checks(Acts):
    """Looks whether a phase reports success."""

    retried = False

    def __init__(self, workflow: ComplexWorkflow, phase: WorkflowPhase) -> None:
        super().__init__(workflow._handle_phase_failure)
        self._phase = phase

    async def act(self, value: Any) -> Any:
        if not isinstance(value, Mapping) or value.get("success", True):
            return value
        answer = await called(self.inner, self._phase, dict(value))
        return value if answer is None else answer
