"""Rows that somebody has edited in the file: nothing in them is run, whoever goes on from them is told, and all others
go on (A17)."""

import sqlite3
from pathlib import Path

import ormsgpack
import pytest

from tests.support.gateway.calls import publish, start
from tests.support.gateway.definitions import asks, workflow
from tests.support.gateway.people import caller
from tests.support.gateway.serving import GRAPHS, serving

pytestmark = pytest.mark.capability("O21")


def hostile(mark: Path) -> tuple[str, bytes]:
    """A msgpack extension as LangGraph's own serializer would carry it out: touch a file."""
    call = ormsgpack.packb(["os", "system", f"touch '{mark}'"])
    return "msgpack", ormsgpack.packb({"channel_values": {"x": ormsgpack.Ext(0, call)}})


async def test_an_execution_whose_state_was_edited_is_put_aside_and_others_go_on(tmp_path: Path) -> None:
    database, mark = tmp_path / "baton.db", tmp_path / "run by the row"
    async with serving(database, config=GRAPHS) as served, caller(served.url) as client:
        await publish(client, workflow("w", asks()))
        bad, good = [(await start(client, workflow="w"))["id"] for _ in range(2)]
        for execution in (bad, good):
            await served.gateway.orchestrator.wait(execution, until="rest")
        await client.post("/threads", json={"thread_id": "t"})
        await client.post("/threads/t/runs/wait", json={"assistant_id": "ask", "input": {"text": "x"}})
    with sqlite3.connect(database) as db:
        for where in (bad, "t"):
            db.execute("UPDATE checkpoints SET type = ?, checkpoint = ? WHERE thread_id = ?", (*hostile(mark), where))
    async with serving(database, config=GRAPHS) as served, caller(served.url) as client:
        for execution in (bad, good):
            digest = (await client.get(f"/v1/approvals/{execution}/ask")).json()["digest"]
            body = {"decision": "approve", "digest": digest}
            assert (await client.post(f"/v1/approvals/{execution}/ask/decide", json=body)).status_code == 200
        await served.gateway.orchestrator.wait(good)
        assert (await client.get(f"/v1/executions/{good}")).json()["execution"]["status"] == "completed"
        records = (await client.get(f"/v1/executions/{bad}/records")).json()["records"]
        [failed] = [each["data"] for each in records if each["kind"] == "drive.failed"]
        assert failed["code"] == "corrupt_state"
        assert "wants to become a os.system, which is not allowed" in failed["message"]
        for path in ("/threads/t/state", "/threads/t/history"):
            refused = await client.get(path)
            assert (refused.status_code, refused.json()["code"]) == (500, "corrupt_state")
        body = {"assistant_id": "ask", "command": {"resume": "x"}}
        ended = (await client.post("/threads/t/runs/wait", json=body)).json()["__error__"]
        assert (ended["error"], ended["thread"]) == ("corrupt_state", "t")
        [run, *_] = (await client.get("/threads/t/runs")).json()
        assert run["status"] == "error"
        again = {"assistant_id": "ask", "input": {"text": "x"}}
        assert "__interrupt__" in (await client.post("/runs/wait", json=again)).json()
    assert not mark.exists()
