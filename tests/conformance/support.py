"""What the suites for stores share."""

from graphs.state import ExecutionStatus
from orchestrator.store.port import Record, Store
from tests.unit.store.support import START, result

RUNNING, WAITING = ExecutionStatus.RUNNING, ExecutionStatus.WAITING
COMPLETED, FAILED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED


async def finish(store: Store, execution_id: str, status: ExecutionStatus = COMPLETED, **values: object) -> None:
    given: dict[str, object] = {"output": None, "error": None, "active_seconds": 1.0} | values
    await store.finish(execution_id, status, **given)  # type: ignore[arg-type]


def record(path: str, output: object = None, execution_id: str = "e1", status: str = "completed") -> Record:
    return Record(execution_id, f"step.{status}", START, path, 0, dict(result(output, status)))
