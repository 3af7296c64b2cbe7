"""When executions that rest are to be looked at again: their waits' ends, their deadlines, a second try at keeping."""

from collections.abc import Callable
from datetime import timedelta

from orchestrator.driving.reminders import Reminders
from orchestrator.driving.works import Works


class Dues:
    """Reminds of every execution that rests, in time.

    Args:
        comes_due: Told the id of an execution that is to be looked at again.
    """

    def __init__(self, works: Works, comes_due: Callable[[str], None]) -> None:
        self._works = works
        self._reminders = Reminders(works.clock, comes_due)

    async def remember_all(self) -> None:
        """Everything that the file knows of."""
        for execution_id, due in await self._works.store.next_due():
            self._reminders.add(execution_id, due)

    async def remember(self, execution_id: str) -> None:
        """The execution has gone to rest: when the first of its waits is over, and what else there is."""
        execution = await self._works.store.execution(execution_id)
        if execution is None or not execution.status.resting:
            return
        dues = [wait.wait.due for wait in await self._works.store.waits(execution_id)]
        for due in (*dues, execution.wake_at):
            if due is not None:
                self._reminders.add(execution_id, due)

    def look_again(self) -> None:
        """The wall clock has jumped."""
        self._reminders.look_again()

    def after(self, execution_id: str, seconds: float) -> None:
        """Look at it again when so many seconds have gone by."""
        self._reminders.add(execution_id, self._works.clock.now() + timedelta(seconds=seconds))

    def stop(self) -> None:
        """Remind of nothing any more."""
        self._reminders.stop()
