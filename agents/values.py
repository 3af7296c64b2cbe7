"""What comes back from code, services and models, made into clean JSON values."""

import math
from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from graphs.errors import StepError

MAX_DEPTH = 200
"""Deeper than any honest value, and far from Python's own limit on recursion."""


def to_json(value: Any, source: str) -> Any:
    """The value as JSON: models and dataclasses as objects, times and ids as text, sets and tuples as lists.

    Args:
        value: What was returned.
        source: Who returned it, for the message: `function 'charge'`.

    Raises:
        StepError: `result_not_json`.
    """
    try:
        return clean(to_jsonable_python(value))
    except (PydanticSerializationError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise StepError(
            f"{source} returned {_describe(value)}, which cannot be kept as JSON: {error}.",
            code="result_not_json",
            hint="Return numbers, texts, lists, objects, dataclasses or pydantic models.",
        ) from error


def clean(value: Any, depth: int = 0) -> Any:
    """The JSON value with half characters replaced (models and careless servers send them, no store keeps them).

    Raises:
        ValueError: a number is not a number or endless, or the value is nested too deep.
    """
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no JSON number")
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        return {clean_text(key): clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item, depth + 1) for item in value]
    return value


def clean_text(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def shorten(text: str, limit: int) -> str:
    """The text, cut where it is longer than `limit` characters; the cut says how much is missing."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


def _describe(value: Any) -> str:
    kind = type(value).__name__
    return f"an {kind}" if kind[:1].lower() in "aeiou" else f"a {kind}"
