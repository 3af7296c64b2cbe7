"""How HTTP answers are spoken of in messages."""

from http import HTTPStatus
from typing import Final

EXCERPT: Final = 200
"""Characters of a body that a message quotes."""


def status_text(status: int) -> str:
    """`404 Not Found`; only the number where it has no name."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def excerpt(text: str) -> str:
    """The beginning of a body, on one line and without control characters, to quote in a message."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: EXCERPT * 4]).split())
    return f"{line[:EXCERPT]}…" if len(line) > EXCERPT else line
