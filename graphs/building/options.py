"""What every step of the builder may be given, and how the shorter ways to write it are understood."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypedDict, TypeVar, cast

from pydantic import BaseModel, ValidationError

from graphs.errors import DefinitionError, Problem
from graphs.loading.places import written
from graphs.loading.words import complaints
from graphs.spec import Dependency, FromState, OnFailure, OnTimeout, RetryPolicy, Step

Needs = str | Step | Dependency | Iterable[str | Step | Dependency]
Steps = Step | Iterable[Step]
Condition = str | bool | FromState | Callable[[Any], bool]
Seconds = float | str
"""A number of seconds, or a text such as `30s`, `5m` or `24h`."""

Branches = Mapping[str, Steps] | Iterable[Steps]

M = TypeVar("M", bound=BaseModel)


class StepOptions(TypedDict, total=False):
    """What every step may be given, whatever its type.

    The keys are those of `graphs.spec.Step`, with shorter ways to write some of them: `depends_on` takes names and
    steps; `retry` takes a number of attempts; `on_failure` takes an action's name, or the step to fall back on.
    """

    description: str
    depends_on: Needs
    next: str | Iterable[str]
    parallel: bool
    condition: Condition
    input: Any
    input_schema: Mapping[str, Any]
    output: Mapping[str, Any]
    variables: Mapping[str, Any] | str
    timeout: Seconds
    deadline: Seconds
    limits: str | Iterable[str]
    breaker: Literal["wait", "fail"]
    retry: int | RetryPolicy | Mapping[str, Any]
    on_failure: str | Step | OnFailure | Mapping[str, Any]
    on_timeout: str | OnTimeout | Mapping[str, Any]
    compensate: Step
    compensate_failed: bool
    sensitive: bool
    metrics_enabled: bool
    labels: Mapping[str, str]


class Join(TypedDict, total=False):
    """When steps side by side are over, and what becomes of the others then."""

    max_concurrency: int | None
    wait_for_all: bool | None
    rest: Literal["cancel", "finish"] | None
    first: int | None
    min_success: int | None
    min_success_rate: float | None
    failure_policy: str | None


class JoinOptions(StepOptions, Join, total=False):
    """What a step may be given that has steps side by side."""


def parted(options: JoinOptions) -> tuple[dict[str, Any], StepOptions]:
    """What goes into the configuration, and what every step may be given."""
    join = {key: value for key, value in options.items() if key in Join.__annotations__}
    return join, cast(StepOptions, {key: value for key, value in options.items() if key not in join})


def settled(step: str | Step) -> Dependency:
    """For `depends_on`: that step must have settled, well or not."""
    return Dependency(step=_name(step), outcome="settled")


def failed(step: str | Step) -> Dependency:
    """For `depends_on`: that step must have failed."""
    return Dependency(step=_name(step), outcome="failed")


def from_state(function: Callable[[Any], Any]) -> FromState:
    """A Python callable where a template could stand: it is called with the state when the step runs (D16)."""
    return FromState(function)


def given(**values: Any) -> dict[str, Any]:
    """The configuration without what was left out: two definitions are equal when they say the same."""
    return {key.rstrip("_"): value for key, value in values.items() if value is not None}


def step_of(name: str, kind: str, config: Mapping[str, Any], options: StepOptions, **inside: Any) -> Step:
    """A step of the model.

    Args:
        name, kind, config: Its name, type and configuration.
        options: What every step may be given.
        inside: `steps`, `branches`, `cases`, `default`, `then` and `else_`, where the type has them.

    Raises:
        DefinitionError: everything about it that the model does not accept.
    """
    values: dict[str, Any] = {**options, **{key: value for key, value in inside.items() if value is not None}}
    for key, understand in _SHORTER.items():
        if key in values:
            values[key] = understand(values[key])
    return made(Step, f"step '{name}'", {"name": name, "type": kind, "config": dict(config), **values})


def made(model: type[M], what: str, values: Mapping[str, Any]) -> M:
    """A value of the model.

    Raises:
        DefinitionError: everything the model does not accept, each with where it stands.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise DefinitionError([_problem(what, complaint) for complaint in complaints(model, error)]) from None


def _problem(what: str, complaint: Any) -> Problem:
    where = written(complaint.path)
    return Problem(complaint.code, f"{what}{f', {where}' if where else ''}: {complaint.message}.", complaint.hint)


def _name(step: str | Step) -> str:
    return step if isinstance(step, str) else step.name


def _dependencies(needs: Needs) -> tuple[Dependency | str, ...]:
    if isinstance(needs, str | Step | Dependency):
        needs = (needs,)
    return tuple(need.name if isinstance(need, Step) else need for need in needs)


def policy(retry: int | RetryPolicy | Mapping[str, Any]) -> Any:
    """A retry policy: a number counts attempts, the first one too; `max_retries` counts those after it (X01).

    Raises:
        DefinitionError: both are given.
    """
    if isinstance(retry, int):
        return {"max_attempts": retry}
    if isinstance(retry, RetryPolicy) or "max_retries" not in retry:
        return retry
    if "max_attempts" in retry:
        raise DefinitionError(
            [
                Problem(
                    "retries_and_attempts",
                    "retry: 'max_retries' and 'max_attempts' are both given.",
                    "Keep one: attempts count the first try too, so max_attempts is max_retries + 1.",
                )
            ]
        )
    rest = {key: value for key, value in retry.items() if key != "max_retries"}
    return rest | {"max_attempts": retry["max_retries"] + 1}


def _on_failure(answer: str | Step | OnFailure | Mapping[str, Any]) -> Any:
    if isinstance(answer, Step):
        return {"action": "fallback", "fallback": answer}
    return {"action": answer} if isinstance(answer, str) else answer


def _on_timeout(answer: str | OnTimeout | Mapping[str, Any]) -> Any:
    return {"action": answer} if isinstance(answer, str) else answer


def several(values: Iterable[Any] | None) -> list[Any] | None:
    """Values as a list; a text is one of them."""
    if values is None:
        return None
    return [values] if isinstance(values, str) else list(values)


def listed(steps: Steps | None) -> tuple[Step, ...] | None:
    """One step or several, as a tuple."""
    if steps is None:
        return None
    return (steps,) if isinstance(steps, Step) else tuple(steps)


def _branches(branches: Branches) -> Any:
    if isinstance(branches, Mapping):
        return {branch: listed(steps) for branch, steps in branches.items()}
    return tuple(listed(steps) for steps in branches)


_SHORTER: dict[str, Callable[[Any], Any]] = {
    "branches": _branches,
    "depends_on": _dependencies,
    "retry": policy,
    "on_failure": _on_failure,
    "on_timeout": _on_timeout,
    **dict.fromkeys(("steps", "default", "then", "else_"), listed),
}
