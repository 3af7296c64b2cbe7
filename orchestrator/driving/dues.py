"""When executions that rest are to be looked at again: their waits' ends, their deadlines, a second try at keeping."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from graphs.errors import BatonError
from graphs.state import ExecutionStatus
from orchestrator.catalogue import Catalogue
from orchestrator.driving.reminders import Reminders
from orchestrator.driving.works import Works
from orchestrator.store.port import Execution, ExecutionFilter

_RESTING: Final = ExecutionFilter(status=tuple(status for status in ExecutionStatus if status.resting), limit=1_000_000)


class Dues:
    """Reminds of every execution that rests, in time.

    Args:
        comes_due: Told the id of an execution that is to be looked at again.
    """

    def __init__(self, works: Works, catalogue: Catalogue, comes_due: Callable[[str], None]) -> None:
        self._works = works
        self._catalogue = catalogue
        self._reminders = Reminders(works.clock, comes_due)

    async def remember_all(self) -> None:
        """Everything that the file knows of."""
        for execution_id, due in await self._works.store.next_due():
            self._reminders.add(execution_id, due)
        for execution in await self._works.store.executions(_RESTING):
            if self._catalogue.library.workflow(execution.digest) is None:
                with suppress(BatonError):
                    await self._catalogue.pinned(execution)
            self._remember_deadline(execution)

    async def remember(self, execution_id: str, more: Iterable[datetime]) -> None:
        """The execution has gone to rest: when the first of its waits is over, its deadline, and what else there is."""
        execution = await self._works.store.execution(execution_id)
        if execution is None or not execution.status.resting:
            return
        for wait in await self._works.store.waits(execution_id):
            if wait.wait.due is not None:
                self._reminders.add(execution_id, wait.wait.due)
        for due in more:
            self._reminders.add(execution_id, due)
        self._remember_deadline(execution)

    def _remember_deadline(self, execution: Execution) -> None:
        workflow = self._catalogue.library.workflow(execution.digest)
        if workflow is None:
            return
        config = workflow.spec.config
        if config.deadline is not None and execution.started_at is not None:
            self._reminders.add(execution.id, execution.started_at + timedelta(seconds=config.deadline))
        if config.timeout is not None and execution.pausing is not None:
            left = timedelta(seconds=config.timeout - execution.active_seconds)
            self._reminders.add(execution.id, datetime.fromisoformat(execution.pausing["since"]) + left)

    def after(self, execution_id: str, seconds: float) -> None:
        """Look at it again when so many seconds have gone by."""
        self._reminders.add(execution_id, self._works.clock.now() + timedelta(seconds=seconds))

    def stop(self) -> None:
        """Remind of nothing any more."""
        self._reminders.stop()
