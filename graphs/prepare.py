"""Definitions made ready to run: every template parsed once, every constant configuration checked once.

A `Library` holds the workflows an execution is pinned to and prepares their steps as they are first needed, so
thousands of executions of one definition share the work.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar
from weakref import ref

from pydantic import BaseModel, ValidationError

from graphs.errors import InputError, NotFoundError, StepError
from graphs.expressions import EvaluationContext, Template, parse_condition, parse_template
from graphs.inputs import check_input
from graphs.loading.words import clauses
from graphs.spec import FromState, Step, Workflow
from graphs.steps import Node, StepType, StepTypes

Names = Mapping[str, Any]
StateOf = Callable[[], Any]
T = TypeVar("T")


class Value:
    """A templatable field: a template, a Python callable over the state, or both inside one structure."""

    __slots__ = ("_callables", "_parts", "_template", "constant")

    def __init__(self, source: Any) -> None:
        self._callables = _holds_callable(source)
        self._template: Template | None = None if self._callables else parse_template(source)
        self.constant = not self._callables and self._template is not None and self._template.constant
        self._parts = _parts(source) if self._callables else None

    @property
    def calls(self) -> frozenset[str]:
        """Names of the functions its expressions call."""
        return frozenset(self._template.calls) if self._template is not None else frozenset()

    def render(self, names: Names, evaluation: EvaluationContext, state: StateOf) -> Any:
        """The value: expressions evaluated, callables called with the state."""
        if self._template is not None:
            return self._template.render(names, evaluation)
        return _render_parts(self._parts, names, evaluation, state)


def _holds_callable(source: Any) -> bool:
    if isinstance(source, Mapping):
        return any(_holds_callable(item) for item in source.values())
    if isinstance(source, list | tuple):
        return any(_holds_callable(item) for item in source)
    return not isinstance(source, str | int | float | bool | None)


def _parts(source: Any) -> Any:
    if isinstance(source, FromState):
        return source
    if isinstance(source, Mapping):
        return {key: _parts(item) for key, item in source.items()}
    if isinstance(source, list | tuple):
        return [_parts(item) for item in source]
    return parse_template(source) if isinstance(source, str) else _Constant(source)


class _Constant:
    """A Python value (a tool, a function, an agent) that a builder put into a configuration."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _render_parts(parts: Any, names: Names, evaluation: EvaluationContext, state: StateOf) -> Any:
    if isinstance(parts, FromState):
        return parts.function(state())
    if isinstance(parts, _Constant):
        return parts.value
    if isinstance(parts, dict):
        return {key: _render_parts(item, names, evaluation, state) for key, item in parts.items()}
    if isinstance(parts, list):
        return [_render_parts(item, names, evaluation, state) for item in parts]
    return parts.render(names, evaluation)


class Test:
    """A condition: an expression, a boolean, or a Python callable over the state."""

    __slots__ = ("_condition", "_function")

    def __init__(self, source: Any) -> None:
        self._function = source.function if isinstance(source, FromState) else source if callable(source) else None
        self._condition = None if self._function is not None else parse_condition(source)

    def holds(self, names: Names, evaluation: EvaluationContext, state: StateOf) -> bool:
        """Whether it holds.

        Raises:
            ExpressionError, StepError: it cannot be said, or is no boolean.
        """
        if self._condition is not None:
            return bool(self._condition.evaluate(names, evaluation))
        assert self._function is not None
        answer = self._function(state())
        if not isinstance(answer, bool):
            raise StepError(
                f"the condition {getattr(self._function, '__qualname__', self._function)!r} gave {answer!r}, "
                "which is not a boolean.",
                code="not_boolean",
            )
        return answer


class Prepared:
    """One step, ready to run. It does not hold the step, whose life is also this one's (see `Library.prepare`)."""

    def __init__(self, step: Step, kind: StepType) -> None:
        self.name = step.name
        self.kind = kind
        self._input_schema = step.input_schema
        self.condition = Test(step.condition) if step.condition is not None else None
        self.input = Value(step.input) if step.input is not None else None
        self.output = Value(step.output) if step.output is not None else None
        self.variables = Value(step.variables) if isinstance(step.variables, Mapping) and step.variables else None
        self._deferred = {key: value for key, value in step.config.items() if key in kind.deferred}
        rendered = {key: value for key, value in step.config.items() if key not in kind.deferred}
        self._config = Value(rendered) if rendered else _nothing()
        self.constant_config = self._model(rendered) if self._config.constant else None

    @property
    def constant(self) -> bool:
        """Whether its configuration holds no expressions, so that it has been checked already."""
        return self.constant_config is not None

    @property
    def slow(self) -> bool:
        """Whether evaluating the configuration takes so long that it is better done in a thread."""
        return "password_hash" in self._config.calls

    def config(self, names: Names, evaluation: EvaluationContext, state: StateOf) -> BaseModel:
        """The step's configuration with every expression evaluated, as its type's model.

        Raises:
            StepError: it does not fit the model now that the values are known.
        """
        if self.constant_config is not None:
            return self.constant_config
        return self._model(self._config.render(names, evaluation, state))

    def check_input(self, value: Any) -> None:
        """D12: the step's input fits its schema.

        Raises:
            StepError: it does not; of the category that is never retried.
        """
        if self._input_schema is not None:
            try:
                check_input(self._input_schema, value)
            except InputError as error:
                raise StepError(error.message, category="validation", code="step_input_invalid") from error

    def _model(self, rendered: Mapping[str, Any]) -> BaseModel:
        try:
            return self.kind.Config.model_validate({**rendered, **self._deferred})
        except ValidationError as error:
            raise StepError(
                f"step '{self.name}': {'; '.join(clauses(self.kind.Config, error, 'config'))}.",
                category="validation",
                code="config_invalid",
            ) from error


@cache
def _nothing() -> Value:
    """The configuration of steps that are made at run time: what they do is in their kind."""
    return Value({})


class Library:
    """The step types an engine knows and the workflows it has opened, by digest."""

    def __init__(self, step_types: StepTypes) -> None:
        self.step_types = step_types
        self._prepared: dict[int, tuple[ref[Step], Prepared]] = {}
        self._workflows: dict[str, Workflow] = {}
        self._remembered: dict[tuple[str, str], Any] = {}

    def add(self, workflow: Workflow, digest: str | None = None) -> Workflow:
        """Keep a workflow; an equal one that is already there is given back, so that prepared steps are shared.

        Args:
            digest: What it is pinned by, where an earlier Baton kept it and counted otherwise than this one does.
        """
        workflow = self._workflows.setdefault(workflow.digest, workflow)
        return self._workflows.setdefault(digest or workflow.digest, workflow)

    def workflow(self, digest: str) -> Workflow | None:
        return self._workflows.get(digest)

    def kind(self, step: Step) -> StepType:
        """The type of a step.

        Raises:
            NotFoundError: this engine does not know it.
        """
        try:
            return self.step_types[step.type]
        except KeyError:
            raise NotFoundError(
                f"No step type '{step.type}'.", hint=self.step_types.suggestion(step.type), code="step_type_unknown"
            ) from None

    def node_of(self, step: Step) -> Node:
        return self.kind(step).node

    def prepare(self, step: Step) -> Prepared:
        """The step, ready to run; kept as long as the step itself is.

        Steps of definitions live as long as this library. Those made at run time go with their plan: an engine that
        makes some for each of 100,000 items must not keep them all.
        """
        key = id(step)
        if (kept := self._prepared.get(key)) is not None:
            return kept[1]
        prepared = Prepared(step, self.kind(step))
        self._prepared[key] = (ref(step, lambda _: self._prepared.pop(key, None)), prepared)
        return prepared

    def remember(self, what: str, digest: str, make: Callable[[], T]) -> T:
        """Something that follows from a definition alone (its plan, its analysis), made once."""
        key = (what, digest)
        if key not in self._remembered:
            self._remembered[key] = make()
        made: T = self._remembered[key]
        return made
