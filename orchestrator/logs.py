"""structlog, set up without touching the process: JSON for machines, readable lines for a terminal, masked."""

import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

from graphs.expressions import mask
from orchestrator.settings import Settings

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def logger(settings: Settings) -> Any:
    """A logger that writes to standard error what the settings ask for."""
    # Tracebacks as text: structlog's own pretty ones show the values of locals, secrets among them.
    plain = structlog.dev.plain_traceback
    renderers: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    )
    return structlog.wrap_logger(
        structlog.PrintLogger(cast(TextIO, _Quiet(sys.stderr))),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _masked,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.log_level]),
        cache_logger_on_first_use=True,
    )


class _Quiet:
    """A stream whose reader may go away: work must not end, or hang, because nobody reads about it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def _masked(_: Any, __: str, event: Any) -> Any:
    return mask(dict(event))
