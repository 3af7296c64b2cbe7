"""A step, what its failure means, and the lists of steps inside it."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from graphs.durations import Duration
from graphs.spec.base import Json, Model, Name, Outcome, WorkflowName
from graphs.spec.failures import Escalation, Response, RetryPolicy

OTHER_WORDS = {"minimum_success_count": "min_success", "parallel_failure_threshold": "min_success_rate"}
"""What the requirement documents call two keys of a group's `config` (P07, X14). A definition holds our words, so that
it is the same one, with the same digest, whichever were written."""

_JOINING = frozenset({"parallel", "parallel_group", "map"})


class OnFailure(Model):
    """What a step's failure means, once its attempts are used up (Y11, E04, E15, E16, E17)."""

    action: Literal["terminate", "retry", "continue", "fallback", "escalate", "goto"] = "terminate"
    message: str | None = None
    max_attempts: int | None = Field(default=None, ge=1, le=1000)
    output: Json = None
    """With `continue` (and `escalate`, when nobody decides): the output that stands for the failed step's."""
    fallback: "Step | None" = None
    """With `fallback`: the step whose result stands for the failed one's."""
    input: Json = None
    """With `retry`: it is tried once more with this input; `error` is why."""
    config: dict[str, Any] | None = None
    """With `retry`: it is tried once more with these keys of its configuration changed: another model, say."""
    goto: Name | None = None
    """With `goto`: the later step of the same list that is gone on with; those in between are skipped."""
    escalate: Escalation | None = None
    """With `escalate`: whom it is put before."""
    response: Response | None = None
    """What it asks for when the execution ends by it, where that is not what its category asks for. (A step that is
    gone on from leaves a dead letter too where this says so.)"""

    @model_validator(mode="after")
    def _fallback_is_given(self) -> Self:
        if (self.action == "fallback") != (self.fallback is not None):
            raise ValueError("action 'fallback' and the key 'fallback' (a step) go together")
        if self.fallback is not None and self.fallback.on_failure.has_answer:
            raise ValueError("a fallback has no fallback of its own; give it a 'sequence' or a 'switch' instead")
        if self.fallback is not None and self.fallback.on_failure.goto is not None:
            raise ValueError("a fallback stands in no list, so it cannot go to another step")
        if (self.action == "goto") != (self.goto is not None):
            raise ValueError("action 'goto' and the key 'goto' (a step's name) go together")
        if self.escalate is not None and self.action != "escalate":
            raise ValueError("the key 'escalate' goes with action 'escalate'")
        if (self.input is not None or self.config is not None) and self.action != "retry":
            raise ValueError("'input' and 'config' go with action 'retry'")
        return self

    @property
    def has_answer(self) -> bool:
        """Whether another step answers the failure."""
        return self.action in ("fallback", "escalate") or self.input is not None or self.config is not None


class OnTimeout(Model):
    """What a step's time limit means, once it is over (Y12, E05)."""

    action: Literal["terminate", "continue", "compensate", "approve", "reject"] = "terminate"
    compensation_workflow: WorkflowName | None = None
    """With `compensate`: the workflow that cleans up, in place of the compensations (E14)."""
    compensation_input: dict[str, Json] | None = None
    """Its input; without it, the input and the outputs so far: `{"input": …, "steps": {name: output}}`."""
    output: Json = None


class Dependency(Model):
    """A step that must settle first, and how (X06)."""

    step: Name
    outcome: Outcome = "succeeded"


class Case(Model):
    """One way a `switch` can go (F14, F17): the first case that fits is taken."""

    name: Name | None = None
    """The route's name; a model that chooses sees it together with `description`."""
    description: str = ""
    when: Any = None
    """An expression or a Python callable that must give a boolean."""
    equals: Json = None
    """Fits when the value of the switch's `on` is this one."""
    steps: tuple["Step", ...] = ()


class Step(Model):
    """A named unit of work (Y06). What `config` may hold is said by the step type.

    `steps`, `branches`, `cases`, `default`, `then` and `else` hold the steps inside a composite one; which of
    them a type uses is the type's to say.
    """

    name: Name
    type: Name = "service_call"
    description: str = ""
    depends_on: tuple[Dependency, ...] = ()
    next: tuple[Name, ...] = ()
    """Steps that follow this one: the same as naming it in their `depends_on` (F23)."""
    parallel: bool | None = None
    """A hint only: what may run side by side is said by `depends_on` (X09)."""
    condition: Any = None
    """False: the step is skipped, not failed (F15). An expression, a boolean, or a Python callable."""
    config: dict[str, Any] = Field(default_factory=dict)
    steps: tuple["Step", ...] = ()
    branches: dict[Name, tuple["Step", ...]] = Field(default_factory=dict)
    """Lists of steps that run side by side, each in its own order (F06)."""
    cases: tuple[Case, ...] = ()
    default: tuple["Step", ...] | None = None
    then: tuple["Step", ...] | None = None
    else_: tuple["Step", ...] | None = Field(default=None, alias="else")
    input: Any = None
    """What the step sees as its input (D08): a template, or a Python callable over the state."""
    input_schema: dict[str, Any] | None = None
    """JSON Schema that `input` must fit before the step acts (D12)."""
    output: dict[str, Any] | None = None
    """Named outputs, as expressions over `response` (Y10, D09). Without it the response is the output.

    A step with steps inside has a response also when it failed; outputs that cannot be built of it are left out."""
    variables: dict[str, Any] | Literal["merge"] = Field(default_factory=dict)
    """Variables this step sets, as expressions over `output` (D06); `merge`: every key of its output."""
    timeout: Duration | None = None
    """Seconds one attempt may take (E07). Time spent waiting for other steps does not count."""
    deadline: Duration | None = None
    """Seconds from when it begins to its end in all: every attempt, and the pauses and waiting between them."""
    limits: tuple[Name, ...] = ()
    """Named limits (`BATON_LIMITS`) it is under besides that of the service or model it uses."""
    breaker: Literal["wait", "fail"] | None = None
    """What it does when the circuit breaker of what it uses is open: wait until that may be probed, or fail."""
    retry: RetryPolicy | None = None
    on_failure: OnFailure = Field(default_factory=lambda: OnFailure())
    on_timeout: OnTimeout | None = None
    compensate: "Step | None" = None
    """The step that undoes this one (E11); it sees this step's input and output."""
    compensate_failed: bool | None = None
    """Undo it also when it failed, because it may have acted (X24); without it, as `compensation.include_failed`, and
    without that when it was cut off."""
    sensitive: bool = False
    """Marks effects that a person should know of: the orchestrator counts them, `show` names them."""
    metrics_enabled: bool = True
    """Whether `/metrics` counts it."""
    labels: dict[str, str] = Field(default_factory=dict)

    @field_validator("config")
    @classmethod
    def _one_word_for_one_thing(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if info.data.get("type") not in _JOINING or not OTHER_WORDS.keys() & value.keys():
            return value
        for other, word in OTHER_WORDS.items():
            if {other, word} <= value.keys():
                raise ValueError(f"'{other}' is another word for '{word}', and both are given")
        return {OTHER_WORDS.get(key, key): item for key, item in value.items()}

    @cached_property
    def answer(self) -> "Step | None":
        """The step that answers a failure of this one, and whose result then stands for it."""
        on_failure = self.on_failure
        if on_failure.fallback is not None or not on_failure.has_answer:
            return on_failure.fallback
        alone = {"condition": None, "depends_on": (), "next": (), "on_failure": OnFailure()}
        if on_failure.action == "escalate":
            asked = (on_failure.escalate or Escalation()).model_dump(exclude_defaults=True)
            if on_failure.output is not None:
                asked["output"] = on_failure.output
            return Step(name=self.name, type="escalation", config=asked, steps=(self.model_copy(update=alone),))
        given = on_failure.input if on_failure.input is not None else self.input
        config = {**self.config, **(on_failure.config or {})}
        return self.model_copy(update={**alone, "input": given, "config": config})

    @field_validator("compensate")
    @classmethod
    def _it_stands_alone(cls, step: "Step | None") -> "Step | None":
        if step is not None and step.on_failure.goto is not None:
            raise ValueError("what undoes a step stands in no list, so it cannot go to another step")
        return step

    @field_validator("depends_on", mode="before")
    @classmethod
    def _names_are_dependencies(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = [value]
        if isinstance(value, list | tuple):
            return tuple({"step": item} if isinstance(item, str) else item for item in value)
        return value

    @field_validator("branches", mode="before")
    @classmethod
    def _a_list_of_branches_is_numbered(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return {f"branch_{index}": steps for index, steps in enumerate(value)}
        return value

    @field_validator("default", "then", "else_", mode="before")
    @classmethod
    def _one_step_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, dict | BaseModel) else value

    def containers(self) -> Iterator[tuple[str, tuple["Step", ...]]]:
        """The lists of steps inside this one, each with its path: `steps`, `branches.a`, `cases[0].steps` …"""
        if self.steps:
            yield "steps", self.steps
        for name, steps in self.branches.items():
            yield f"branches.{name}", steps
        for index, case in enumerate(self.cases):
            yield f"cases[{index}].steps", case.steps
        for key, steps_or_none in (("default", self.default), ("then", self.then), ("else", self.else_)):
            if steps_or_none is not None:
                yield key, steps_or_none

    @field_validator("next", "limits", mode="before")
    @classmethod
    def _one_name_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


for _model in (OnFailure, Case, Step):
    _model.model_rebuild()
