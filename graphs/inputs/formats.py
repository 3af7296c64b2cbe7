"""The formats of JSON Schema, checked by ourselves.

What the jsonschema package checks depends on which further packages happen to be installed, and its `email` is
anything with an `@` in it; a definition must mean the same everywhere.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime, time
from urllib.parse import urlsplit

from jsonschema import FormatChecker

from graphs.inputs.patterns import Pattern, PatternError

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_EMAIL = re.compile(rf"[^@\s\x00-\x1f\x7f\"(),:;<>\[\]\\]{{1,64}}@(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[zZ]|[+-]\d\d:\d\d)")
_DATE_TIME = re.compile(rf"{_DATE.pattern}[tT ]{_TIME.pattern}")
_DURATION = re.compile(r"P(?!\Z)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?!\Z)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?)")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x20\x7f<>\"{}|\\^`]+")
_URI_REFERENCE = re.compile(r"[^\s\x00-\x20\x7f<>\"{}|\\^`]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")

WORDS = {
    "email": "an e-mail address",
    "date-time": "a date and time such as 2026-01-31T12:00:00Z",
    "date": "a date such as 2026-01-31",
    "time": "a time such as 12:00:00Z",
    "duration": "a duration such as PT30M",
    "uri": "a URI such as https://example.com/a",
    "uri-reference": "a URI or a part of one",
    "uuid": "a UUID",
    "hostname": "a host name",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "regex": "a regular expression",
    "json-pointer": "a JSON pointer",
}
"""What a text of each format is; the formats that are checked."""

UNCHECKED = frozenset(
    {"password", "idn-email", "idn-hostname", "iri", "iri-reference", "uri-template", "relative-json-pointer"}
    | {"int32", "int64", "float", "double", "byte", "binary", "textarea", "markdown"}
)
"""Formats that are known and say something to people and forms, but are not checked."""


def _fits(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _date_time(text: str) -> bool:
    return _DATE_TIME.fullmatch(text) is not None and _reads(datetime.fromisoformat, text.upper())


def _date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None and _reads(date.fromisoformat, text)


def _time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None and _reads(time.fromisoformat, text.upper())


def _uri(text: str) -> bool:
    return _URI.fullmatch(text) is not None and _reads(urlsplit, text)


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _regex(text: str) -> bool:
    try:
        Pattern(text)
    except PatternError:
        return False
    return True


_CHECKS: dict[str, Callable[[str], bool]] = {
    "email": _fits(_EMAIL),
    "date-time": _date_time,
    "date": _date,
    "time": _time,
    "duration": _fits(_DURATION),
    "uri": _uri,
    "uri-reference": _fits(_URI_REFERENCE),
    "uuid": _fits(_UUID),
    "hostname": _fits(_HOST),
    "ipv4": lambda text: _reads(ipaddress.IPv4Address, text),
    "ipv6": lambda text: "%" not in text and _reads(ipaddress.IPv6Address, text),
    "regex": _regex,
    "json-pointer": _fits(_POINTER),
}


def has_format(name: str, text: str) -> bool:
    """Whether a text has a format; formats that are not checked fit everything."""
    check = _CHECKS.get(name)
    return check is None or check(text)


def format_checker() -> FormatChecker:
    """The formats as jsonschema wants them. As JSON Schema has it, a format says nothing about what is no text."""
    checker = FormatChecker(formats=())
    for name, check in _CHECKS.items():
        checker.checks(name)(_of_texts(check))
    return checker


def _of_texts(check: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or check(value)
