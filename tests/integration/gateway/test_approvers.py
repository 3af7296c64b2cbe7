"""Whoever may only decide answers what they are asked through the clients people have, and does nothing
else there."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.errors import PermissionDeniedError

from tests.integration.gateway.test_sockets import connected
from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("O21")

ASKS = workflow("asks", asks())
FINANCE = workflow("finance", asks(groups=["finance"]))
ANSWER = {"assistant_id": "asks", "command": {"resume": "approve"}}


@pytest.fixture
async def editor(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(served.url, await make_key(served.gateway.orchestrator, "editor")) as client:
        await publish(client, ASKS)
        await publish(client, FINANCE)
        yield client


@pytest.fixture
async def approver(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(served.url, await make_key(served.gateway.orchestrator, "approver", name="ann")) as client:
        yield client


async def asked(editor: httpx.AsyncClient, assistant: str = "asks") -> tuple[str, str]:
    """A thread on which something is asked, and the question's id."""
    thread = (await editor.post("/threads", json={})).json()["thread_id"]
    given = {"assistant_id": assistant, "input": {"text": "it"}}
    left = (await editor.post(f"/threads/{thread}/runs/wait", json=given)).json()
    return thread, left["__interrupt__"][0]["id"]


async def test_an_approver_finds_what_is_asked_and_answers_it_through_the_sdk(
    served: Served, editor: httpx.AsyncClient
) -> None:
    thread, question = await asked(editor)
    key = await make_key(served.gateway.orchestrator, "approver", name="ann")
    async with get_client(url=served.url, api_key=key) as ann:
        [found] = await ann.threads.search(status="interrupted")
        assert found["thread_id"] == thread
        state = await ann.threads.get_state(thread)
        assert [each["id"] for each in state["interrupts"]] == [question]
        [newest] = await ann.threads.get_history(thread)
        assert newest["checkpoint"] == state["checkpoint"]
        left: Any = await ann.runs.wait(thread, "asks", command={"resume": {question: {"decision": "approve"}}})
        assert left["status"] == "completed"
        with pytest.raises(PermissionDeniedError, match="needs the right 'run', which 'ann' does not have"):
            await ann.runs.create(thread, "asks", input={})
    [decided] = [entry for entry in (await _audit(served))["entries"] if entry["action"] == "approval.decided"]
    assert decided["actor"] == "ann"


async def _audit(served: Served) -> Any:
    async with caller(served.url, await make_key(served.gateway.orchestrator, "admin")) as admin:
        return (await admin.get("/v1/audit")).json()


async def test_each_way_to_run_takes_an_approvers_answer(
    editor: httpx.AsyncClient, approver: httpx.AsyncClient
) -> None:
    for way in ("", "/wait", "/stream"):
        thread, _ = await asked(editor)
        answer = await approver.post(f"/threads/{thread}/runs{way}", json={**ANSWER, "on_disconnect": "cancel"})
        assert answer.status_code == 200, way


MORE: list[dict[str, Any]] = [
    {"input": {"text": "another"}},
    {"config": {"configurable": {"x": 1}}},
    {"context": {"x": 1}},
    {"webhook": "https://hook.invalid"},
    {"after_seconds": 60},
    {"interrupt_before": "*"},
    {"interrupt_after": ["ask"]},
    {"multitask_strategy": "interrupt"},
    {"multitask_strategy": "rollback"},
    {"if_not_exists": "create"},
    {"command": {"resume": "approve", "goto": "ask"}},
    {"command": {"resume": "approve", "update": {"x": 1}}},
    {"command": {"goto": "ask"}},
    {"command": {"resume": None}},
    {"command": None},
    {"command": []},
]


async def test_an_approver_sends_nothing_more_than_an_answer(
    editor: httpx.AsyncClient, approver: httpx.AsyncClient
) -> None:
    thread, question = await asked(editor)
    for more in MORE:
        refused = await approver.post(f"/threads/{thread}/runs/wait", json={**ANSWER, **more})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), more
    left = (await editor.get(f"/threads/{thread}/state")).json()
    assert [each["id"] for each in left["interrupts"]] == [question]


async def test_what_is_not_an_approvers_to_decide_is_refused_and_leaves_no_run(
    editor: httpx.AsyncClient, approver: httpx.AsyncClient
) -> None:
    thread, _ = await asked(editor, "finance")
    refused = await approver.post(f"/threads/{thread}/runs", json={**ANSWER, "assistant_id": "finance"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_approval")
    assert len((await editor.get(f"/threads/{thread}/runs")).json()) == 1


async def test_where_nothing_is_asked_an_approver_starts_nothing(
    editor: httpx.AsyncClient, approver: httpx.AsyncClient
) -> None:
    thread, _ = await asked(editor)
    other = await approver.post(f"/threads/{thread}/runs", json={**ANSWER, "assistant_id": "echo"})
    assert (other.status_code, other.json()["code"]) == (403, "not_allowed")
    assert (await approver.post(f"/threads/{thread}/runs/wait", json=ANSWER)).json()["status"] == "completed"
    again = await approver.post(f"/threads/{thread}/runs", json=ANSWER)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_asked")
    empty = (await editor.post("/threads", json={"metadata": {"graph_id": "asks"}})).json()["thread_id"]
    nothing = await approver.post(f"/threads/{empty}/runs", json=ANSWER)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_asked")
    stateless = await approver.post("/runs", json=ANSWER)
    assert (stateless.status_code, stateless.json()["code"]) == (403, "not_allowed")


async def test_an_approver_answers_a_graph_as_it_stands_and_not_as_it_stood(
    editor: httpx.AsyncClient, approver: httpx.AsyncClient
) -> None:
    thread, _ = await asked(editor, "ask")
    states = (await editor.post(f"/threads/{thread}/history", json={})).json()
    newest, *_, oldest = [state["checkpoint"] for state in states]
    answer = {"assistant_id": "ask", "command": {"resume": "yes"}}
    past = await approver.post(f"/threads/{thread}/runs/wait", json={**answer, "checkpoint": oldest})
    assert (past.status_code, past.json()["code"]) == (403, "not_allowed")
    left = await approver.post(f"/threads/{thread}/runs/wait", json={**answer, "checkpoint": newest})
    assert left.json() == {}
    assert (await editor.get(f"/threads/{thread}/state")).json()["values"]["said"] == ["answered: yes", "after"]


async def test_an_approver_answers_on_the_event_protocol_and_starts_nothing_there(
    served: Served, editor: httpx.AsyncClient, approver: httpx.AsyncClient
) -> None:
    thread, question = await asked(editor)
    start = {"id": 1, "method": "run.start", "params": {"assistant_id": "echo", "input": {"text": "x"}}}
    refused = await approver.post(f"/threads/{thread}/commands", json=start)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    response = {"id": 1, "method": "input.respond", "params": {"interrupt_id": question, "response": "approve"}}
    assert (await approver.post(f"/threads/{thread}/commands", json=response)).json()["type"] == "success"
    thread, question = await asked(editor)
    key = await make_key(served.gateway.orchestrator, "approver")
    async with connected(served, thread, key) as raw:
        assert (await raw.do("run.start", **start["params"]))["error"] == "not_allowed"
        answered = await raw.do("input.respond", interrupt_id=question, response="approve")
        assert answered["type"] == "success"


async def test_who_only_looks_on_does_not_cut_a_run_off_by_leaving(served: Served, editor: httpx.AsyncClient) -> None:
    thread, _ = await asked(editor)
    [run] = (await editor.get(f"/threads/{thread}/runs")).json()
    async with caller(served.url, await make_key(served.gateway.orchestrator, "viewer")) as viewer:
        for way in ("join", "stream"):
            refused = await viewer.get(f"/threads/{thread}/runs/{run['run_id']}/{way}?cancel_on_disconnect=true")
            assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
            assert (await viewer.get(f"/threads/{thread}/runs/{run['run_id']}/{way}")).status_code == 200


async def test_what_an_answer_could_be_for_names_only_what_its_sender_may_see(
    served: Served, editor: httpx.AsyncClient
) -> None:
    """What others are asked is no question to them: neither is it named, nor does it make theirs ambiguous."""
    hidden = asks("hidden_from_ann", assignees=["ben"])
    both = workflow("both", asks("first", assignees=["ann"]), asks("other", assignees=["ann"]), hidden)
    one = workflow("one", asks("mine", assignees=["ann"]), hidden)
    await publish(editor, both)
    await publish(editor, one)
    ann, cleo = [await make_key(served.gateway.orchestrator, "approver", name=name) for name in ("ann", "cleo")]
    thread, _ = await asked(editor, "both")
    given = {"assistant_id": "both", "command": {"resume": "approve"}}
    async with caller(served.url, ann) as client:
        several = await client.post(f"/threads/{thread}/runs/wait", json=given)
        assert (several.status_code, several.json()["code"]) == (409, "several_asked")
        assert "first" in several.text and "other" in several.text and "hidden_from_ann" not in several.text
    everything = await editor.post(f"/threads/{thread}/runs/wait", json=given)
    assert "hidden_from_ann" in everything.text
    thread, _ = await asked(editor, "one")
    async with caller(served.url, cleo) as client:
        nothing = await client.post(f"/threads/{thread}/runs/wait", json={**given, "assistant_id": "one"})
        assert (nothing.status_code, nothing.json()["code"]) == (403, "not_your_approval")
        assert "hidden_from_ann" not in nothing.text and "mine" not in nothing.text
    async with caller(served.url, ann) as client:
        assert (await client.post(f"/threads/{thread}/runs/wait", json={**given, "assistant_id": "one"})).is_success
    waits = await served.gateway.orchestrator.waits(thread)
    assert [wait.path for wait in waits] == ["hidden_from_ann"]
