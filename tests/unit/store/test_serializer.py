"""Hostile rows are refused, whatever they hold, and no code in them runs."""

import json
import os
import pickle
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.types import Command, Interrupt, Send

from graphs.errors import CorruptStateError, StoreError
from orchestrator.store.serializer import StrictSerializer
from orchestrator.store.sqlite import SqliteStore
from tests.unit.store.support import place, put_checkpoint, put_result

SENTINEL = "/nonexistent/ran"


@dataclass
class Order:
    """A type of a user's own."""

    number: int


def ext(code: int, *parts: Any) -> bytes:
    """A msgpack row with one extension, inside a map."""
    return ormsgpack.packb({"channel_values": {"x": ormsgpack.Ext(code, ormsgpack.packb(list(parts)))}})


class Bomb:
    def __reduce__(self) -> Any:
        return os.system, (f"touch {SENTINEL}",)


def nested(inner: bytes) -> bytes:
    """An allowed type around something that is not."""
    body = ormsgpack.packb(["langgraph.types", "Send", ["node", ormsgpack.Ext(0, inner)]])
    return ormsgpack.packb(ormsgpack.Ext(1, body))


HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "a function": ("msgpack", ext(0, "os", "system", "true"), r"wants to become a os\.system"),
    "positional": ("msgpack", ext(1, "subprocess", "check_output", [["true"]]), "subprocess.check_output"),
    "keywords": ("msgpack", ext(2, "subprocess", "Popen", {"args": ["true"]}), "subprocess.Popen"),
    "a method": ("msgpack", ext(3, "datetime", "datetime", "x", "strptime"), "wants to call datetime.datetime"),
    "a foreign method": ("msgpack", ext(3, "os", "environ", "x", "get"), "os.environ"),
    "pydantic v1": ("msgpack", ext(4, "builtins", "set", {}), "kind 4"),
    "pydantic v2": ("msgpack", ext(5, "builtins", "eval", {}), "builtins.eval"),
    "an array": ("msgpack", ext(6, "|O", [1], "C", b"12345678"), "unknown shape"),
    "an unknown kind": ("msgpack", ext(99, "datetime", "timedelta", []), "kind 99"),
    "inside an allowed one": ("msgpack", nested(ormsgpack.packb(["os", "system", "true"])), r"os\.system"),
    "inside a snapshot": (
        "msgpack",
        ormsgpack.packb(ormsgpack.Ext(7, ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(["os", "system", "x"]))))),
        r"os\.system",
    ),
    "no names": ("msgpack", ext(0, 1, 2, 3), "unknown shape"),
    "too short": ("msgpack", ext(0, "os"), "unknown shape"),
    "wrong arguments": ("msgpack", ext(1, "langgraph.types", "Send", []), "cannot become the langgraph.types.Send"),
    "garbage": ("msgpack", b"\xc1\xff", "cannot be decoded"),
    "cut off": ("msgpack", ormsgpack.packb({"a": "long enough"})[:-3], "cannot be decoded"),
    "pickle": ("pickle", pickle.dumps(Bomb()), "kept as 'pickle'"),
    "an unknown type": ("yaml", b"!!python/object/apply:os.system [true]", "kept as 'yaml'"),
    "langchain constructor": (
        "json",
        json.dumps({"a": [{"lc": 2, "type": "constructor", "id": ["os", "system"], "args": ["true"]}]}).encode(),
        "LangChain object",
    ),
    "langchain secret": ("json", json.dumps({"lc": 1, "type": "secret", "id": ["HOME"]}).encode(), "LangChain object"),
    "broken json": ("json", b"{", "cannot be decoded"),
}


@pytest.fixture
def no_code_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def ran(*_: Any, **__: Any) -> Any:
        raise AssertionError("code from a row ran")

    for module, name in (("os", "system"), ("subprocess", "Popen"), ("subprocess", "check_output")):
        monkeypatch.setattr(f"{module}.{name}", ran)


@pytest.mark.capability("A17")
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("column", ["checkpoint", "write"])
async def test_a_hostile_row_is_refused_and_located(
    store: SqliteStore, path: Path, no_code_runs: None, name: str, column: str
) -> None:
    kind, body, message = HOSTILE[name]
    config = await put_checkpoint(store.saver, place(namespace="node:1"))
    await put_result(store.saver, config, "a")
    table, value = ("checkpoints", "checkpoint") if column == "checkpoint" else ("writes", "value")
    foreign = sqlite3.connect(path)
    foreign.execute(f"UPDATE {table} SET type = ?, {value} = ?", (kind, body))
    foreign.commit()
    foreign.close()

    async def listed() -> Any:
        return [each async for each in store.saver.alist(place(namespace="node:1"))]

    reads: list[Callable[[], Any]] = [
        lambda: store.saver.aget_tuple(place(namespace="node:1")),
        lambda: store.saver.saved("e1", "node:1"),
        listed,
    ]
    for read in reads:
        with pytest.raises(CorruptStateError, match=message) as caught:
            await read()
        assert str(caught.value).startswith("The kept state of execution 'e1', namespace 'node:1' was refused: a value")
        assert "wrote this row: look who can write the file" in str(caught.value)
        assert caught.value.details == {"thread": "e1", "namespace": "node:1"}


async def test_a_hostile_ancestor_is_refused_too(store: SqliteStore, path: Path) -> None:
    config = await put_checkpoint(store.saver, place())
    child = await put_checkpoint(store.saver, config)
    foreign = sqlite3.connect(path)
    foreign.execute("UPDATE checkpoints SET checkpoint = ?", (ext(0, "os", "system", "true"),))
    foreign.commit()
    foreign.close()
    with pytest.raises(CorruptStateError, match="The kept state of execution 'e1' was refused"):
        await store.saver.aget_delta_channel_history(config=child, channels=["x"])


SAFE: list[Any] = [
    None,
    b"raw",
    {"text": "ü", "n": [1, 2.5, True, None], "deep": {"a": {"b": []}}},
    Send("node", {"name": "a"}),
    [Send("node", {"inner": Send("other", 1)})],
    Interrupt({"ask": "?"}, id="i1"),
    Command(resume={"i1": "yes"}, goto=["node"]),
    datetime(2026, 1, 1, tzinfo=UTC),
    timedelta(days=1, seconds=2),
    time(1, 2, 3),
    timezone(timedelta(hours=2)),
    UUID(int=5),
    Decimal("1.10"),
    {"set": {1, 2}, "path": Path("/a/b")},
    [HumanMessage("hi", id="m1"), AIMessage("yes", id="m2", tool_calls=[{"name": "t", "args": {}, "id": "c"}])],
]


@pytest.mark.parametrize("value", SAFE, ids=repr)
def test_what_langgraph_calls_safe_comes_back(value: Any) -> None:
    serializer = StrictSerializer()
    assert serializer.loads_typed(serializer.dumps_typed(value)) == value


def test_a_whole_checkpoint_comes_back() -> None:
    serializer = StrictSerializer()
    checkpoint = empty_checkpoint()
    assert serializer.loads_typed(serializer.dumps_typed(checkpoint)) == checkpoint
    assert serializer.loads_typed(("json", b'{"a": [1, {"lc": 1}]}')) == {"a": [1, {"lc": 1}]}
    assert serializer.loads_typed(("bytearray", b"x")) == bytearray(b"x")


def test_types_that_a_graph_declares_can_be_allowed() -> None:
    strict = StrictSerializer()
    kept = strict.dumps_typed({"order": Order(7)})
    with pytest.raises(CorruptStateError, match=r"wants to become a .*test_serializer\.Order, which is not allowed"):
        strict.loads_typed(kept)
    wider = strict.with_msgpack_allowlist([Order])
    assert wider.loads_typed(kept) == {"order": Order(7)}
    assert wider.with_msgpack_allowlist([Order, ("datetime", "datetime")]) is wider
    with pytest.raises(CorruptStateError):
        strict.loads_typed(kept)


async def test_a_graph_of_a_users_own_is_told_at_once_what_cannot_be_kept(store: SqliteStore) -> None:
    """Written now and refused when it is read, its thread could never go on."""
    with pytest.raises(StoreError) as caught:
        await put_checkpoint(store.saver, place(), order=[Order(7)])
    name = f"{Order.__module__}.Order"
    assert str(caught.value) == (
        f"The state of a graph holds a {name}, which cannot be kept. "
        "Declare the type in the graph's state schema, or keep plain JSON values."
    )
    config = await put_checkpoint(store.saver, place(), order=[7])
    with pytest.raises(StoreError, match="which cannot be kept"):
        await store.saver.aput_writes(config, [("order", Order(7))], "t1")
    wider = store.saver.with_allowlist([(Order.__module__, "Order")])
    await wider.aput_writes(config, [("order", Order(7))], "t1")
    found = await wider.aget_tuple(place())
    assert found and found.pending_writes == [("t1", "order", Order(7))]
