"""Printing: for people with Rich, for programs as JSON; statuses, times and durations in the same words everywhere."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, TextIO

import orjson
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from orchestrator.ids import shown_text

SIGNS: Final[Mapping[str, tuple[str, str]]] = {
    "pending": ("·", "dim"),
    "queued": ("·", "dim"),
    "running": ("▸", "cyan"),
    "retrying": ("↻", "yellow"),
    "waiting": ("…", "yellow"),
    "paused": ("…", "yellow"),
    "budget_exceeded": ("…", "yellow"),
    "compensating": ("↺", "yellow"),
    "completed": ("✓", "green"),
    "compensated": ("↺", "red"),
    "compensation_failed": ("✗", "red"),
    "failed": ("✗", "red"),
    "timed_out": ("✗", "red"),
    "cancelled": ("✗", "red"),
    "skipped": ("-", "dim"),
    "interrupted": ("!", "yellow"),
}
"""By status: its sign and its style. The word always stands beside them, so neither is needed to read it."""

_WIDE: Final = 10_000
_kept_for_programs: ContextVar[TextIO | None] = ContextVar("stdout_for_programs", default=None)


_SEEN: Final = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | dict.fromkeys(
    (0x7F, *range(0x80, 0xA0)), "\ufffd"
)
"""Control characters as characters that are seen (␛): what models, tools and people say commands no terminal."""


_ESCAPED: Final = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}


class _Console(Console):
    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:  # ids of tenants are kept with a mark, which sentences that name them have too
                yield Segment(shown_text(segment.text).translate(_SEEN), segment.style)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # Rich would end the process with a code of its own; see `options.perform`


@cache
def _console(stderr: bool, terminal: bool) -> Console:
    # Nothing is wrapped or cut in a pipe: lines that are searched or copied must stay whole.
    width = None if terminal else _WIDE
    return _Console(stderr=stderr, width=width, soft_wrap=True, highlight=False, emoji=False, markup=False)


def output() -> Console:
    """Where results go."""
    return _console(False, sys.stdout.isatty())


def errors() -> Console:
    """Where errors, warnings and remarks go."""
    return _console(True, sys.stderr.isatty())


def note(text: str) -> None:
    """A remark beside the result."""
    errors().print(Text(f"note: {text}", "dim"))


def warn(text: str) -> None:
    """A remark that should not be missed."""
    errors().print(Text.assemble(("warning: ", "bold yellow"), text))


def print_json(document: Any) -> None:
    """One JSON document."""
    _write(orjson.dumps(document, default=_plain, option=orjson.OPT_INDENT_2))


def print_json_line(document: Any) -> None:
    """One JSON document in one line."""
    _write(orjson.dumps(document, default=_plain))


def _write(data: bytes) -> None:
    stream = _kept_for_programs.get() or sys.stdout
    # Terminals obey those beyond ASCII too, and JSON need not escape them; they stand in strings only.
    stream.write(data.decode().translate(_ESCAPED) + "\n")
    stream.flush()


@contextmanager
def for_programs() -> Iterator[None]:
    """Keep standard output for JSON: what a module or a step's code prints goes to standard error meanwhile."""
    token = _kept_for_programs.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _kept_for_programs.reset(token)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)


def status_text(status: str) -> Text:
    """A status with its sign and colour."""
    sign, style = SIGNS.get(status, ("?", "default"))
    return Text(f"{sign} {status.replace('_', ' ')}", style)


def time_text(at: datetime | None, now: datetime) -> str:
    """A time on this machine's clock: with the date unless it is today."""
    if at is None:
        return ""
    local, today = at.astimezone(), now.astimezone().date()
    return local.strftime("%H:%M:%S" if local.date() == today else "%Y-%m-%d %H:%M:%S")


def seconds_text(seconds: float) -> str:
    """How long something took: two figures that matter, not fifteen."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def seconds_between(start: datetime, end: datetime | None = None) -> float:
    """Seconds between two times; up to now without the second."""
    return max(0.0, ((end or datetime.now(UTC)) - start) / timedelta(seconds=1))


def one_line(value: Any, width: int = 100) -> str:
    """A value as JSON in one line, cut where it gets long."""
    text = value if isinstance(value, str) else orjson.dumps(value, default=_plain).decode()
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"
