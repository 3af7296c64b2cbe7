"""Answers through runs: kept with their run or not at all, and bound to what was shown."""

from typing import Any

import httpx
import pytest

from graphs.spec import Workflow
from tests.integration.gateway.test_workflow_threads import value, workflow
from tests.support.gateway.serving import Served


def ask(name: str, *needs: str, **config: Any) -> dict[str, Any]:
    """A step that asks about what the step `make` made, or about nothing."""
    payload = {"payload": {"made": "{{ steps.make.output.made }}"}} if needs else {}
    return {
        "name": name,
        "type": "approval",
        "depends_on": list(needs),
        "config": {"message": "?", **payload, **config},
    }


SCHEMA = {"type": "object", "properties": {"amount": {"type": "number", "maximum": 9}}}
TWO = workflow("two", [ask("left"), ask("right", allow=["edit", "reject"], schema=SCHEMA)])
MADE = workflow("freshly", [value("make", made="{{ now() }}"), ask("ask", "make")])


@pytest.fixture(autouse=True)
async def published(served: Served) -> None:
    """The workflows of these tests."""
    for each in (TWO, MADE):
        await served.gateway.orchestrator.publish(each)


async def asked(http: httpx.AsyncClient, of: Workflow, thread: str) -> list[Any]:
    """Start it on a thread; what it asks."""
    body = {"assistant_id": of.name, "input": {}, "if_not_exists": "create"}
    left: Any = (await http.post(f"/threads/{thread}/runs/wait", json=body)).json()
    assert "__interrupt__" in left, left
    asks: list[Any] = left["__interrupt__"]
    return asks


async def answer(
    http: httpx.AsyncClient, of: Workflow, thread: str, resume: Any, **more: Any
) -> tuple[int, str | None]:
    """Answer; the status, and the code of an error."""
    body = {"assistant_id": of.name, "command": {"resume": resume}, **more}
    said = await http.post(f"/threads/{thread}/runs/wait", json=body)
    return said.status_code, said.json().get("code")


async def open_at(served: Served, thread: str) -> list[str]:
    """Where an execution waits for a decision."""
    waits = await served.gateway.orchestrator.waits(thread)
    return [wait.path for wait in waits if wait.wait.kind == "approval"]


async def decided(http: httpx.AsyncClient, thread: str) -> list[str]:
    """What the history says of decisions."""
    records = (await http.get(f"/v1/executions/{thread}/records")).json()["records"]
    return [each["kind"] for each in records if each["kind"].startswith("approval.")]


async def test_a_run_that_is_refused_because_the_thread_is_busy_leaves_no_decision(
    http: httpx.AsyncClient, served: Served
) -> None:
    await asked(http, MADE, "b")
    later = await http.post("/threads/b/runs", json={"assistant_id": MADE.name, "after_seconds": 3600})
    assert later.status_code == 200
    assert await answer(http, MADE, "b", "approve", multitask_strategy="reject") == (409, "thread_busy")
    assert (await open_at(served, "b"), await decided(http, "b")) == (["ask"], [])
    assert len((await http.get("/threads/b/runs")).json()) == 2


async def test_of_several_answers_all_are_kept_or_none(http: httpx.AsyncClient, served: Served) -> None:
    ids = {each["value"]["path"]: each["id"] for each in await asked(http, TWO, "t")}
    edit = {"decision": "edit", "data": {"amount": 10}}
    both = {ids["left"]: "approve", ids["right"]: edit}
    assert (await answer(http, TWO, "t", both))[0] == 422
    assert (await open_at(served, "t"), await decided(http, "t")) == (["left", "right"], [])
    assert len((await http.get("/threads/t/runs")).json()) == 1
    assert (await http.get("/threads/t")).json()["status"] == "interrupted"
    edit["data"] = {"amount": 9}
    assert await answer(http, TWO, "t", both) == (200, None)
    assert await decided(http, "t") == ["approval.decided", "approval.decided"]


async def test_an_answer_by_id_is_bound_to_what_was_shown(http: httpx.AsyncClient, served: Served) -> None:
    [old] = await asked(http, MADE, "m")
    await served.gateway.orchestrator.retry("m", from_step="make", again=True)
    await served.gateway.orchestrator.wait("m", until="rest")
    [new] = (await http.get("/threads/m/state")).json()["interrupts"]
    shown = [each["value"]["action_request"]["args"] for each in (old, new)]
    assert (new["value"]["path"], shown[0] == shown[1], old["id"] == new["id"]) == ("ask", False, False)
    assert await answer(http, MADE, "m", {old["id"]: "approve"}) == (409, "no_longer_asked")
    for stale in (
        {"decision": "approve", "digest": old["value"]["digest"]},
        {"decisions": [{"type": "approve"}], "digest": old["value"]["digest"]},
        [{"type": "accept", "args": None, "digest": old["value"]["digest"]}],
    ):
        assert await answer(http, MADE, "m", stale) == (409, "approval_changed")
    assert (await open_at(served, "m"), len((await http.get("/threads/m/runs")).json())) == (["ask"], 1)
    fresh = {new["id"]: {"decision": "approve", "digest": new["value"]["digest"]}}
    assert await answer(http, MADE, "m", fresh) == (200, None)


async def test_who_answers_by_id_what_was_answered_hears_who_won(http: httpx.AsyncClient, served: Served) -> None:
    ids = {each["value"]["path"]: each["id"] for each in await asked(http, TWO, "w")}
    await served.gateway.orchestrator.decide("w", "left", "approve", by="ben")
    body = {"assistant_id": "two", "command": {"resume": {ids["left"]: "reject"}}}
    late = (await http.post("/threads/w/runs", json=body)).json()
    assert (late["status"], late["code"], late["by"]) == (409, "wait_answered", "ben")
    assert await open_at(served, "w") == ["right"]


async def test_a_question_of_a_graph_that_is_not_asked_any_more_takes_no_answer_by_id(http: httpx.AsyncClient) -> None:
    body = {"assistant_id": "ask", "input": {"text": "x"}, "if_not_exists": "create"}
    [question] = (await http.post("/threads/g/runs/wait", json=body)).json()["__interrupt__"]
    by_id = {"assistant_id": "ask", "command": {"resume": {question["id"]: "yes"}}}
    assert (await http.post("/threads/g/runs/wait", json=by_id)).json()["said"] == ["answered: yes", "after"]
    late = await http.post("/threads/g/runs/wait", json=by_id)
    assert (late.status_code, late.json()["code"]) == (409, "no_longer_asked")


async def test_an_answer_with_the_checkpoint_where_its_client_stands_goes_back_to_nothing(
    http: httpx.AsyncClient,
) -> None:
    [question] = await asked(http, MADE, "c")
    state = (await http.get("/threads/c/state")).json()
    resume = {question["id"]: "approve"}
    assert await answer(http, MADE, "c", resume, checkpoint=state["checkpoint"]) == (200, None)
    records = (await http.get("/v1/executions/c/records")).json()["records"]
    assert "execution.rewound" not in [each["kind"] for each in records]


async def test_another_workflow_does_not_answer_for_one(http: httpx.AsyncClient) -> None:
    await asked(http, MADE, "o")
    assert await answer(http, TWO, "o", "approve") == (409, "thread_of_workflow")
