"""What carries a face's workflow out: an engine that is there already, or one opened for the purpose.

Faces take what an engine needs as `Means`: given along, or laid out for a block of code:

```python
with using(settings=Settings(database=Path("shop.db")), resources=[Tools([...]), Models(default="openai:gpt-5-mini")]):
    result = await workflow.execute(context)
```

Without settings the database is a throw-away file in a temporary folder. With them an execution outlives the process:
open an engine on the same file with the same workflow, or execute it again with the same `idempotency_key`, and it
goes on where it was.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agents import Agents, Functions, Models, Tools
from agents.models.router import Router
from graphs.clock import Clock
from graphs.errors import DefinitionError, NotFoundError
from graphs.policies.named import Bounds
from graphs.spec import Step, Workflow
from graphs.state import Result
from graphs.steps import StepTypes
from graphs.validation import validate
from orchestrator.engine import Orchestrator
from orchestrator.faces.handler import step_types
from orchestrator.plugins import installed_step_types
from orchestrator.settings import Settings
from orchestrator.store.port import Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a workflow is carried out with.

    Attributes:
        baton: An open engine; it is used as it is, so settings, resources, hooks and clock are its own.
        settings: For an engine to open; without them, a throw-away one.
        resources: Tools, agents, functions, models, services: whatever steps name.
        hooks: Objects with `on_step_start` or `on_step_complete`.
        workflows: Workflows that this one starts as steps.
        limits: As in `BATON_LIMITS`, for an engine to open whose settings say nothing of them.
    """

    baton: Orchestrator | None = None
    settings: Settings | None = None
    resources: tuple[Any, ...] = ()
    hooks: tuple[Any, ...] = ()
    workflows: tuple[Workflow, ...] = ()
    clock: Clock | None = None
    limits: Mapping[str, Bounds] = field(default_factory=dict)


_at_hand: ContextVar[Means] = ContextVar("baton_means", default=Means())  # noqa: B039 - frozen


@contextmanager
def using(
    means: Means | None = None,
    *,
    baton: Orchestrator | None = None,
    settings: Settings | None = None,
    resources: Iterable[Any] = (),
    hooks: Iterable[Any] = (),
    workflows: Iterable[Workflow] = (),
    clock: Clock | None = None,
) -> Iterator[Means]:
    """Lay out what the faces use within the block; it does not touch other tasks."""
    given = means or Means(
        baton=baton,
        settings=settings,
        resources=tuple(resources),
        hooks=tuple(hooks),
        workflows=tuple(workflows),
        clock=clock,
    )
    token = _at_hand.set(given)
    try:
        yield given
    finally:
        _at_hand.reset(token)


def at_hand(means: Means | None = None) -> Means:
    """The means that were given, or else those laid out for this block."""
    return means if means is not None else _at_hand.get()


def known_step_types(plugins: Collection[str] = ()) -> StepTypes:
    """Every step type that is installed, of the packages that are named besides ours, and the faces' own."""
    return StepTypes({**installed_step_types(plugins), **{kind.name: kind for kind in step_types()}}.values())


@dataclass(frozen=True, slots=True)
class Start:
    """What a start is given besides the workflow."""

    input: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    user_context: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    execution_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """An execution that has come to its end, and its results by path in the order of commits."""

    execution: Execution
    results: Mapping[str, Result]


@asynccontextmanager
async def engine(workflow: Workflow, means: Means) -> AsyncIterator[Orchestrator]:
    """An engine that can carry the workflow out.

    Raises:
        DefinitionError: the parts of the workflow do not fit together.
        NotFoundError: the given engine lacks a step type.
    """
    async with AsyncExitStack() as stack:
        if means.baton is not None:
            _check_types(workflow, means.baton.catalogue.library.step_types)
            baton = means.baton
        else:
            baton = await stack.enter_async_context(_opened(stack, workflow, means))
        check(workflow, baton.catalogue.library.step_types)
        yield baton


def _opened(stack: AsyncExitStack, workflow: Workflow, means: Means) -> Any:
    settings = means.settings
    if settings is None:
        folder = stack.enter_context(TemporaryDirectory(prefix="baton-"))
        # Nobody will look at this file again: it need not survive a power cut, and what still runs need not finish.
        # Nor can anybody take it up from there, so that parking it for a pause of a minute would gain nothing.
        settings = Settings(database=Path(folder) / "baton.db", synchronous="off", grace=0.0, short_wait=60.0)
    if means.limits:
        settings = settings.model_copy(update={"limits": {**means.limits, **settings.limits}})
    return Orchestrator.open(
        settings,
        # Empty registries first: a name nobody registered is then a sentence about the name.
        resources=(Functions(), Tools(), Agents(), Models(), Router(), *means.resources),
        hooks=means.hooks,
        workflows=(*means.workflows, workflow),
        step_types=known_step_types(settings.plugins),
        clock=means.clock,
    )


async def carry_out(workflow: Workflow, start: Start, means: Means) -> Ended:
    """Start a workflow and wait for its end."""
    async with engine(workflow, means) as baton:
        execution = await begin(baton, workflow, start)
        execution = await baton.wait(execution.id)
        return Ended(execution, await baton.results(execution.id))


async def begin(baton: Orchestrator, workflow: Workflow, start: Start) -> Execution:
    """Start a workflow on an open engine."""
    return await baton.start(
        workflow,
        start.input,
        variables=start.variables,
        metadata=start.metadata,
        user_context=start.user_context,
        priority=start.priority,
        execution_id=start.execution_id,
        idempotency_key=start.idempotency_key,
    )


def check(workflow: Workflow, kinds: StepTypes) -> None:
    """Whether the parts of a workflow fit together.

    Raises:
        DefinitionError: everything that is wrong.
    """
    errors = [problem for problem in validate(workflow, kinds, made=True) if problem.severity == "error"]
    if errors:
        raise DefinitionError(errors)


def _check_types(workflow: Workflow, kinds: StepTypes) -> None:
    missing = sorted({step.type for step in all_steps(workflow.spec.steps)} & {kind.name for kind in step_types()})
    missing = [name for name in missing if name not in kinds]
    if missing:
        raise NotFoundError(
            f"workflow '{workflow.name}' has steps of type '{missing[0]}', which the given engine does not know.",
            hint="Open it with Orchestrator.open(step_types=known_step_types()), from orchestrator.faces.running.",
            code="step_type_unknown",
        )


def all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps and every step inside them, however deep."""
    for step in steps:
        yield step
        if step.on_failure.fallback is not None:
            yield from all_steps((step.on_failure.fallback,))
        for _, inner in step.containers():
            yield from all_steps(inner)
