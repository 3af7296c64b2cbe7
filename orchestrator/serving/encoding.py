"""Any value of a graph as JSON, in the shape that clients of langgraph-sdk know: messages as plain objects, sets as
lists, errors as their type and text."""

import dataclasses
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any

import orjson
from langgraph.types import Interrupt
from pydantic import BaseModel

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATACLASS


def to_bytes(value: Any) -> bytes:
    """The value as JSON text; what JSON cannot say is said in words (`str`), so that a stream never breaks on it."""
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS)
    except TypeError as error:
        if "surrogates" in str(error):
            return orjson.dumps(_repaired(value), default=_plain, option=_OPTIONS)
        return orjson.dumps(_worded(value), default=_plain, option=_OPTIONS)


def to_value(value: Any) -> Any:
    """The value as plain JSON kinds."""
    return orjson.loads(to_bytes(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Interrupt):
        asked = {"value": value.value, "id": value.id}
        return asked if value.response_schema is None else {**asked, "response_schema": value.response_schema}
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, BaseException):
        return {"error": type(value).__name__, "message": str(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | deque | tuple):
        return list(value)
    if hasattr(value, "_asdict"):
        return value._asdict()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, Decimal | PurePath):
        return str(value)
    return str(value)


def _repaired(value: Any) -> Any:
    """Half characters, which models sometimes send, become `?`."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_repaired(name): _repaired(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_repaired(item) for item in value]
    if isinstance(value, BaseModel):
        return _repaired(value.model_dump())
    return value


def _worded(value: Any) -> Any:
    """For what orjson refuses without asking `_plain`: whole numbers beyond 64 bits, keys of strange kinds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, Mapping):
        return {name if isinstance(name, str) else str(name): _worded(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_worded(item) for item in value]
    if isinstance(value, BaseModel):
        return _worded(value.model_dump())
    return value
