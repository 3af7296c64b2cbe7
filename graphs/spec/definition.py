"""The whole definition: who it is, its limits and defaults, what it is given, does and gives."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import orjson
from pydantic import Field, field_validator, model_validator

from graphs.durations import Duration
from graphs.errors import Category
from graphs.spec.base import Json, Model, Name, Version, WorkflowName
from graphs.spec.document import callable_paths, plain
from graphs.spec.failures import Response, RetryPolicy
from graphs.spec.step import OnFailure, Step
from graphs.spec.uses import subworkflows_of

AGENT_LABEL, AGENT_STEP = "baton.kind", "agent"
"""The label of workflows that were written as agents (`kind: Agent`), and the name of their one step."""


class Metadata(Model):
    """Who a definition is (Y02, C14)."""

    name: WorkflowName
    version: Version = "1.0"
    description: str = ""
    tags: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    created_at: datetime | None = None
    created_by: str | None = None

    @field_validator("version", mode="before")
    @classmethod
    def _numbers_are_versions(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class Budget(Model):
    """What may be spent on models; reaching any of them asks a person for more. All calls count, also failed ones, and
    those that are made again; of one whose provider does not say what it took, what was held for it counts."""

    tokens: int | None = Field(default=None, ge=1)
    cost: float | None = Field(default=None, gt=0)
    """In the currency of the price table."""
    calls: int | None = Field(default=None, ge=1)
    call_seconds: Duration | None = None
    """How long calls of models take, and of what agents have done, added up: five calls of ten seconds each are fifty,
    one after the other or side by side. Waiting for people, for a free place and between attempts does not count. (How
    long an agent or an execution takes by the clock is its `timeout`.)"""

    @model_validator(mode="before")
    @classmethod
    def _once_called_seconds(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and "seconds" in value and "call_seconds" not in value:
            return {("call_seconds" if key == "seconds" else key): item for key, item in value.items()}
        return value


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
    responses: dict[Category, Response] = Field(default_factory=dict)
    """What failures of a category ask for that end an execution, where that is not what is usual (E21)."""
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
    """Undo also the steps that failed, ran out of time or were stopped: they may have acted (X24). Where nothing is
    said, those that were cut off while they acted."""

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


class Trigger(Model):
    """An event that starts the workflow (I16)."""

    event: str = Field(min_length=1, max_length=200)
    """The event's type."""
    name: Name | None = None
    """What it is called where triggers are listed; without it, after the event."""
    condition: str | bool | None = None
    """An expression over `event` (id, type, key, data); where it is false, nothing starts."""
    input: dict[str, Any] | None = None
    """The workflow's input, made of the event; without it, the event's data."""

    @property
    def called(self) -> str:
        """Its name, or the one it gets from its event."""
        return self.name or re.sub(r"[^A-Za-z0-9_-]", "_", self.event)


class Spec(Model):
    """The body of a definition."""

    config: Config = Config()
    triggers: tuple[Trigger, ...] = ()
    """Events that start it, once it is published and served."""
    input: InputSpec = InputSpec()
    variables: dict[str, Json] = Field(default_factory=dict)
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
        return tuple(dict.fromkeys(wanted for step in steps for wanted in subworkflows_of(step)))

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
        return tuple(callable_paths(self.model_dump(mode="python", by_alias=True, exclude_defaults=True), ""))


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
