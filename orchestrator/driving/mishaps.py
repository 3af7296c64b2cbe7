"""What becomes of an execution that could not be carried on: put back for others, ended, or put aside."""

from graphs.errors import BatonError, EngineError
from graphs.state import ExecutionStatus
from orchestrator.driving.aftermath import alert, letter
from orchestrator.driving.poison import put_aside
from orchestrator.driving.works import Works
from orchestrator.store.port import Execution, Record


async def put_back(works: Works, note: Record) -> None:
    """Nobody works on it any more, and every process can see why."""
    try:
        execution = await works.store.execution(note.execution_id)
        if execution is None:
            works.publish([note])
            return
        works.store.append(note)
        if execution.status in (ExecutionStatus.RUNNING, ExecutionStatus.COMPENSATING):
            await works.store.rest(execution.id, execution.signal, ExecutionStatus.QUEUED, execution.active_seconds)
    except BatonError as failure:
        works.log.error("drive.unkept", execution_id=note.execution_id, error=str(failure))


async def end_broken(works: Works, execution_id: str, error: EngineError, seconds: float) -> None:
    """Nothing can go on (F27, X16): that is a failure, and taking the execution up again would not change it.

    Args:
        seconds: How long it was at work.

    Raises:
        BatonError: its end could not be kept.
    """
    works.log.error("execution.broken", **{**error.as_dict(), "execution_id": execution_id})
    execution = await works.store.execution(execution_id)
    if execution is None:
        return
    status, body, now = ExecutionStatus.FAILED, error.as_dict(), works.clock.now()
    end = Record(execution_id, f"execution.{status}", now, data={"output": None, "error": body})
    await works.store.finish(
        execution_id,
        status,
        output=None,
        error=body,
        active_seconds=seconds,
        records=[alert(execution, "error", status, body, now, escalated=True), end],
        letters=[letter(execution, "failure", "", body, now, escalated=True)],
    )


async def end_poisoned(works: Works, execution: Execution) -> None:
    """Too many processes have died over it: nothing of it runs any more.

    Raises:
        BatonError: its end could not be kept.
    """
    end = put_aside(execution, works.clock.now())
    works.log.error("execution.poisoned", execution_id=execution.id, deaths=execution.deaths)
    await works.store.finish(
        execution.id,
        end.status,
        output=None,
        error=end.error,
        active_seconds=execution.active_seconds,
        compensation=end.compensation,
        records=end.records,
        letters=[end.letter],
    )
