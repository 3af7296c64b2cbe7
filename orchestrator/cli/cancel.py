"""`baton cancel`, `terminate`, `pause`, `continue`: steer an execution, whoever drives it."""

from collections.abc import Awaitable, Callable, Mapping

from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.carrying import go_on_by_hand, questions_for
from orchestrator.cli.support.documents import as_called
from orchestrator.cli.support.finding import find_execution
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting, user
from orchestrator.cli.support.terminal import note, output, print_json
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution


async def cancel(
    shared: Shared,
    *,
    id: str,  # noqa: A002 - as on the command line
    compensate: bool | None,
    reason: str | None,
    by: str | None,
) -> int:
    """See `orchestrator.cli.declared.steering`."""
    words = "is asked to end" + _OF_WHAT_WAS_DONE[compensate]
    return await _steer(
        shared,
        id,
        words,
        lambda baton, found: baton.cancel(found, by=by or user(), reason=reason, compensate=compensate),
    )


_OF_WHAT_WAS_DONE: Mapping[bool | None, str] = {
    None: "",
    True: ", and what was done is undone",
    False: "; what was done stays",
}


async def terminate(
    shared: Shared,
    *,
    id: str,  # noqa: A002 - as on the command line
    reason: str | None,
    by: str | None,
) -> int:
    """See `orchestrator.cli.declared.steering`."""
    return await _steer(
        shared, id, "is ended at once", lambda baton, found: baton.terminate(found, by=by or user(), reason=reason)
    )


async def pause(
    shared: Shared,
    *,
    id: str,  # noqa: A002 - as on the command line
    reason: str | None,
    by: str | None,
) -> int:
    """See `orchestrator.cli.declared.steering`."""
    return await _steer(
        shared, id, "is held", lambda baton, found: baton.pause(found, by=by or user(), reason=reason), go_on="continue"
    )


async def continue_(
    shared: Shared,
    *,
    id: str,  # noqa: A002 - as on the command line
    reason: str | None,
    by: str | None,
) -> int:
    """See `orchestrator.cli.declared.steering`."""
    return await _steer(
        shared, id, "goes on", lambda baton, found: baton.continue_(found, by=by or user(), reason=reason)
    )


async def _steer(
    shared: Shared,
    execution_id: str,
    words: str,
    act: Callable[[Orchestrator, str], Awaitable[Execution]],
    *,
    go_on: str | None = None,
) -> int:
    setting = Setting(shared)
    async with looking(setting) as baton:
        found = await find_execution(baton, setting, execution_id)
        execution = await act(baton, found.id)
        questions, driven = await questions_for(setting, baton, execution), baton.store.driven()
    if shared.as_json:
        print_json({"execution": as_called(execution)})
        return Exit.COMPLETED
    output().print(f"Execution {execution.id} {words}.")
    if go_on is not None:
        note(f"To let it go on: {questions.act(go_on, execution.id)}")
    else:
        note("The running engine does it at once." if driven else go_on_by_hand(questions, execution.id))
    return Exit.COMPLETED
