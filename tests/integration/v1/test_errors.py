"""Every code of an error is documented: the list is made from the code, and no answer has one that is not in it."""

from pathlib import Path

import httpx
import pytest

from api.error_codes import error_codes
from tests.support.gateway.codes import codes
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
    assert "List what there is: baton list." in listed["execution_not_found"]["hints"]
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
