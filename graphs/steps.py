"""Step types: what a step's `type:` names. The plug-in point, for ours and for anyone's.

    StepType          the name, the node that performs it, the model of its `config`
    ├── Action        does something and gives a value: `service_call`, `function`, `agent` …
    ├── Waiting       waits for the world outside: `approval`, `wait_for_event`, `delay`
    └── Composite     has steps inside, which become a plan of their own (graphs.composites)

A package offers its own under the entry point `baton.step_types`: a function that returns step types.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from graphs.budget import Ledger
from graphs.clock import Clock
from graphs.errors import DefinitionError, NotFoundError, Problem, StepError
from graphs.spec import Budget, Step, Workflow

Node = Literal[
    "orchestrator", "parallel_executor", "conditional_router", "react_agent", "human_approval", "error_recovery"
]
T = TypeVar("T")


class StepConfig(BaseModel):
    """The base for a step type's `Config`: unknown keys are refused, so a typing error is found at once."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)


class Logger(Protocol):
    """The part of a structlog logger that steps use."""

    def bind(self, **values: Any) -> "Logger": ...
    def debug(self, event: str, **values: Any) -> Any: ...
    def info(self, event: str, **values: Any) -> Any: ...
    def warning(self, event: str, **values: Any) -> Any: ...
    def error(self, event: str, **values: Any) -> Any: ...


@dataclass(slots=True)
class StepContext:
    """What a step's code is handed besides its configuration: dependencies and facts, never the whole state.

    Attributes:
        path: Where the step stands: `orders[3].charge`. Stable over crashes, parking and resumes.
        attempt: 1 for the first try.
        idempotency_key: `execution_id:path:generation`, the same for every attempt; send it to whoever honours it.
        input: What the step's `input` gave; without one, the workflow's input.
        state: A read-only mapping over variables, input and outputs for Python callables (X02).
        resources: Values by type that the application offers (services, tools, models …).
        log: Each line of it says execution, workflow, run, tenant, step and attempt; secrets are masked.
        progress: Tells watchers how far the step is; not kept.
    """

    execution_id: str
    workflow: str
    version: str
    path: str
    name: str
    attempt: int
    idempotency_key: str
    input: Any
    state: Mapping[str, Any]
    clock: Clock
    log: Logger
    resources: Mapping[type, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    user_context: Mapping[str, Any] = field(default_factory=dict)
    progress: Callable[[Any], None] = lambda data: None
    heard: Callable[[], bool] = lambda: False
    """Whether somebody follows what the execution's models say, word by word."""
    note: Callable[[str, Mapping[str, Any]], None] = lambda kind, data: None
    """`note(kind, data)`: keep a record of something that happened; durable before the step's result."""
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    """What may be spent on models here, by whose it is: "" for the execution's, a path for a sub-workflow's own."""
    ledger: Callable[[], Awaitable[Ledger]] | None = None
    """The execution's account of what its models cost."""
    workflows: Callable[[], Mapping[str, Workflow]] = dict
    """The workflows and agents this execution may run, by name: as they were when it started."""
    emit_event: Callable[..., Any] | None = None
    """`await emit_event(type, data, key=…)`: publish an event, durable before it returns."""
    keep_effect: Callable[..., Awaitable[None]] | None = None
    """Where `effect` hands over what it was told; None where nobody keeps it."""
    told: Counter[str] | None = None
    """How often each effect was told in this attempt."""

    async def effect(
        self, undo: Mapping[str, Any] | Step, *, name: str | None = None, result: Any = None, key: str | None = None
    ) -> None:
        """Write down that the step has done something to the world outside, and how that is undone.

        It is durable before this returns, and counts whatever becomes of the step: when the execution is compensated,
        exactly what was written down is undone, the last first. Call it right after the act; or before it, where an
        undoing that finds nothing to undo does no harm: then a crash in between is covered too.

        Args:
            undo: A step without a name of its own: `{"type", "config", "input"}`, with `retry` and `timeout` if
                wanted; `{"tool": NAME, "args": …}` and `{"function": NAME, "args": …}` are short for such. The values
                are handed over as they are: nothing in them is an expression.
            name: What the undoing step is called; without it, its tool, its function or its type.
            result: What the act gave, for the history.
            key: Two with the same key are one act, told twice: an attempt that is made again tells again. Without
                it, acts of one attempt are told apart by what undoes them and their order.

        Raises:
            StepError: `undo` is no step.
        """
        if self.keep_effect is not None:
            await self.keep_effect(self, undo, name=name, result=result, key=key)

    def resource(self, kind: type[T]) -> T:
        """The application's value of that type.

        Raises:
            NotFoundError: it offers none; the message names the type and the step.
        """
        try:
            return self.resources[kind]  # type: ignore[no-any-return]
        except KeyError:
            raise NotFoundError(
                f"step '{self.path}' needs {kind.__name__}, which this engine was not given.",
                hint=f"Hand it over: Orchestrator.open(..., resources=[{kind.__name__}(...)]).",
                code="resource_missing",
            ) from None


class StepType:
    """What a step's `type:` names.

    Attributes:
        name: The word in `type:`.
        summary: One line for lists and editors.
        node: Which of the six nodes performs such steps.
        Config: The model that a step's rendered `config` must fit.
        containers: Which of `steps`, `branches`, `cases`, `default`, `then`, `else` it uses.
        required_containers: Those of them it cannot do without.
        deferred: Keys of `config` that are not rendered before the step runs (they are evaluated again and again).
        default_timeout: Seconds one attempt may take when nothing else is said; None for no limit.
        gives: The fields its output may have; None where only running it tells.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    node: ClassVar[Node] = "parallel_executor"
    Config: ClassVar[type[BaseModel]] = StepConfig
    containers: ClassVar[frozenset[str]] = frozenset()
    required_containers: ClassVar[frozenset[str]] = frozenset()
    deferred: ClassVar[frozenset[str]] = frozenset()
    default_timeout: ClassVar[float | None] = None
    gives: ClassVar[frozenset[str] | None] = None

    def check(self, step: Step) -> Iterable[Problem]:
        """Problems the model of `config` cannot see; `where` is relative to the step (`config.items`)."""
        return ()

    def limit(self, config: Any) -> str | None:
        """The name of the shared resource (a service, a model) whose limits and breaker this step is under."""
        return None

    def uses(self, context: StepContext, config: Any) -> str | None:
        """As `limit`, for types of which only the application's resources say what they use."""
        return self.limit(config)

    def acts(self, step: Step) -> bool | None:
        """Whether such a step changes the world outside, leaving out those inside it; None when only whoever offers
        what it calls can know."""
        return None

    def computes(self, step: Step) -> bool:
        """Whether what such a step gives follows from what it is given, or from what a model says: a replay performs
        it. Any other is served from the record."""
        return False

    def classify(self, error: Exception) -> StepError | None:
        """What an exception of this type's own code means (E21); None when only the general rules know."""
        return None


class Action(StepType):
    """A step type that does something."""

    default_timeout: ClassVar[float | None] = 300.0  # P02

    async def run(self, context: StepContext, config: Any) -> Any:
        """Do it, and give a JSON value: the step's `response`.

        Args:
            context: Facts and dependencies.
            config: An instance of `Config`, every expression already evaluated.

        Raises:
            StepError: it failed; the error says which kind of failure it is. Any other exception is a `logic` error.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Wait:
    """What a step waits for.

    Attributes:
        kind: `approval`, `event` or `timer`.
        question: What people and clients are shown (JSON values).
        event_type: For events: the type awaited.
        match: For events: fields of the event's data and the values they must have.
        due: When the wait is over without an answer; for a timer, its end.
        lookback: For events: seconds before the execution's start from which earlier events count.
        on_timeout: What happens at `due`: `fail`, `approve`, `reject`, `continue`.
        response_schema: JSON Schema of an edited or responded value.
        assignees: Who may decide; empty means anyone who may approve.
    """

    kind: Literal["approval", "event", "timer"]
    question: Mapping[str, Any] = field(default_factory=dict)
    event_type: str | None = None
    match: Mapping[str, Any] = field(default_factory=dict)
    due: datetime | None = None
    lookback: float = 0.0
    on_timeout: Literal["fail", "approve", "reject", "continue"] = "fail"
    response_schema: Mapping[str, Any] | None = None
    assignees: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """How a wait ended.

    `outcome` is `approved`, `rejected`, `edited`, `responded`, `event`, `elapsed` (a timer's end, or a deadline).
    """

    outcome: Literal["approved", "rejected", "edited", "responded", "event", "elapsed"]
    data: Any = None
    by: str | None = None
    reason: str | None = None
    at: datetime | None = None


class Waiting(StepType):
    """A step type that waits for the world outside; performed by `human_approval`, the only node that interrupts."""

    node: ClassVar[Node] = "human_approval"

    def acts(self, step: Step) -> bool | None:
        return False

    def wait(self, context: StepContext, config: Any) -> Wait:
        """What is awaited. Pure: it is asked again on every resume and must say the same."""
        raise NotImplementedError

    def settle(self, context: StepContext, config: Any, wait: Wait, answer: Answer) -> Any:
        """The step's `response`, given the answer.

        Raises:
            StepError: the answer means that the step failed.
        """
        raise NotImplementedError


class StepTypes(Mapping[str, StepType]):
    """The step types an engine knows, by name."""

    def __init__(self, types: Iterable[StepType]) -> None:
        self._types: dict[str, StepType] = {}
        for kind in types:
            if kind.name in self._types:
                raise DefinitionError(
                    [
                        Problem(
                            code="step_type_twice",
                            message=f"step type '{kind.name}' is offered twice: by {type(self._types[kind.name])!r} "
                            f"and by {type(kind)!r}.",
                        )
                    ]
                )
            self._types[kind.name] = kind

    def __getitem__(self, name: str) -> StepType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    def suggestion(self, name: str) -> str:
        """The hint for a name that is no step type."""
        near = get_close_matches(name, self._types, n=1)
        known = f"Known: {', '.join(sorted(self._types))}."
        return f"Did you mean '{near[0]}'? {known}" if near else known
