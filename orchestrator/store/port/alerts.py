"""Alerts: what is asked of a database."""

from collections.abc import Sequence
from typing import Protocol

from orchestrator.store.values import Record


class Alerts(Protocol):
    """Alerts. See `Store`."""

    async def add_sinks(self, names: Sequence[str]) -> None:
        """Those that are new are told of alerts from now on."""
        ...

    async def alerts_for(self, sink: str, limit: int) -> Sequence[Record]:
        """Alerts a sink has not been told of, oldest first."""
        ...

    async def told_sink(self, sink: str, seq: int) -> None:
        """A sink has been told up to this record."""
        ...
