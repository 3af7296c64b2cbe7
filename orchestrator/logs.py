"""structlog, set up without touching the process: JSON for machines, readable lines for a terminal, masked."""

import sys
from typing import Any

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
        structlog.PrintLogger(sys.stderr),
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


def _masked(_: Any, __: str, event: Any) -> Any:
    return mask(dict(event))
