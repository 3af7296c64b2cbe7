"""The audit trail: what it says, and that nobody can touch it unnoticed."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from api import chat, v1, wire
from api.mcp.route import router as mcp_router
from api.security.custom import acts_of
from api.security.door import Door
from api.security.needs import declared
from api.security.noting import Noting
from graphs.clock import SystemClock
from orchestrator.store.port import AuditEntry, AuditFilter
from orchestrator.store.sqlite import SqliteStore
from orchestrator.store.standing import thing_named
from tests.support.gateway.calls import publish, start, until_rest
from tests.support.gateway.definitions import asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("O08")


async def test_who_did_what_is_told_to_administrators_only(served: Served) -> None:
    baton = served.gateway.orchestrator
    admin = await make_key(baton, "admin", name="root")
    viewer = await make_key(baton, "viewer", name="eve")
    other = await make_key(baton, "admin", name="boss", tenant="other")
    async with caller(served.url, admin) as root, caller(served.url, viewer) as eve:
        await publish(root, workflow("w", asks()))
        execution_id = (await start(root, workflow="w"))["id"]
        await until_rest(served, execution_id)
        await eve.post(f"/v1/executions/{execution_id}/cancel")
        digest = (await root.get(f"/v1/approvals/{execution_id}/ask")).json()["digest"]
        body = {"decision": "approve", "digest": digest}
        await root.post(f"/v1/approvals/{execution_id}/ask/decide", json=body)
        await baton.store.barrier()
        entries = (await root.get("/v1/audit")).json()["entries"]
        told = [(one["actor"], one["action"], one["outcome"]) for one in entries]
        assert ("root", "POST /v1/workflows", "done") in told
        assert ("root", "POST /v1/executions", "done") in told
        assert ("eve", "POST /v1/executions/{execution_id}/cancel", "403") in told
        assert ("root", "approval.decided", "done") in told
        assert next(one for one in entries if one["action"] == "key.created")["detail"]["role"] == "admin"
        assert (await root.get("/v1/audit/verify")).json()["ok"] is True
        assert (await eve.get("/v1/audit")).status_code == 403
        await baton.store.barrier()
        hers = (await root.get("/v1/audit", params={"actor": "eve"})).json()["entries"]
        assert [one["action"].split(" ")[1] for one in hers] == ["/v1/executions/{execution_id}/cancel", "/v1/audit"]
    async with caller(served.url, other) as boss:
        theirs = (await boss.get("/v1/audit")).json()["entries"]
        assert [one["action"] for one in theirs] == ["key.created"]
        report = (await boss.get("/v1/audit/verify")).json()
        assert (report["ok"], report["rows"], report["head"]) == (True, 1, theirs[0]["hash"])


async def filled(path: Path) -> None:
    clock = SystemClock()
    async with SqliteStore.open(path, clock=clock) as store:
        for number in range(10):
            store.note(AuditEntry(at=clock.now(), tenant="default", actor="ann", action="act", target=str(number)))
        await store.barrier()


def freed(db: sqlite3.Connection) -> None:
    for trigger in ("audit_never_changes", "audit_never_shrinks"):
        db.execute(f"DROP TRIGGER {trigger}")


def edited(db: sqlite3.Connection) -> None:
    db.execute("UPDATE audit SET actor = 'ben' WHERE seq = 4")


def deleted(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM audit WHERE seq = 4")


def several_deleted(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM audit WHERE seq BETWEEN 4 AND 6")


def cut_off(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM audit WHERE seq >= 8")


def swapped(db: sqlite3.Connection) -> None:
    db.execute("UPDATE audit SET seq = 100 WHERE seq = 4")
    db.execute("UPDATE audit SET seq = 4 WHERE seq = 5")
    db.execute("UPDATE audit SET seq = 5 WHERE seq = 100")


def emptied(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM audit")


@pytest.mark.parametrize(
    ("tamper", "at", "reason"),
    [
        (edited, 4, "row 4 was changed"),
        (deleted, 4, "row 4 is gone"),
        (several_deleted, 4, "row 4 to 6 is gone"),
        (cut_off, 8, "rows from 8 on are gone"),
        (swapped, 4, "row 4 does not follow the row before it"),
        (emptied, 1, "rows from 1 on are gone"),
    ],
)
async def test_the_check_names_the_row_that_was_touched(
    tmp_path: Path, tamper: Callable[[sqlite3.Connection], None], at: int, reason: str
) -> None:
    path = tmp_path / "baton.db"
    await filled(path)
    with sqlite3.connect(path) as db:
        freed(db)
        tamper(db)
    db.close()
    async with SqliteStore.open(path, clock=SystemClock()) as store:
        report = await store.verify_audit()
    assert (report.ok, report.broken_at, report.reason) == (False, at, reason)


async def test_an_untouched_trail_holds_and_goes_on_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "baton.db"
    await filled(path)
    await filled(path)
    async with SqliteStore.open(path, clock=SystemClock()) as store:
        report = await store.verify_audit()
        entries = await store.audit(AuditFilter(after=15))
    assert (report.ok, report.rows) == (True, 20)
    assert [entry.seq for entry in entries] == [16, 17, 18, 19, 20]
    assert entries[-1].hash == report.head


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit WHERE seq = 1"])
async def test_the_file_itself_refuses_changes(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "baton.db"
    await filled(path)
    db = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="audit rows"):
        db.execute(statement)
    db.close()


async def test_a_trail_that_has_lost_its_end_does_not_use_its_numbers_again(tmp_path: Path) -> None:
    path = tmp_path / "baton.db"
    await filled(path)
    with sqlite3.connect(path) as db:
        freed(db)
        cut_off(db)
    db.close()
    await filled(path)
    async with SqliteStore.open(path, clock=SystemClock()) as store:
        report: Any = await store.verify_audit()
    assert (report.ok, report.broken_at) == (False, 8)


async def test_it_tells_how_things_stood_before_and_after_what_somebody_did(served: Served) -> None:
    baton = served.gateway.orchestrator
    async with caller(served.url, await make_key(baton, "admin", name="root", tenant="acme")) as root:

        async def said() -> list[tuple[str, str | None, str | None]]:
            await baton.store.barrier()
            entries = (await root.get("/v1/audit", params={"limit": 1000})).json()["entries"]
            return [(one["action"], one["detail"].get("before"), one["detail"].get("after")) for one in entries]

        thread = (await root.post("/threads", json={"thread_id": "t"})).json()["thread_id"]
        await root.patch(f"/threads/{thread}", json={"metadata": {"a": 1}})
        await root.get(f"/threads/{thread}")
        await root.patch(f"/threads/{thread}", json={"metadata": {"a": 2}})
        await root.delete(f"/threads/{thread}")
        made, first, second, gone = [one for one in await said() if "/threads" in one[0]]
        assert made[1] is None
        assert made[2] == first[1] != first[2] == second[1] != second[2] == gone[1]
        assert gone[2] is None
        assert str(made[2]).startswith("sha256:")

        await publish(root, workflow("w", asks()))
        execution_id = (await start(root, workflow="w", id="e"))["id"]
        await until_rest(served, baton.store.own_id(execution_id, "acme"))
        digest = (await root.get(f"/v1/approvals/{execution_id}/ask")).json()["digest"]
        body = {"decision": "approve", "digest": digest, "reason": "because"}
        assert (await root.post(f"/v1/approvals/{execution_id}/ask/decide", json=body)).status_code == 200
        await root.post("/v1/workflows/w/versions/1.0/deprecate")
        told = {action: (before, after) for action, before, after in await said()}
        assert told["POST /v1/executions"][0] is None
        assert told["approval.decided"][0] == f"sha256:{digest}"
        assert told["POST /v1/workflows"][1] == told["POST /v1/workflows/{name}/versions/{version}/deprecate"][0]
        for action in ("POST /v1/executions", "approval.decided", "POST /v1/approvals/{execution_id}/{path}/decide"):
            assert told[action][1] not in (None, told[action][0]), action
        assert told["key.created"][0] is None


def test_whoever_adds_a_route_that_names_no_thing_in_its_path_sees_to_what_is_told_of_it() -> None:
    """But for those that start runs, whose own history tells. `test_audited_acts` shows what is told of each."""
    unnamed = set()
    for router in (*wire.routers, *v1.routers, chat.router, mcp_router):
        for route in router.routes:
            verbs = (getattr(route, "methods", None) or set()) - {"GET", "HEAD"}
            if not isinstance(route, APIRoute) or not verbs:
                continue
            needed, what = tuple(declared(route.dependant)), next(acts_of(route.dependant), None)
            tells = Noting(Door, "", needed, what).tells  # type: ignore[arg-type]
            if tells and not thing_named(route.param_convertors):
                unnamed |= {f"{verb} {route.path}" for verb in verbs}
    assert unnamed == {
        "POST /assistants",
        "POST /runs/crons",
        "POST /threads",
        "POST /v1/executions",
        "POST /v1/webhook-targets",
        "POST /v1/webhooks",
        "POST /v1/workflows",
        "DELETE /store/items",
        "PUT /store/items",
        "POST /runs/cancel",
        "POST /threads/prune",
        "POST /v1/dead-letters/redrive",
        "POST /v1/events",
        "POST /v1/run-webhooks/secret",
        "POST /v1/run-webhooks/secret/rotate",
    }
