"""`WorkflowStep`, which one's own steps are subclasses of, and `Pattern`, which everything that holds steps is.

Every pattern is a step, so any can stand where a step can (X23).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, ClassVar, Self, overload

from graphs.spec import Workflow as Definition
from graphs.state import ExecutionStatus, Result
from orchestrator.faces.patterns.errors import WorkflowStepFailed
from orchestrator.faces.patterns.failures import Failure
from orchestrator.faces.patterns.making import Acts, Making, Piece, Source, raised, workflow_of
from orchestrator.faces.running import Means, Start, at_hand, carry_out


class _OfThisRun:
    """An attribute that each run has for itself: many executions share one step object, at the same time too."""

    def __init__(self, default: Any) -> None:
        self._default = default
        self._values: ContextVar[Mapping[int, Any] | None] = ContextVar("baton_step_attribute", default=None)

    @overload
    def __get__(self, step: None, owner: type) -> Self: ...
    @overload
    def __get__(self, step: object, owner: type) -> Any: ...
    def __get__(self, step: object | None, owner: type) -> Any:
        return self if step is None else (self._values.get() or {}).get(id(step), self._default)

    def __set__(self, step: object, value: Any) -> None:
        self._values.set({**(self._values.get() or {}), id(step): value})


class WorkflowStep(ABC):
    """A step: what `execute` gives is what the next step's `execute` is given.

    `execute` may be run again after a crash or a failure, on another machine even, so it keeps nothing on `self` that
    matters. Raise `RetryableError` for what may go well the next time.

    Attributes:
        name: What it is called; the class's name when nothing else is said.
        timeout: Seconds one attempt may take.
        failed, error, output: `execute` may set `failed` (and `error`) in place of raising. Each run has its own.
    """

    name: str = ""
    _id: str | None = None
    timeout: ClassVar[float | None] = None
    failed = _OfThisRun(False)
    error = _OfThisRun(None)
    output = _OfThisRun(None)

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def __init__(self, name: str | None = None) -> None:
        if name is not None:
            self.name = name

    @property
    def id(self) -> str:
        """The same as `name`, when nothing else is said."""
        return self._id or self.name

    @id.setter  # noqa: A003 - it is the property above
    def id(self, value: str) -> None:
        self._id = value

    @abstractmethod
    async def execute(self, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the document's word
        """Do it."""

    def compile(self, making: Making, given: Source) -> Piece:
        """The steps of the model that do it."""
        options = {} if self.timeout is None else {"timeout": self.timeout}
        return making.function(self.name, self, _Executes(self), given, **options)

    def explain(self, failure: Failure, path: str, result: Result) -> Exception:
        """The error that a failed run of it means."""
        return failure.of_step(self, path, result)


class _Executes(Acts):
    """Runs a step's `execute`."""

    def __init__(self, step: WorkflowStep) -> None:
        super().__init__(step.execute)
        self._step = step

    async def act(self, value: Any) -> Any:
        step = self._step
        step.failed, step.error, step.output = False, None, None
        step.output = output = await step.execute(value)
        if step.failed:
            raise _said_so(step, output)
        return output


def _said_so(step: WorkflowStep, output: Any) -> Exception:
    return step.error if isinstance(step.error, Exception) else WorkflowStepFailed(step, output)


class Pattern(WorkflowStep):
    """Steps put together."""

    async def execute(
        self,
        input: dict[str, Any] | None = None,  # noqa: A002 - the document's word
        *,
        means: Means | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Carry it out on the engine and wait for its end.

        Args:
            means: What it is carried out with; without them, what `using(...)` has laid out.
            idempotency_key: An execution that was started under the same key is taken up again, not started twice.

        Raises:
            PatternError: it did not come to a good end; the subclass says how.
        """
        making = Making()
        workflow = self._workflow(making, "1.0")
        token = raised.set({})
        try:
            start = Start(input=input or {}, idempotency_key=idempotency_key)
            ended = await carry_out(workflow, start, at_hand(means))
            if ended.execution.status is not ExecutionStatus.COMPLETED:
                raise Failure(workflow, making.names.owners, ended, raised.get() or {}).as_error()
            output: dict[str, Any] = ended.execution.output
            return output
        finally:
            raised.reset(token)

    def to_workflow(self, *, version: str = "1.0") -> Definition:
        """The workflow of the model.

        Raises:
            DefinitionError: it cannot be said in the language.
        """
        return self._workflow(Making(), version)

    def _workflow(self, making: Making, version: str) -> Definition:
        piece = making.plainly(self.compile(making, Source()), "workflow", self)
        return workflow_of(piece, self.name, version)

    def explain(self, failure: Failure, path: str, result: Result) -> Exception:
        return failure.within(path) or failure.of_step(self, path, result)
