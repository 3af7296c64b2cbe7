"""Going back: retry from a step in the same execution, fork at a step into a new one."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from graphs.composites.subworkflow import root_plan
from graphs.errors import ConflictError, NotFoundError
from graphs.expressions import reveal
from graphs.planner import COMPANION, Plan
from graphs.prepare import Library
from graphs.spec import Workflow
from graphs.state import Result
from graphs.undo import COMPENSATION
from orchestrator.sealing import REFERENCE
from orchestrator.starting import Start
from orchestrator.store.port import Execution
from orchestrator.store.sqlite import SqliteStore


def made_anew(plan: Plan, from_paths: Iterable[str], results: Mapping[str, Result]) -> list[str]:
    """Paths whose results go when work starts again from some: these, everything downstream, and what is around them.

    For `orders[3].charge` that is the charge, what follows it among the steps of item 3, the step `orders` itself
    (its other items stay), and everything downstream of `orders`.
    """
    gone: list[str] = [COMPENSATION]
    for path in from_paths:
        top, inside = _split(path)
        for name in _downstream(plan, top):
            gone += [name, name + COMPANION]
        if inside:
            gone.remove(top)
            gone += _inside(path, top, results)
    return gone


def _split(path: str) -> tuple[str, str]:
    ends = [index for index in (path.find("."), path.find("[")) if index > 0]
    cut = min(ends, default=len(path))
    return path[:cut], path[cut:]


def _downstream(plan: Plan, name: str) -> list[str]:
    gone = {name}
    for other in plan.steps:
        if any(need in gone for need in plan.awaits(other)):
            gone.add(other)
    return [other for other in plan.steps if other in gone]


def _inside(path: str, top: str, results: Mapping[str, Result]) -> list[str]:
    # Inside a composite step the order of commits says what may depend on the step: whatever came after it there.
    order = list(results)
    if path not in results:
        return [top]
    around = path[: max(path.rfind("."), path.rfind("["))]
    after = order[order.index(path) :]
    around_it = [around[:end] for end in range(len(top), len(around) + 1) if around[:end] in results]
    same = [other for other in after if other == path or (other.startswith(around) and "." in other[len(around) :])]
    return [f"{top}!only", *around_it, *same]


async def rewound(
    store: SqliteStore,
    library: Library,
    execution: Execution,
    workflow: Workflow,
    from_step: str | None,
    *,
    again: bool,
) -> None:
    """Make an execution ready to go on from a step.

    Raises:
        ConflictError: it is running, or nothing in it failed and no step was named.
        NotFoundError: it has no such step.
    """
    if execution.status.value in ("running", "compensating"):
        raise ConflictError(
            f"Execution '{execution.id}' is {execution.status}; it cannot be started again now.",
            hint=f"Cancel it first: baton cancel {execution.id}",
            code="execution_running",
        )
    plan = root_plan(workflow, library)
    results = await store.results(execution.id)
    paths = [check_path(plan, from_step, results)] if from_step else _failed(plan, results)
    if not paths:
        raise ConflictError(
            f"Nothing in execution '{execution.id}' failed.",
            hint=f"Name a step to start from: baton retry {execution.id} --from STEP",
            code="nothing_failed",
        )
    await store.rewind(
        execution.id,
        superseded=made_anew(plan, paths, results),
        generation=execution.generation + 1 if again else execution.generation,
        digest=workflow.digest,
        reason="retry",
    )


def _failed(plan: Plan, results: Mapping[str, Result]) -> list[str]:
    bad = ("failed", "timed_out", "cancelled")
    return [
        name
        for name in plan.steps
        if name in results
        and not plan.steps[name].stands_for
        and (results[name]["status"] in bad or results[name].get("reason") in ("upstream", "halted"))
        and not results[name].get("continued")
    ]


def check_path(plan: Plan, path: str, results: Mapping[str, Result]) -> str:
    """The path, if the execution has it.

    Raises:
        NotFoundError: it has not; the message names what there is.
    """
    top, inside = _split(path)
    if top not in plan.steps or (inside and path not in results):
        known = ", ".join(name for name in plan.steps if COMPANION not in name)
        raise NotFoundError(f"There is no step '{path}' in this execution.", hint=f"Steps: {known}.", code="step_not_found")
    return path


async def fork_start(
    baton: Any,
    execution: Execution,
    workflow: Workflow,
    at: str,
    edit: Mapping[str, Any],
    create: Callable[..., Awaitable[Execution]],
) -> Execution:
    """Start the fork: the results that stay are copied before anything runs.

    Raises:
        NotFoundError: there is no such step.
        ConflictError: the input holds secrets, which only its giver can give again.
    """
    store: SqliteStore = baton.store
    plan = root_plan(workflow, baton.catalogue.library)
    results = await store.results(execution.id)
    gone = made_anew(plan, [check_path(plan, at, results)], results)
    given = {**execution.input, **edit} if isinstance(execution.input, Mapping) else dict(edit) or execution.input
    if _has_reference(given):
        sealer = await baton.catalogue.sealer(execution)
        given = _plain(given, sealer)
    start = Start(
        metadata=execution.metadata,
        user_context=execution.user_context,
        variables=execution.variables,
        priority=execution.priority,
        tenant=execution.tenant,
        parent=execution.id,
        forked_at=at,
    )

    async def seed(new_id: str) -> None:
        await store.copy_results(execution.id, new_id, leave_out=gone)

    return await create(workflow, given, start, seed)


def _has_reference(value: Any) -> bool:
    if isinstance(value, Mapping):
        return REFERENCE in value or any(_has_reference(item) for item in value.values())
    return isinstance(value, list) and any(_has_reference(item) for item in value)


def _plain(value: Any, sealer: Any) -> Any:
    return reveal(sealer.open_input(value))
