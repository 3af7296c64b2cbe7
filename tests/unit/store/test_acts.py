"""Acts: what somebody does and the entry that tells of it are kept together, or neither is."""

import asyncio
import sqlite3
from typing import Any

import pytest

from graphs.errors import NotFoundError, StoreError
from orchestrator.store.acts import Act, about, nobodys
from orchestrator.store.port import AuditEntry, AuditFilter
from orchestrator.store.served.values import Thread
from orchestrator.store.sqlite import SqliteStore
from orchestrator.store.standing import Thing
from tests.unit.store.support import START

pytestmark = pytest.mark.capability("O08")


def thread(thread_id: str) -> Thread:
    return Thread(id=thread_id, tenant="acme", created_at=START, updated_at=START, state_updated_at=START)


def act(**named: Any) -> Act:
    def entry(thing: Thing) -> AuditEntry:
        return AuditEntry(at=START, tenant="acme", actor="ann", action="act", target=" ".join(thing.values()))

    return Act(entry, named)


async def trail(store: SqliteStore) -> list[tuple[str | None, bool, bool]]:
    """On what, and whether there was something before and after."""
    entries = await store.audit(AuditFilter())
    return [(one.target, one.detail["before"] is not None, one.detail["after"] is not None) for one in entries]


async def test_the_entry_is_in_the_transaction_of_the_change(store: SqliteStore) -> None:
    doing = act(thread_id="t")
    with doing.under_way():
        await store.create_thread(thread("t"))
        await store.change_thread("t", "acme", {}, metadata={"a": 1})
    assert doing.told
    assert await trail(store) == [("t", False, True), ("t", True, True)]
    assert (await store.verify_audit()).ok


async def test_what_is_refused_or_changes_nothing_is_not_told(store: SqliteStore) -> None:
    doing = act(thread_id="t")
    with doing.under_way():
        with pytest.raises(NotFoundError):
            await store.change_thread("t", "acme", {"status": "busy"})
        await store.barrier()
    assert not doing.told
    assert await trail(store) == []


async def test_what_cannot_be_kept_leaves_no_entry(store: SqliteStore) -> None:
    await store.create_thread(thread("t"))

    def breaks(db: sqlite3.Connection) -> None:
        db.execute("UPDATE threads SET status = 'busy'")
        db.execute("INSERT INTO nothing VALUES (1)")

    with act(thread_id="t").under_way(), pytest.raises(StoreError):
        await store._writer.submit(breaks)
    assert await trail(store) == []
    kept = store.thread("t", "acme")
    assert kept is not None
    assert kept.status == "idle"


async def test_others_are_not_told_of(store: SqliteStore) -> None:
    """Neither what goes on behind an act, nor a task that it set going, nor what it is not about."""
    for name in ("t", "u"):
        await store.create_thread(thread(name))

    async def goes_on() -> None:
        nobodys()
        await store.change_thread("t", "acme", {"status": "busy"})

    doing = act(thread_id="t")
    with doing.under_way():
        await asyncio.create_task(goes_on())
        await store.change_thread("u", "acme", {"status": "busy"})
        doing.ends()
        await store.change_thread("t", "acme", {"status": "idle"})
    await store.change_thread("t", "acme", {"status": "error"})
    assert await trail(store) == []


async def test_several_things_in_one_transaction_are_told_each(store: SqliteStore) -> None:
    for name in ("t", "u", "v"):
        await store.create_thread(thread(name))
    with act().under_way():
        about({"thread_id": "t"}, {"thread_id": "u"}, {"thread_id": "v"})
        await store._writer.submit([("UPDATE threads SET status = 'busy' WHERE id IN ('t', 'v')", ())])
    assert await trail(store) == [("t", True, True), ("v", True, True)]
