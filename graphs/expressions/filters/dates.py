"""Filters on times and lengths of time.

Formats are ours, not `strftime`: the C library takes widths (`%999999999d` is a gigabyte) and speaks the language
of the machine, so that a replay elsewhere would give another value.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from graphs.errors import ExpressionError
from graphs.expressions.arguments import need_number, need_text
from graphs.expressions.faults import fault
from graphs.expressions.frame import Frame
from graphs.expressions.values import a_number, check_text_length, kind_of, plain

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_DIRECTIVES: Final[dict[str, Callable[[datetime], str]]] = {
    "Y": lambda time: f"{time.year:04}",
    "m": lambda time: f"{time.month:02}",
    "d": lambda time: f"{time.day:02}",
    "H": lambda time: f"{time.hour:02}",
    "I": lambda time: f"{(time.hour - 1) % 12 + 1:02}",
    "p": lambda time: "AM" if time.hour < 12 else "PM",
    "M": lambda time: f"{time.minute:02}",
    "S": lambda time: f"{time.second:02}",
    "f": lambda time: f"{time.microsecond:06}",
    "j": lambda time: f"{time.timetuple().tm_yday:03}",
    "A": lambda time: _DAYS[time.weekday()],
    "a": lambda time: _DAYS[time.weekday()][:3],
    "B": lambda time: _MONTHS[time.month - 1],
    "b": lambda time: _MONTHS[time.month - 1][:3],
    "s": lambda time: str(int(time.timestamp())),
    "Z": lambda _: "UTC",
    "z": lambda _: "+0000",
    "%": lambda _: "%",
}

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_PART: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h|d|w)")
_DIRECTIVE: Final = re.compile(r"%(.?)", re.DOTALL)
_MAX_FORMAT: Final = 200


def iso(time: datetime) -> str:
    """The one way we write times: `2026-05-01T09:30:00Z`."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def date(_frame: Frame, value: Any, format: Any = None, *, add: Any = 0) -> str:  # noqa: A002 - the author's word
    """`now()|date('%d.%m.%Y', add='48h')`: a time as text, in UTC; without a format as ISO 8601.

    The time is ISO 8601 text (UTC unless it names a zone) or a number of seconds since 1970.
    """
    moment = _time(value)
    try:
        moment += timedelta(seconds=_seconds(add, "argument 'add' of filter 'date'"))
    except OverflowError:
        raise _bad_time() from None
    if format is None:
        return iso(moment)
    pattern = need_text(format, "argument 'format' of filter 'date'")
    if len(pattern) > _MAX_FORMAT:
        raise fault(
            "bad_value", f"argument 'format' of filter 'date' has more than {_MAX_FORMAT} characters.", "Shorten it."
        )
    return _DIRECTIVE.sub(lambda found: _directive(found[1])(moment), pattern)


def duration(_frame: Frame, value: Any) -> int | float:
    """`'1h30m'|duration` is 5400: seconds. Units: ms, s, m, h, d, w."""
    return _seconds(value, "filter 'duration'")


def _time(value: Any) -> datetime:
    try:
        if kind_of(value) == "number":
            return datetime.fromtimestamp(plain(value), UTC)
        found = datetime.fromisoformat(need_text(value, "filter 'date'").strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise _bad_time() from None


def _bad_time() -> ExpressionError:
    return fault(
        "bad_value",
        "filter 'date' was given no time it can read.",
        "It takes ISO 8601 text such as 2026-05-01T09:30:00Z, or seconds since 1970.",
    )


def _directive(letter: str) -> Callable[[datetime], str]:
    if letter not in _DIRECTIVES:
        raise fault(
            "bad_value",
            f"filter 'date' does not know {('%' + letter)!r} in its format.",
            f"Known: {' '.join('%' + known for known in _DIRECTIVES)}.",
        )
    return _DIRECTIVES[letter]


def _seconds(value: Any, who: str) -> int | float:
    if kind_of(value) == "number":
        return need_number(value, who)
    text = need_text(value, who).strip()
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    check_text_length(len(text))
    parts = _PART.findall(text[:_MAX_FORMAT])
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise fault(
            "bad_value", f"{who} was given text that is no length of time.", "Write it as in 30s, 15m, 1h30m or 2d."
        )
    total = sign * sum((float(number) * _UNITS[unit] for number, unit in parts), 0.0)
    return a_number(int(total) if total.is_integer() else round(total, 6))


DATE_FILTERS: Final[dict[str, Callable[..., Any]]] = {"date": date, "duration": duration}
