"""The log and a file."""

import asyncio
import os
from dataclasses import asdict
from pathlib import Path

import orjson

from graphs.steps import Logger
from orchestrator.alerts.port import Alert, AlertError, AlertSink


class LogSink(AlertSink):
    """The engine's log."""

    name = "log"

    def __init__(self, log: Logger) -> None:
        self._log = log

    async def tell(self, alert: Alert) -> None:
        """See the port."""
        facts = {key: value for key, value in asdict(alert).items() if value is not None}
        level = facts.pop("level")
        say = self._log.error if level == "error" else self._log.warning
        say("alert", **{**facts, "at": alert.at.isoformat()})


class FileSink(AlertSink):
    """A file of JSON lines.

    Args:
        path: It is made when it is not there, and only ever added to.
    """

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def tell(self, alert: Alert) -> None:
        """See the port. On the disk when it returns."""
        line = orjson.dumps(asdict(alert)) + b"\n"
        try:
            await asyncio.to_thread(self._append, line)
        except OSError as error:
            raise AlertError(f"the file '{self._path}' cannot be written: {error.strerror or error}.") from error

    def _append(self, line: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
