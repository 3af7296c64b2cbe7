"""Going back: retry from a step in the same execution, fork at a step into a new one."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from graphs.composites.subworkflow import root_plan
from graphs.errors import ConflictError, NotFoundError
from graphs.expressions import reveal
from graphs.loading.names import nearest
from graphs.planner import COMPANION, Plan
from graphs.prepare import Library
from graphs.spec import Workflow
from graphs.state import Result
from graphs.undo import COMPENSATION
from orchestrator.catalogue import Catalogue
from orchestrator.driving.poison import is_poisoned
from orchestrator.starting import Start
from orchestrator.store.port import Asked, Execution, Inheritance
from orchestrator.store.sqlite import SqliteStore
from orchestrator.time_travel.anew import Anew, failed_paths, look_for_half_done
from orchestrator.time_travel.edits import Edits
from orchestrator.time_travel.ownership import check_kept, check_undone, check_whole, inherited_by
from orchestrator.time_travel.undone import Undone, made_anew_after, undone_in


async def rewound(
    store: SqliteStore,
    library: Library,
    execution: Execution,
    workflow: Workflow,
    from_step: str | None,
    *,
    again: bool,
    pins: Mapping[str, str],
    edits: Edits,
    by: str | None = None,
) -> None:
    """Make an execution ready to go on from a step.

    Args:
        workflow, pins: The definition to go on with, and the sub-workflows it runs.
        edits: What it goes on with besides. What is done otherwise than before is done under new keys: who honours
            the old ones would give what came of them.

    Raises:
        ConflictError: it is running or has moved on, something is still to be undone, or nothing in it failed and no
            step was named.
        NotFoundError: it has no such step.
    """
    if execution.status.value in ("running", "compensating"):
        raise _at_work(execution, await store.asked_last(execution.id), driven=store.driven())
    await check_undone(store, execution)
    results, undone = await store.results(execution.id), await undone_in(store, execution)
    anew = anew_from(workflow, from_step, results, library, pins, undone)
    check_whole(anew, [one.path for one in await inherited_by(store, execution)], execution.id)
    if not anew.steps and not is_poisoned(execution):
        raise await _nothing_failed(store, execution)
    await store.rewind(
        execution.id,
        superseded=anew.below,
        superseded_alone=anew.alone,
        generation=execution.generation + 1 if again or anew.after_undoing or edits.any else execution.generation,
        digest=workflow.digest,
        version=workflow.version,
        pins=pins,
        input=edits.whole_input,
        edit=edits.input,
        changes=edits.changes,
        reason="retry",
        by=by,
        seen=execution,
    )


def anew_from(
    workflow: Workflow,
    from_step: str | None,
    results: Mapping[str, Result],
    library: Library,
    pins: Mapping[str, str],
    undone: Undone,
) -> Anew:
    """What is made anew from a step on, or from every step that failed; and what has been undone of what it goes by.

    Raises:
        NotFoundError: there is no such step.
    """
    plan = root_plan(workflow, library)
    paths = [check_path(plan, from_step, results)] if from_step else failed_paths(workflow, results, library)
    return made_anew_after(undone, workflow, paths, results, library, pinned_by(pins, library))


async def _nothing_failed(store: SqliteStore, execution: Execution) -> ConflictError:
    """The error for who names no step; what had failed may just have been made anew by somebody else.

    Raises:
        ConflictError: it has moved on since it was looked at.
    """
    await store.check_as_seen(execution)
    asked = None if execution.status.final else await store.asked_last(execution.id)
    return ConflictError(
        f"Nothing in execution '{execution.id}' failed.{f' {asked.words}' if asked else ''}",
        hint=f"Name a step to start from: baton retry {execution.id} --from STEP",
        code="nothing_failed",
        **(asked.details if asked else {}),
    )


def _at_work(execution: Execution, asked: Asked | None, *, driven: bool) -> ConflictError:
    if driven:
        why = f" {asked.words}" if asked else ""
        message = f"Execution '{execution.id}' {execution.status.said}; it cannot be started again now.{why}"
        hint = f"Cancel it first: baton cancel {execution.id}"
    else:  # it still counts as running, and there is nobody who could cancel it
        message = f"Execution '{execution.id}' was at work when its engine ended, and has not been taken up again."
        hint = f"Go on with it: baton resume {execution.id}"
    return ConflictError(message, hint=hint, code="execution_running", **(asked.details if asked else {}))


def check_path(plan: Plan, path: str, results: Mapping[str, Result]) -> str:
    """The path, if the execution has it.

    Raises:
        NotFoundError: it has not; the message names what there is.
    """
    if path not in plan.steps and (path not in results or path.startswith(COMPENSATION)):
        known = ", ".join(name for name in plan.steps if COMPANION not in name)
        inside = [one for one in results if one.endswith(f".{path}") and not one.startswith(COMPENSATION)]
        near = inside[0] if inside else nearest(path, [*plan.steps, *results])
        hint = f"Did you mean '{near}'? " if near else ""
        raise NotFoundError(
            f"There is no step '{path}' in this execution.", hint=f"{hint}Steps: {known}.", code="step_not_found"
        )
    return path


async def fork_start(
    store: SqliteStore,
    catalogue: Catalogue,
    execution: Execution,
    workflow: Workflow,
    at: str,
    edit: Mapping[str, Any],
    create: Callable[..., Awaitable[Execution]],
    *,
    metadata: Mapping[str, Any],
    pins: Mapping[str, str] | None = None,
    replay: dict[str, Any] | None = None,
    changes: dict[str, Any] | None = None,
    new_id: str | None = None,
) -> Execution:
    """Start the fork: the results that stay are copied in the transaction that makes it.

    Args:
        pins: The sub-workflows it runs; without them, the newest.
        replay: What makes it a replay.
        changes: What its steps are given in place of what they say.

    Raises:
        NotFoundError: there is no such step.
        ConflictError: the input holds secrets, which only its giver can give again.
    """
    inherits = await _inheritance(store, catalogue.library, execution, workflow, at, replays=replay is not None)
    before = reveal((await catalogue.sealer(execution)).open_input(execution.input))
    given = {**before, **edit} if isinstance(before, Mapping) else dict(edit) or before
    start = Start(
        execution_id=new_id,
        metadata={**execution.metadata, **metadata},
        user_context=execution.user_context,
        variables=execution.variables,
        priority=execution.priority,
        tenant=execution.tenant,
        parent=execution.id,
        forked_at=at,
        pins=pins,
        replay=replay,
        changes=changes if changes is not None else execution.changes,
    )
    return await create(workflow, given, start, inherits=inherits)


async def _inheritance(
    store: SqliteStore, library: Library, execution: Execution, workflow: Workflow, at: str, *, replays: bool
) -> Inheritance:
    """What a fork finds done. A replay is served all that was, and owns none of it."""
    as_of = store.newest_of_all()
    results = await store.results(execution.id)
    undone = Undone() if replays else await undone_in(store, execution)
    anew = anew_from(workflow, at, results, library, execution.pins, undone)
    owners = []
    if not replays:
        owners = [execution.id, *await check_kept(store, execution, anew, results)]
        look_for_half_done(anew, workflow, results, library, pinned_by(execution.pins, library))
        check_whole(anew, results, execution.id)
    return Inheritance(execution.id, anew.below, anew.alone, as_of, owners, undone.parts)


def pinned_by(pins: Mapping[str, str], library: Library) -> Callable[[str, str | None], Workflow | None]:
    """The sub-workflows an execution runs, by the name and version they are asked for."""

    def pinned(name: str, version: str | None) -> Workflow | None:
        digest = pins.get(f"{name}@{version}" if version else name)
        return library.workflow(digest) if digest else None

    return pinned
