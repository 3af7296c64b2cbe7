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


def first_event(
    db: sqlite3.Connection,
    *,
    execution_id: str,
    tenant: str,
    event_type: str,
    match: Mapping[str, Any],
    since: str | None,
    after: int,
) -> tuple[int, int]:
    """The oldest event that a new wait may take, and the newest one looked at; both 0 when there is none.

    What came after the execution was kept counts, told by counting: a clock that was set back hides no event.

    Args:
        since: Events received since then count, too.
        after: Events up to this seq were looked at before.
    """
    fields, values = fields_of(match)
    begun, created = db.execute(_BEGUN, (execution_id,)).fetchone()
    if begun is None:  # kept by a Baton that did not count
        begun, since = _LAST, since or created
    came, place = (_COUNTED, [event_type, begun])
    if since is not None:
        came, place = _COUNTED_OR_TIMED, [event_type, begun, event_type, since]
    seen = after
    sql = (
        f"SELECT seq, key, data FROM events WHERE {came} AND seq > ? AND ifnull(tenant, ?) = ? "
        "AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event = seq AND execution_id = ?) ORDER BY seq"
    )
    for seq, key, data in db.execute(sql, (*place, after, tenant, tenant, execution_id)):
        seen = seq
        if values_at(fields, orjson.loads(data), key) == values:
            return seq, seen
    return 0, seen


_LAST = 2**62
_BEGUN = "SELECT events_before, created_at FROM executions WHERE id = ?"
_COUNTED = "type = ? AND seq > ?"
_COUNTED_OR_TIMED = f"(({_COUNTED}) OR (type = ? AND received_at >= ?))"


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
