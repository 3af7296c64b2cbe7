"""The `Workflow` model: what a definition says. Frozen values, unknown keys refused.

YAML, JSON, the Python builder and plain Python values all give this one model, so the same workflow has the same
digest whichever way it was written. Whether the parts fit together is asked elsewhere (`graphs.validation`).
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from graphs.code import code_of
from graphs.durations import Duration
from graphs.errors import Category

NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_-]{0,127}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
WorkflowName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,127}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}$")]

OTHER_WORDS = {"minimum_success_count": "min_success", "parallel_failure_threshold": "min_success_rate"}
"""What the requirement documents call two keys of a group's `config` (P07, X14). A definition holds our words, so that
it is the same one, with the same digest, whichever were written."""
_JOINING = frozenset({"parallel", "parallel_group", "map"})

Json = Any
"""A JSON value; strings in it may hold `{{ expressions }}` where the field says it is templatable."""

Outcome = Literal["succeeded", "settled", "failed"]


class Model(BaseModel):
    """The base of the language: frozen, strict about unknown keys, readable under alias and name."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)


class Metadata(Model):
    """Who a definition is (Y02, C14)."""

    name: WorkflowName
    version: Version = "1.0"
    description: str = ""
    tags: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    created_at: datetime | None = None
    created_by: str | None = None

    @field_validator("version", mode="before")
    @classmethod
    def _numbers_are_versions(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class RetryPolicy(Model):
    """How often and how long apart a step is tried (Y04, P03, P04). `max_attempts` counts the first try (X01)."""

    max_attempts: int = Field(default=3, ge=1, le=1000)
    backoff: Literal["fixed", "linear", "exponential"] = "exponential"
    initial_delay: Duration = 1.0
    max_delay: Duration = 300.0
    multiplier: float = Field(default=2.0, ge=1)
    jitter: float = Field(default=0.1, ge=0, le=1)
    retry_on: tuple[Category, ...] = ("transient", "resource", "dependency", "timeout")
    give_up_on: tuple[Category, ...] = ()


class Escalation(Model):
    """Whom a failure is put before. They approve (it is tried again), edit (with another input), respond (their answer
    stands for the output, and the workflow goes on) or reject (it fails)."""

    message: str | None = None
    assignees: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    timeout: Duration | None = None
    on_timeout: Literal["fail", "continue"] = "fail"
    """When nobody decides in time: it fails, or goes on with `output`."""

    @field_validator("assignees", "groups", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


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
    config: dict[str, Any] = {}
    steps: tuple["Step", ...] = ()
    branches: dict[Name, tuple["Step", ...]] = {}
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
    variables: dict[str, Any] | Literal["merge"] = {}
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
    """Undo it also when it failed, because it may have acted (X24); without it, as `compensation.include_failed`."""
    sensitive: bool = False
    """Marks effects that a person should know of: the orchestrator counts them, `show` names them."""
    metrics_enabled: bool = True
    labels: dict[str, str] = {}

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


AGENT_LABEL, AGENT_STEP = "baton.kind", "agent"
"""The label of workflows that were written as agents (`kind: Agent`), and the name of their one step."""


class Budget(Model):
    """What may be spent on models; reaching any of them asks a person for more. All calls count, also failed ones, and
    those that are made again."""

    tokens: int | None = Field(default=None, ge=1)
    cost: float | None = Field(default=None, gt=0)
    """In the currency of the price table."""
    calls: int | None = Field(default=None, ge=1)
    seconds: Duration | None = None
    """Time that models take to answer."""


class Config(Model):
    """Limits and defaults of a workflow (Y03, Y04, P01, P06)."""

    timeout: Duration | None = None
    """Seconds the execution may be at work; waiting for the world outside does not count (X33)."""
    deadline: Duration | None = None
    """Seconds from start to end in all, waiting included (X33)."""
    step_timeout: Duration | None = None
    retry_policy: RetryPolicy | None = None
    breaker: Literal["wait", "fail"] = "wait"
    """What steps do that meet an open circuit breaker and do not say it themselves."""
    max_parallel_steps: int = Field(default=10, ge=1, le=10_000)
    failure_policy: Literal["stop", "cancel", "continue"] = "stop"
    """When a step fails for good: `stop` starts nothing new, `cancel` also stops what runs, `continue` goes on."""
    strategy: Literal["auto", "dataflow", "partitioned", "staged"] = "auto"
    compensate_on_timeout: bool = True
    """X15: a time limit compensates as any other failure does."""
    on_failure: OnFailure | None = None
    """What a failure of a step means that does not say so itself (E16): `continue` or `escalate`."""
    compensate_on_cancel: bool = False
    """Whether a cancel undoes what was done, when whoever cancels does not say."""

    @field_validator("on_failure")
    @classmethod
    def _for_every_step(cls, value: OnFailure | None) -> OnFailure | None:
        if value is not None and value.action not in ("terminate", "continue", "escalate"):
            raise ValueError(
                "for a whole workflow it is 'terminate', 'continue' or 'escalate'; others are a step's own"
            )
        return value

    budget: Budget | None = None
    """What all agents of an execution may spend together."""


class InputSpec(Model):
    """What the workflow is given (Y05, D10)."""

    schema_: dict[str, Any] | None = Field(default=None, alias="schema")


class OutputSpec(Model):
    """What the workflow gives (Y14, D11); `values` are expressions that build it (X10)."""

    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    values: dict[str, Any] | None = None


class Compensation(Model):
    """Steps that clean up, in the order they are written, after the steps' own compensations (Y13, X11)."""

    steps: tuple[Step, ...] = ()
    include_failed: bool = False
    """Undo also the steps that failed, ran out of time or were stopped: they may have acted (X24)."""

    @field_validator("steps")
    @classmethod
    def _all_of_them_run(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return _without_goto(steps)


def _without_goto(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    for step in steps:
        if step.on_failure.goto is not None:
            raise ValueError(
                f"step '{step.name}' goes to another on failure; here each runs, whatever became of others"
            )
    return steps


class Parameter(Model):
    """A value a template asks for (C11)."""

    description: str = ""
    default: Json = None
    required: bool = False
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")


class Spec(Model):
    """The body of a definition."""

    config: Config = Config()
    input: InputSpec = InputSpec()
    variables: dict[str, Json] = {}
    """Variables every step can read, with their first values (D07)."""
    steps: tuple[Step, ...] = ()
    compensation: Compensation = Compensation()
    finally_: tuple[Step, ...] = Field(default=(), alias="finally")
    """Steps that run at the end however it ended, after the compensation, in the order they are written."""

    @field_validator("finally_")
    @classmethod
    def _all_of_them_run(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return _without_goto(steps)

    output: OutputSpec = OutputSpec()


class Workflow(Model):
    """A definition: name, version, and what is to be done. Frozen; `digest` says exactly which one it is."""

    api_version: Literal["workflow/v1"] = Field(default="workflow/v1", alias="apiVersion")
    kind: Literal["Workflow"] = "Workflow"
    metadata: Metadata
    spec: Spec

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def version(self) -> str:
        return self.metadata.version

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps as they are carried out: those that say nothing of their failure, as the workflow says."""
        default = self.spec.config.on_failure
        return self.spec.steps if default is None else tuple(_with_default(step, default) for step in self.spec.steps)

    @cached_property
    def digest(self) -> str:
        """Sixty-four hexadecimal digits over everything the definition says."""
        return hashlib.sha256(orjson.dumps(self.as_document(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    @cached_property
    def subworkflows(self) -> tuple[tuple[str, str | None], ...]:
        """Names (and versions, where they are said) of the workflows it may run as steps, or to clean up."""
        steps = self.spec.steps + self.spec.compensation.steps + self.spec.finally_
        return tuple(dict.fromkeys(wanted for step in steps for wanted in _subworkflows_of(step)))

    def as_document(self) -> dict[str, Any]:
        """The definition as JSON values, defaults left out: what YAML and JSON files hold.

        Python callables appear as `{"$python": "module:name", "digest": …}`: good for telling two apart,
        not for reading back.
        """
        document: dict[str, Any] = plain(
            self.model_dump(mode="python", by_alias=True, exclude_defaults=True, exclude_none=True)
        )
        return {"apiVersion": self.api_version, "kind": self.kind} | document

    def callables(self) -> tuple[str, ...]:
        """Where the definition holds Python callables, as paths; empty when it can be written as YAML."""
        return tuple(_callable_paths(self.model_dump(mode="python", by_alias=True, exclude_defaults=True), ""))


def _with_default(step: Step, default: OnFailure) -> Step:
    """Leaves only: where a step inside was answered for, the step around it has nothing to add."""

    def all_of(steps: tuple[Step, ...] | None) -> tuple[Step, ...] | None:
        return None if steps is None else tuple(_with_default(inner, default) for inner in steps)

    if not any(True for _ in step.containers()):
        own = "on_failure" in step.model_fields_set or step.on_timeout is not None or "event_type" in step.config
        return step if own or step.type in _WAITING else step.model_copy(update={"on_failure": default})
    update: dict[str, Any] = {key: all_of(getattr(step, key)) for key in ("steps", "default", "then", "else_")}
    update["branches"] = {name: all_of(steps) for name, steps in step.branches.items()}
    update["cases"] = tuple(case.model_copy(update={"steps": all_of(case.steps)}) for case in step.cases)
    return step.model_copy(update=update)


_WAITING = ("approval", "wait_for_event", "delay")
"""What was rejected or did not come in time was answered by somebody already."""


@dataclass(frozen=True, slots=True)
class FromState:
    """A Python callable that stands where a template could: called with the state when the step runs (D16)."""

    function: Callable[[Any], Any]


def _subworkflows_of(step: Step) -> Iterator[tuple[str, str | None]]:
    name = step.config.get("workflow") if step.type == "workflow" else None
    if isinstance(name, str):
        version = step.config.get("version")
        yield name, str(version) if version is not None else None
    yield from _workflows_as_tools(step.config)
    if step.on_timeout is not None and step.on_timeout.compensation_workflow is not None:
        yield step.on_timeout.compensation_workflow, None
    inside = [inner for _, steps in step.containers() for inner in steps]
    for inner in (*inside, step.on_failure.fallback, step.compensate):  # other answers run what the step runs
        if inner is not None:
            yield from _subworkflows_of(inner)


def _workflows_as_tools(config: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Those an agent is offered, by the step or by an agent that is written out in it, and that agent itself."""
    if isinstance(agent := config.get("agent"), str) and "{{" not in agent:
        name, _, version = agent.partition("@")
        yield name, version or None  # published as a definition of its own, perhaps
    for holder in (config, config.get("agent")):
        tools = _entry(holder, "tools")
        for use in tools if isinstance(tools, list | tuple) else (tools,):
            if isinstance(name := _entry(use, "workflow"), str):
                version = _entry(use, "version")
                yield name, None if version is None else str(version)


def _entry(holder: Any, key: str) -> Any:
    """Of an object as it is written, or as a Python value."""
    return holder.get(key) if isinstance(holder, Mapping) else getattr(holder, key, None)


def describe_callable(function: Any) -> dict[str, str]:
    """A callable's name and a digest of its code, so that a changed body is a changed definition."""
    if isinstance(function, FromState):
        function = function.function
    name = f"{getattr(function, '__module__', '?')}:{getattr(function, '__qualname__', type(function).__qualname__)}"
    return {"$python": name, "digest": hashlib.sha256(repr(code_of(function)).encode()).hexdigest()[:16]}


def plain(value: Any) -> Any:
    """JSON values of a dumped model: tuples as lists, callables described, times as text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="python", by_alias=True, exclude_defaults=True, exclude_none=True))
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return describe_callable(value)


def _callable_paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _callable_paths(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _callable_paths(item, f"{path}[{index}]")
    elif isinstance(value, FromState) or callable(value):
        yield path


def is_name(text: str) -> bool:
    """Whether the text can name a step."""
    return re.fullmatch(NAME_PATTERN, text) is not None


for _model in (OnFailure, Case, Step, Config, Compensation, Spec, Workflow):
    _model.model_rebuild()
