"""Connections on which no whole request comes. uvicorn waits for one for ever: whoever opens connections and says
nothing, or a letter a minute, would use up what a process may have open."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD: Final = 60.0
"""Seconds within which the head of a request is there, from its first byte or from when the connection was made."""


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, patient for so long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        taken_over = self.transport.get_protocol() is not self  # by the one for WebSockets
        if not taken_over and (self.cycle is None or self.cycle.response_complete):
            self._await_head()
        else:
            self._has_come()

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_come()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(HEAD, self.transport.close)

    def _has_come(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
