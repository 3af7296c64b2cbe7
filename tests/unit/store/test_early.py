"""What is remembered of events that came before their waits: the same as reading all of them, and each is read once."""

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.store import early
from orchestrator.store.early import EarlyEvents, read_all
from orchestrator.store.matching import fields_of
from orchestrator.store.sqlite import SqliteStore
from tests.unit.store.support import START, event, execution

MANY = 400

COLOURS = st.sampled_from(["red", "blue", "green"])
MATCHES = st.sampled_from([{}, {"colour": "red"}, {"colour": "blue"}, {"size": 1}, {"colour": "red", "size": 2}])
EVENTS = st.fixed_dictionaries({"colour": COLOURS}, optional={"size": st.integers(1, 2)})
THINGS = st.one_of(
    st.tuples(st.just("event"), st.sampled_from(["paid", "sent"]), EVENTS),
    st.tuples(st.just("gone"), st.integers(0, 30)),
    st.tuples(st.just("ask"), st.sampled_from(["paid", "sent"]), MATCHES, st.integers(0, 30)),
)


@given(things=st.lists(THINGS, min_size=5, max_size=60), most=st.sampled_from([3, 8, 1000]))
def test_what_is_remembered_is_what_would_be_read(things: list[tuple[Any, ...]], most: int) -> None:
    """Whichever events come or are deleted in between, wherever a question begins, however little is remembered."""
    remembered = EarlyEvents()
    with sqlite3.connect(":memory:") as db, pytest.MonkeyPatch.context() as patch:
        patch.setattr(early, "MOST", most)
        db.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT, key TEXT, data TEXT)")
        for what, *more in things:
            match what, more:
                case "event", (kind, data):
                    db.execute("INSERT INTO events (type, data) VALUES (?, json(?))", (kind, early.orjson.dumps(data)))
                case "gone", (seq,):
                    db.execute("DELETE FROM events WHERE seq = ?", (seq,))
                case "ask", (kind, wanted, after):
                    question = (db, kind, *fields_of(wanted), after)
                    found, newest = remembered.look(*question)
                    there = {seq for (seq,) in db.execute("SELECT seq FROM events")}
                    expected, same = read_all(*question)
                    assert [seq for seq in found if seq in there] == list(expected)
                    assert newest == same


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fields of each event that was read for a wait."""
    values_at, fields_read = early.values_at, list[str]()

    def counted(fields: str, data: Any, key: str | None) -> str | None:
        fields_read.append(fields)
        return values_at(fields, data, key)

    monkeypatch.setattr(early, "values_at", counted)
    return fields_read


@pytest.mark.capability("R10")
async def test_each_event_is_read_once_however_many_wait(store: SqliteStore, read: list[str]) -> None:
    """Waits open in the other order than their events came, and in between others come."""
    for number in range(MANY):
        await store.create(execution(f"e{number}"), {})
    for number in range(MANY):
        await store.publish_event("paid", {"order": number}, key=None, source=None)
    for number in reversed(range(MANY)):
        opened = await store.open_wait(f"e{number}", "w", 0, event(match={"order": number}), START)
        assert opened.answer is not None and opened.answer.data == {"order": number}
        await store.publish_event("paid", {"order": -number}, key=None, source=None)
    assert len(read) < 2 * MANY + 1, "400 events beforehand, 399 meanwhile"


async def test_an_event_that_was_taken_or_deleted_is_not_given_again(store: SqliteStore, read: list[str]) -> None:
    await store.create(execution("e1"), {})
    for number in range(3):
        await store.publish_event("paid", {"number": number, "order": 1}, key=None, source=None)

    async def taken(path: str) -> Any:
        opened = await store.open_wait("e1", path, 0, event(match={"order": 1}), START)
        return None if opened.answer is None else opened.answer.data["number"]

    assert await taken("a") == 0
    await store._writer.submit([("DELETE FROM events WHERE seq = 2", ())])
    assert [await taken("b"), await taken("c")] == [2, None]
    assert len(read) == 3
