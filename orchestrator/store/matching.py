"""Which events answer which waits.

A wait's `match` becomes two columns: the names of its fields and the values they must have, both as canonical JSON. An
event is looked up once for each set of names that open waits of its type have, with its own values of those fields;
so 10,000 waits that differ in one value cost one look into an index.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

_MISSING = object()


def fields_of(match: Mapping[str, Any]) -> tuple[str, str]:
    """The columns `match_fields` and `match_values` of a wait."""
    names = sorted(match)
    return _canonical(names), _canonical([match[name] for name in names])


def values_at(fields: str, data: Any, key: str | None) -> str | None:
    """`match_values` of an event for a set of field names; None when it lacks one of them.

    A name is a dotted path into the event's data; `key` is the event's own key, where it has one.
    """
    values = [key if name == "key" and key is not None else _at(data, name) for name in orjson.loads(fields)]
    return None if _MISSING in values else _canonical(values)


def awaited_fields(db: sqlite3.Connection, event_type: str) -> Iterator[str]:
    """Each set of field names that open waits of a type have: a skip through the index, not a scan of the waits."""
    fields = ""
    sql = (
        "SELECT min(match_fields) FROM waits "
        "WHERE status = 'open' AND kind = 'event' AND event_type = ? AND match_fields > ?"
    )
    while (fields := db.execute(sql, (event_type, fields)).fetchone()[0]) is not None:
        yield fields


def _at(data: Any, path: str) -> Any:
    if isinstance(data, dict) and path in data:  # a field whose own name has a dot
        return data[path]
    for part in path.split("."):
        if not isinstance(data, dict) or part not in data:
            return _MISSING
        data = data[part]
    return data


def _canonical(value: Any) -> str:
    return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS).decode()


def _plain(value: Any) -> Any:
    """JSON has one kind of number: 5 and 5.0 are the same value."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
