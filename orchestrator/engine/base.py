"""What every chapter of the engine's face has at hand."""

from graphs.clock import Clock
from graphs.errors import NotFoundError
from orchestrator.approvals.inbox import Inbox
from orchestrator.bus import Bus
from orchestrator.catalogue import Catalogue
from orchestrator.driving.driver import Driver
from orchestrator.store.port import Execution, OpenWait
from orchestrator.store.sqlite import SqliteStore


class Base:
    """The store, the catalogue, the clock; and the driver, where this process drives the file."""

    def __init__(self, store: SqliteStore, catalogue: Catalogue, driver: Driver | None, bus: Bus, clock: Clock) -> None:
        self.store = store
        self.catalogue = catalogue
        self.clock = clock
        self.inbox = Inbox(store, clock.now, self._driver_hears)
        self._driver = driver
        self._bus = bus

    async def get(self, execution_id: str) -> Execution:
        """An execution as it stands.

        Raises:
            NotFoundError: there is none of that id.
        """
        execution = await self.store.execution(execution_id)
        if execution is None:
            raise no_such_execution(execution_id)
        return execution

    def _driver_takes(self, execution_id: str, reason: str, *, new: Execution | None = None) -> None:
        if self._driver is not None:
            self._driver.take(execution_id, reason, new=new)

    def _driver_hears(self, answered: OpenWait) -> None:
        if self._driver is not None:
            self._driver.answered(answered)


def no_such_execution(execution_id: str) -> NotFoundError:
    """The error for an id that names nothing."""
    return NotFoundError(
        f"There is no execution '{execution_id}'.", hint="List what there is: baton list.", code="execution_not_found"
    )
