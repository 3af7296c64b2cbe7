"""What is told, and where to: the port behind which every sink of alerts stands."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphs.errors import BatonError
from graphs.spec import AlertLevel
from orchestrator.store.port import Record


class AlertError(BatonError):
    """A sink could not be told; it is told again later."""

    code = "alert_untold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that people should know of.

    Attributes:
        id: Its number, the same when it is told twice.
        level: `warning` or `error`.
        escalated: People have to see to it: there is a dead letter.
        status: How the execution ended.
        workflow: `name@version`.
        message, code, category, step: Of the failure.
    """

    id: int
    at: datetime
    execution_id: str
    level: AlertLevel
    escalated: bool
    status: str
    workflow: str
    tenant: str
    message: str
    code: str | None = None
    category: str | None = None
    step: str | None = None


class AlertSink(ABC):
    """Where alerts go. An application's own is handed over as a resource.

    Attributes:
        name: What it has been told is remembered by this name.
    """

    name: str

    @abstractmethod
    async def tell(self, alert: Alert) -> None:
        """Tell of one alert. It may be told twice, when a process dies in between.

        Raises:
            AlertError: it could not be told now; it will be told again, and those after it have to wait.
        """


def alert_of(record: Record) -> Alert:
    """An alert from its record."""
    data: dict[str, Any] = dict(record.data)
    return Alert(
        id=record.seq or 0, at=record.at, execution_id=record.execution_id, message=data.pop("message", ""), **data
    )
