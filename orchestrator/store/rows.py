"""Values to columns and back: JSON as text, times as ISO 8601 in UTC with microseconds (so that text order is time
order, and a person can read the file)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from graphs.errors import StoreError
from orchestrator.store.port import Record


def to_json(value: Any) -> str:
    """The value as JSON text.

    Raises:
        StoreError: it holds something JSON cannot.
    """
    try:
        return orjson.dumps(value, default=_plain).decode()
    except TypeError as error:
        if "surrogates" in str(error):
            return orjson.dumps(_without_surrogates(value), default=_plain).decode()
        raise StoreError(
            f"A value cannot be kept as JSON: {error}.",
            hint="Keep text, numbers (up to 64 bits), true, false, null, lists, and maps with text keys.",
            code="not_json",
        ) from error


def from_json(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def to_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def from_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):  # read-only mappings, which orjson does not know
        return dict(value)
    raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")


def _without_surrogates(value: Any) -> Any:
    """Half characters, which models sometimes send, become `?`; the checkpoint's msgpack does the same."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_without_surrogates(name): _without_surrogates(item) for name, item in value.items()}
    return [_without_surrogates(item) for item in value] if isinstance(value, list | tuple) else value


def name_and_version(workflow: str | None) -> tuple[str | None, str | None]:
    """What a filter says of workflows: `NAME`, or `NAME@VERSION`; None for what it does not say."""
    name, _, version = (workflow or "").partition("@")
    return name or None, version or None


INSERT_RECORD = "INSERT INTO records (execution_id, kind, path, generation, at, data) VALUES (?, ?, ?, ?, ?, ?)"
_RECORD = "seq, execution_id, kind, path, generation, at, data"
SELECT_RECORDS = f"SELECT {_RECORD} FROM records"


def record_row(record: Record) -> tuple[Any, ...]:
    """The parameters of INSERT_RECORD."""
    return (
        record.execution_id,
        record.kind,
        record.path,
        record.generation,
        to_time(record.at),
        to_json(record.data),
    )


def to_record(row: Sequence[Any]) -> Record:
    """A record from SELECT_RECORDS."""
    seq, execution_id, kind, path, generation, at, data = row
    return Record(execution_id, kind, datetime.fromisoformat(at), path, generation, orjson.loads(data), seq)
