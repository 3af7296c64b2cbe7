"""What a step's code is handed besides its configuration."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from graphs.budget import Ledger
from graphs.clock import Clock
from graphs.errors import NotFoundError
from graphs.spec import Budget, Step, Workflow

T = TypeVar("T")


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
    keep: Callable[[str, Mapping[str, Any]], Awaitable[None]] | None = None
    """`await keep(kind, data)`: the same of what the next thing done depends on; durable when it returns."""
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    """What may be spent on models here, by whose it is: "" for the execution's, a path for a sub-workflow's own."""
    ledger: Callable[[], Awaitable[Ledger]] | None = None
    """The execution's account of what its models cost."""
    workflows: Callable[[], Mapping[str, Workflow]] = dict
    """The workflows and agents this execution may run, by name: as they were when it started."""
    emit_event: Callable[..., Any] | None = None
    """`await emit_event(type, data, key=…)`: publish an event, durable before it returns; with a key, once."""
    keep_effect: Callable[..., Awaitable[None]] | None = None
    """Where `effect` hands over what it was told; None where nobody keeps it."""
    max_result_bytes: int | None = None
    """What the step's result may take, as JSON; None for any number."""
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
            found: T = self.resources[kind]
        except KeyError:
            raise NotFoundError(
                f"step '{self.path}' needs {kind.__name__}, which this engine was not given.",
                hint=f"Hand it over: Orchestrator.open(..., resources=[{kind.__name__}(...)]).",
                code="resource_missing",
            ) from None
        return found
