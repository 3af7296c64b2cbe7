"""Durations as people write them: `5s`, `30m`, `24h`, `1h30m`, `500ms`, or a number of seconds (Y16, X28)."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
LONGEST = 36_500 * _UNITS["d"]
"""A hundred years: a time so far ahead can still be told by any clock."""


def parse_duration(value: Any) -> float:
    """Seconds from a number of seconds or a text such as `1h30m`.

    Raises:
        ValueError: the value is neither, or is negative, or longer than a hundred years.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"a duration is a number of seconds or a text such as 30s, 5m or 24h, not {value!r}")
    seconds = _read(value) if isinstance(value, str) else value
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"a duration cannot be negative or endless, and {value!r} is")
    if seconds > LONGEST:
        raise ValueError(f"a duration is at most 36500d, and {value!r} is longer")
    return float(seconds)


def _read(text: str) -> float:
    if not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"a duration is a number of seconds or a text such as 30s, 5m or 24h, not {text!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads back as the same number: 5400.0 becomes `1h30m`."""
    if seconds == 0:
        return "0s"
    rest = round(seconds * 1000)
    if abs(rest / 1000 - seconds) > 1e-9:
        return f"{seconds!r}s"
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        size = round(_UNITS[unit] * 1000)
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="unless-none"),
    Field(json_schema_extra={"type": ["string", "number"], "examples": ["30s", "5m", "24h"]}),
]
