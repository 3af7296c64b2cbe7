"""Events that came before the waits they answer.

Ten thousand waits on one type of event, each about an order of its own, would each read all events of that type. So
what events say in the fields that waits name is remembered by its value: an event is read once for each set of names,
however many wait.
"""

import sqlite3
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from orchestrator.store.matching import fields_of, values_at

MOST: Final = 100_000
"""Events remembered in all, by each set of names: some 20 MB. About more of them is asked without remembering them."""

Look = Callable[[sqlite3.Connection, str, str, str, int], tuple[Iterable[int], int]]
"""Of a type, with these values of these fields, after a seq: the events in order, and up to which seq that holds."""


@dataclass(slots=True)
class _Span:
    """What is remembered of the events after `low`, up to `high`."""

    low: int
    high: int
    count: int = 0
    by_values: dict[str, list[int]] = field(default_factory=dict)

    def without(self, after: int, newest: int) -> list[tuple[int, int]]:
        """Where events are that it does not know."""
        return [(low, high) for low, high in ((after, self.low), (self.high, newest)) if low < high]

    def learn(self, events: Iterable[tuple[int, str | None]], after: int, newest: int) -> None:
        """Events between two seqs, one of which is where it begins or ends."""
        learnt: dict[str, list[int]] = {}
        for seq, values in events:
            self.count += 1
            if values is not None:
                learnt.setdefault(values, []).append(seq)
        for values, seqs in learnt.items():
            known = self.by_values.setdefault(values, [])
            place = 0 if after < self.low else len(known)
            known[place:place] = seqs
        self.low, self.high = min(self.low, after), max(self.high, newest)


class EarlyEvents:
    """What one thread remembers of the events it has read; its connection never sees less than it saw before."""

    def __init__(self) -> None:
        self._spans: OrderedDict[tuple[str, str], _Span] = OrderedDict()

    def look(
        self, db: sqlite3.Connection, event_type: str, fields: str, values: str, after: int
    ) -> tuple[Iterable[int], int]:
        """See `Look`. Events that were deleted since may be among them."""
        newest = _newest(db)
        span = self._span(db, event_type, fields, after, newest)
        if span is None:
            return read_all(db, event_type, fields, values, after)
        seqs = span.by_values.get(values, [])
        return (seqs[place] for place in range(bisect_right(seqs, after), len(seqs))), newest

    def _span(self, db: sqlite3.Connection, event_type: str, fields: str, after: int, newest: int) -> _Span | None:
        key = (event_type, fields)
        for span in (self._spans.pop(key, None), _Span(after, after)):
            if span is None or after > span.high:
                continue
            unknown = span.without(after, newest)
            if span.count + sum(_count(db, event_type, *between) for between in unknown) <= MOST:
                for between in unknown:
                    span.learn(_read(db, event_type, fields, *between), *between)
                self._spans[key] = span
                self._make_room()
                return span
        return None

    def _make_room(self) -> None:
        count = sum(span.count for span in self._spans.values())
        while count > MOST:
            _, span = self._spans.popitem(last=False)
            count -= span.count


def read_all(
    db: sqlite3.Connection, event_type: str, fields: str, values: str, after: int
) -> tuple[Iterable[int], int]:
    """A `Look` that reads every event."""
    newest = _newest(db)
    return (seq for seq, found in _read(db, event_type, fields, after, newest) if found == values), newest


def first_event(
    db: sqlite3.Connection,
    look: Look,
    *,
    execution_id: str,
    tenant: str,
    event_type: str,
    match: Mapping[str, Any],
    since: str | None,
    after: int,
) -> tuple[int, int]:
    """The oldest event that a new wait may take, 0 when there is none; and up to which seq it may take no other.

    What came after the execution was kept counts, told by counting: a clock that was set back hides no event.

    Args:
        since: Events received since then count, too.
        after: It may take none up to this seq, as was found before.
    """
    begun, created = db.execute(_BEGUN, (execution_id,)).fetchone()
    if begun is None:  # kept by a Baton that did not count
        begun, since = _LAST, since or created
    if since is not None and not after:
        received = db.execute(_FIRST_SINCE, (event_type, since)).fetchone()[0]
        after = min(begun, received - 1 if received is not None else _newest(db))
    events, newest = look(db, event_type, *fields_of(match), after if since is not None else max(after, begun))
    for seq in events:
        if db.execute(_MAY_TAKE, (seq, begun, since, tenant, tenant, execution_id)).fetchone() is not None:
            return seq, seq
    return 0, newest


_LAST: Final = 2**62
_BEGUN = "SELECT events_before, created_at FROM executions WHERE id = ?"
_FIRST_SINCE = "SELECT min(seq) FROM events WHERE type = ? AND received_at >= ?"
_MAY_TAKE = (
    "SELECT 1 FROM events WHERE seq = ? AND (seq > ? OR received_at >= ?) AND ifnull(tenant, ?) = ? "
    "AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event = seq AND execution_id = ?)"
)


def _newest(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()[0])


def _count(db: sqlite3.Connection, event_type: str, after: int, newest: int) -> int:
    """How many there are; of very many, only that they are too many."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM events WHERE type = ? AND seq > ? AND seq <= ? LIMIT {MOST + 1})"
    return int(db.execute(sql, (event_type, after, newest)).fetchone()[0])


def _read(
    db: sqlite3.Connection, event_type: str, fields: str, after: int, newest: int
) -> Iterator[tuple[int, str | None]]:
    """Events of a type in order, each with its values of these fields."""
    sql = "SELECT seq, key, data FROM events WHERE type = ? AND seq > ? AND seq <= ? ORDER BY seq"
    for seq, key, data in db.execute(sql, (event_type, after, newest)):
        yield seq, values_at(fields, orjson.loads(data), key)
