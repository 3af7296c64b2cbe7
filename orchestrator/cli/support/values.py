"""Values from the command line: `k=v` is text, `k:=json` any JSON value, `@file` a JSON file, `-` standard input."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from graphs.durations import parse_duration
from graphs.errors import InputError, NotFoundError

_PAIR: Final = re.compile(r"([^=:@\s][^=:]*)(:?=)(.*)", re.DOTALL)
TEXT: Final = "A value after '=' is text; for numbers, true and lists write name:=value."
_WAYS: Final = "Ways to give values: name=text, name:=json, @file.json, or JSON such as '{\"name\": 1}'."


def read_values(parts: Sequence[str], option: str) -> Any:
    """What several parts come to: mappings are merged in their order; any other value must stand alone.

    Args:
        parts: As they were typed.
        option: Where, for messages: `--input`.

    Returns:
        The value; None when there are no parts.

    Raises:
        InputError: a part cannot be read; the message quotes it.
        NotFoundError: there is no such file.
    """
    values = [_read(part, option) for part in parts]
    if len(values) == 1:
        return values[0]
    if lone := next((part for part, value in zip(parts, values, strict=True) if not isinstance(value, dict)), None):
        raise InputError(
            f"{option} {_quoted(lone)} is no mapping, so it cannot be merged with others.",
            hint="Give it alone.",
            code="values_unmergeable",
        )
    return {key: item for value in values for key, item in value.items()} if values else None


def read_mapping(parts: Sequence[str], option: str) -> dict[str, Any]:
    """As `read_values`, where only a mapping makes sense.

    Raises:
        InputError, NotFoundError: as there; or the value is no mapping.
    """
    value = read_values(parts, option)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(
            f"{option} needs names and values, not {_quoted(parts[0])}.", hint=_WAYS, code="values_unnamed"
        )
    return value


def has_plain_pairs(parts: Sequence[str]) -> bool:
    """Whether values were given as text, and none as JSON: a number may have been meant."""
    return {pair[1] for part in parts if (pair := _pair(part))} == {"="}


@contextmanager
def told_of_text(parts: Sequence[str] | None) -> Iterator[None]:
    """Around what refuses values: says how numbers are written, where some value was given as text.

    Raises:
        InputError: as inside.
    """
    try:
        yield
    except InputError as error:
        if not has_plain_pairs(parts or ()):
            raise
        hint = f"{error.hint} {TEXT}" if error.hint else TEXT
        raise InputError(error.message, hint=hint, code=error.code, **error.details) from None


def _read(part: str, option: str) -> Any:
    if part == "-":
        return _json(sys.stdin.read(), option, "standard input")
    if part.startswith("@"):
        return _json(_text(part[1:], option), option, f"the file {part[1:]}")
    if pair := _pair(part):
        name, sign, text = pair
        return {name: text if sign == "=" else _json(text, option, f"the value of '{name}'")}
    return _json(part, option, None)


def _pair(part: str) -> tuple[str, str, str] | None:
    if part[:1] in '{["':  # JSON, whatever signs there are in it
        return None
    match = _PAIR.fullmatch(part)
    return (match[1], match[2], match[3]) if match else None


def _json(text: str, option: str, source: str | None) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if source is None:
            raise InputError(f"{option} {_quoted(text)} cannot be read.", hint=_WAYS, code="value_unreadable") from None
        what = f"{error.msg} at line {error.lineno}, column {error.colno}" if text.strip() else "it is empty"
        where = f"{source} is no JSON: {what}"
        hint = "Text needs no quotes with a plain '=': name=text." if source.startswith("the value") else None
        raise InputError(f"{option}: {where}.", hint=hint, code="value_not_json") from None


def _text(path: str, option: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        hint = "After '@' comes the path of a JSON file."
        raise NotFoundError(f"{option}: there is no file '{path}'.", hint=hint, code="file_not_found") from None
    except UnicodeDecodeError as error:
        message = f"{option}: the file {path} is no JSON: byte {error.start + 1} is not UTF-8 text."
        raise InputError(message, hint="Save it as UTF-8.", code="value_not_json") from None


def _quoted(text: str) -> str:
    return f"'{text if len(text) <= 60 else text[:59] + '…'}'"


def read_ago(text: str, option: str) -> timedelta:
    """A length of time: `30d`, `12h`, `1h30m`.

    Raises:
        InputError: it is none.
    """
    try:
        # `parse_duration` refuses bare numbers in text: what deletes must not guess between seconds and days.
        return timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        raise InputError(f"{option} '{text}' is no length of time.", hint="Write 90s, 30m, 12h or 30d.") from None


def read_since(text: str, option: str) -> datetime:
    """A time: how long ago (`2h`), or when (ISO 8601; without a zone, on this machine's clock).

    Raises:
        InputError: it is neither.
    """
    try:
        return datetime.now(UTC) - timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        hint = "Write 2h or 3d, or a time such as 2026-11-20T09:00."
        raise InputError(f"{option} '{text}' is no time.", hint=hint) from None


def read_services(parts: Sequence[str]) -> dict[str, str]:
    """Services by name, from `name=url`.

    Raises:
        InputError: a part is not of that form.
    """
    services = {}
    for part in parts:
        name, equals, url = part.partition("=")
        if not equals or not name or not url:
            raise InputError(f"--service '{part}' names no place.", hint="Write name=https://where.it.is.")
        services[name] = url
    return services
