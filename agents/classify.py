"""What kind of failure an HTTP answer is (E21), in one table. Pure: services and models are judged alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from graphs.errors import Category

MAX_RETRY_AFTER: Final = 3600.0
"""Seconds. A server may ask for patience, but not park an execution for a week."""

EXCERPT: Final = 200
"""Characters of a body that a message quotes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a failure is to be taken. `retryable` is None where the category decides."""

    category: Category
    retryable: bool | None = None


_STATUS: Final[Mapping[int, Verdict]] = {
    401: Verdict("logic"),  # wrong credentials stay wrong, and a person has to see it
    402: Verdict("resource"),
    403: Verdict("logic"),
    407: Verdict("logic"),
    408: Verdict("transient"),
    421: Verdict("logic"),
    423: Verdict("transient"),
    425: Verdict("transient"),
    429: Verdict("transient"),
    451: Verdict("logic"),
    500: Verdict("dependency"),
    501: Verdict("logic"),  # what a server cannot do now it cannot do in a minute
    502: Verdict("dependency"),
    503: Verdict("dependency"),
    504: Verdict("dependency"),
    505: Verdict("logic"),
    507: Verdict("resource"),
    508: Verdict("logic"),
    511: Verdict("logic"),
}


def verdict(status: int) -> Verdict:
    """How an answer with this status is to be taken, given that it was not what was wanted."""
    if status in _STATUS:
        return _STATUS[status]
    if 400 <= status < 500:
        return Verdict("validation")  # what we sent does not fit; sending it again cannot help (X13)
    if status >= 500:
        return Verdict("dependency")
    return Verdict("logic")  # 1xx, 2xx, 3xx: not an error of the server's, only not what the step expects


def status_text(status: int) -> str:
    """`404 Not Found`; only the number where it has no name."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait, from a `Retry-After` header in either of its forms; None when it says nothing usable.

    Args:
        value: Seconds, or an HTTP date.
        now: What time it is.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return min(float(text), MAX_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    # An HTTP date is in GMT; one without a zone is read so as well.
    seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def excerpt(text: str) -> str:
    """The beginning of a body, on one line and without control characters, to quote in a message."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: EXCERPT * 4]).split())
    return f"{line[:EXCERPT]}…" if len(line) > EXCERPT else line
