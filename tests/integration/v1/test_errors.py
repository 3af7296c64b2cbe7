"""Every code of an error is documented: the list is made from the code, and no answer has one that is not in it."""

import re
import sqlite3
from pathlib import Path
from unittest.mock import AsyncMock, patch

import httpx
import pytest

from api.error_codes import error_codes
from api.errors import document_of
from graphs.errors import EngineBusyError, StoreError
from orchestrator.store.connect import cannot_commit, cannot_open, cannot_read
from tests.support.gateway.calls import publish, start, until_rest
from tests.support.gateway.codes import codes
from tests.support.gateway.definitions import asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served, serving

JSON = {"content-type": "application/json"}


@pytest.mark.capability("E01")
def test_the_list_is_what_the_code_says() -> None:
    kept = {one["code"]: one["statuses"] for one in error_codes()}
    assert kept == {one["code"]: one["statuses"] for one in codes()}, (
        "make it anew: python -m tests.support.gateway.codes"
    )
    listed = {one["code"]: one for one in error_codes()}
    assert listed["execution_not_found"]["statuses"] == [404]
    assert listed["thread_busy"]["statuses"] == [409]
    assert "List what there is: GET /v1/executions." in listed["execution_not_found"]["hints"]
    assert listed["owner_not_allowed"]["says"] == ["The cron belongs to '<name>', who may start nothing now: <reason>"]
    assert listed["owner_not_allowed"]["hints"] == [
        "Let somebody who may change it (PATCH), which makes it theirs; or delete it."
    ]
    assert listed["json_lone_surrogate"]["statuses"] == [400]
    assert sum(bool(one["says"]) for one in error_codes()) > 0.85 * len(listed)


async def test_answers_have_no_other_codes(tmp_path: Path) -> None:
    known = {one["code"] for one in error_codes() if one["statuses"]}
    async with serving(tmp_path / "baton.db") as served:
        key = await make_key(served.gateway.orchestrator, "viewer")
        async with caller(served.url, key) as viewer, caller(served.url) as nobody:
            answers = [
                await nobody.get("/v1/executions"),
                await viewer.get("/nowhere"),
                await viewer.put("/v1/executions"),
                await viewer.post("/v1/executions", json={"workflow": "x"}),
                await viewer.get("/v1/executions/x"),
                await viewer.get("/v1/executions", params={"limit": "many"}),
                await viewer.get("/v1/approvals", params={"cursor": "?"}),
                await viewer.post(
                    "/threads/search", content=b'{"a": NaN}', headers={"content-type": "application/json"}
                ),
                await viewer.get("/v1/models/x"),
            ]
    codes = [answer.json()["code"] for answer in answers]
    assert len(set(codes)) == len(codes)
    assert set(codes) <= known


async def test_the_list_is_served(served: Served, client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/errors")).json()["errors"]
    assert listed == error_codes()


async def test_hints_name_requests_that_there_are(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    known = {(method.upper(), re.sub(r"{[^}]*}", "*", path)) for path, methods in paths.items() for method in methods}
    hints = {hint for one in error_codes() for hint in one["hints"]}
    named = [found for hint in hints for found in re.findall(r"(GET|POST|PUT|PATCH|DELETE) (/v1/[^\s,.?)]*)", hint)]
    assert len(named) > 10
    assert {(method, re.sub(r"<[^>]*>", "*", path)) for method, path in named} <= known
    commands = re.compile(r"baton (list|show|inbox|retry|continue|terminate|resume|dead-letters|workflows)\b")
    assert [hint for hint in hints if commands.search(hint)] == []


async def test_what_is_not_there_or_cannot_be_now_names_the_way_of_http(
    served: Served, client: httpx.AsyncClient
) -> None:
    gone = (await client.get("/v1/executions/nobody.v1")).json()
    assert gone["hint"] == "List what there is: GET /v1/executions."
    assert gone["detail"] == f"There is no execution 'nobody.v1'. {gone['hint']}"
    await publish(client, workflow("w", asks()))
    one = (await start(client, workflow="w", id="o.1"))["id"]
    await until_rest(served, one)
    held = (await client.post(f"/v1/executions/{one}/continue")).json()
    assert held["hint"] == "See what it does: GET /v1/executions/o.1."
    assert (await client.post(f"/v1/executions/{one}/terminate")).status_code == 202
    await served.gateway.orchestrator.wait(one)
    over = (await client.post(f"/v1/executions/{one}/cancel")).json()
    assert over["hint"] == ('To go on from one of its steps: POST /v1/executions/o.1/retry with {"from": "STEP"}.'), (
        over
    )
    nothing = (await client.get(f"/v1/approvals/{one}/elsewhere")).json()
    assert nothing["hint"] == "List what is open: GET /v1/approvals."
    assert (await client.get("/v1/dead-letters/77")).json()["hint"] == "List what there is: GET /v1/dead-letters."
    assert (await client.get("/v1/workflows/none")).json()["hint"].endswith("GET /v1/workflows.")


@pytest.mark.capability("A22")
async def test_no_answer_shows_a_path_of_the_machine(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "it's private"
    folder.mkdir()
    full = sqlite3.OperationalError("database or disk is full")
    async with serving(folder / "baton.db") as served, caller(served.url) as nobody:
        failing = AsyncMock(side_effect=cannot_commit(folder / "baton.db", full))
        with patch.object(served.gateway.orchestrator.store, "barrier", failing):
            answer = await nobody.get("/v1/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "commit_failed")
    assert answer.json()["detail"].startswith("The database 'baton.db' cannot be written: database or disk is full.")
    assert str(tmp_path) not in answer.text and "file" not in answer.json()
    assert str(folder / "baton.db") in caplog.text


def test_errors_of_commits_name_the_file_without_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "baton.db"
    full, lost = sqlite3.OperationalError("database or disk is full"), OSError(28, "No space", str(path))
    errors = [
        cannot_commit(path, full),
        cannot_commit(path, lost),
        cannot_read(path, full),
        cannot_open(tmp_path / "none" / "baton.db", full),
        EngineBusyError(f"'{path}' is driven by another engine: process 7.", file=str(path)),
        StoreError(f"The key file '{path}.key' cannot be read.", code="key_unreadable"),
    ]
    for error in errors:
        said = document_of(error, "/v1/executions")
        assert str(tmp_path) not in str(said), said
        assert "'baton.db" in said["detail"]
        assert "file" not in said
