"""The border between Python values and JSON: what is kept is exactly what was there, or is refused."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from pydantic import BaseModel

from graphs.errors import InputError, StepError

_FEW = 1000
"""Items of which it is cheap to look at each."""


def json_value(value: Any, *, most: int | None = None) -> Any:
    """The value as plain JSON kinds, as it will be read back.

    Models, dataclasses, dates and UUIDs become what they look like in JSON; text that no encoding can hold (lone
    surrogates, which models do emit) is repaired rather than refused.

    Args:
        most: Bytes that it may take as JSON; None for any number.

    Raises:
        InputError: it holds something that is no JSON value (a set, a file, an endless number).
        StepError: it takes more bytes.
    """
    if value is None or value is True or value is False:
        return value
    kind = type(value)
    if kind is int and -(2**53) < value < 2**53:
        return value
    if most is not None and (size := _text_in(value)) > most:
        raise _too_large(size, most)  # before another copy of it is made
    try:
        text = _dumps(value)
        if b"null" in text:
            _refuse_endless(value)
    except TypeError as error:
        raise InputError(
            f"a value cannot be kept: {error}.",
            code="not_json",
            hint="Give JSON values: text, numbers of up to 64 bits, booleans, null, lists, and objects with text keys.",
        ) from error
    if most is not None and len(text) > most:
        raise _too_large(len(text), most)
    return orjson.loads(text)


def _text_in(value: Any) -> int:
    """At least so many bytes: of a text, or of those in an object or a list."""
    if isinstance(value, str):
        return len(value)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return sum(len(item) for item in items if isinstance(item, str)) if len(items) <= _FEW else 0


def _too_large(size: int, most: int) -> StepError:
    return StepError(
        f"its result takes {size} bytes or more, and {most} may be kept.",
        category="resource",
        retryable=False,  # it would come to the same, and act once more
        code="result_too_large",
        hint="Keep it where it belongs (a file, a store) and give its address, or raise BATON_MAX_RESULT_BYTES.",
        bytes=size,
        most=most,
    )


def leaves(value: Any) -> Iterator[Any]:
    """What stands inside objects and lists, however deep; the value itself when it is neither."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def json_object(value: Mapping[str, Any], *, most: int | None = None) -> dict[str, Any]:
    """The same for what is an object."""
    kept: dict[str, Any] = json_value(value, most=most)
    return kept


def _dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value, default=_default)
    except TypeError as error:
        if "surrogates" not in str(error):
            raise
        return orjson.dumps(_repaired(value), default=_default)


def _default(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if hasattr(value, "items") and hasattr(value, "keys"):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _refuse_endless(value: Any) -> None:
    # orjson writes NaN and infinities as null, which would change the value without a word.
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{value!r} is no JSON number")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_endless(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_endless(item)
    elif isinstance(value, BaseModel):
        _refuse_endless(value.model_dump())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        _refuse_endless(dataclasses.asdict(value))


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_repaired(key): _repaired(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_repaired(item) for item in value]
    return value
