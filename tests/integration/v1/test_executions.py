"""Executions under /v1, over real HTTP."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.support.gateway.calls import publish, start, until_rest
from tests.support.gateway.definitions import REFUND, announces, asks, awaits, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served, serving


@pytest.mark.capability("D22")
async def test_the_same_idempotency_key_gives_the_same_execution(client: httpx.AsyncClient) -> None:
    await publish(client, REFUND)
    body = {"workflow": "refund", "input": {"amount": 1}}
    first, *more = await asyncio.gather(
        *(client.post("/v1/executions", json=body, headers={"Idempotency-Key": "k"}) for _ in range(5))
    )
    assert {answer.json()["id"] for answer in (first, *more)} == {first.json()["id"]}
    assert sorted(answer.status_code for answer in (first, *more)) == [200, 200, 200, 200, 201]


async def test_a_start_that_does_not_fit_says_what_and_where(client: httpx.AsyncClient) -> None:
    await publish(client, REFUND)
    unfit = await client.post("/v1/executions", json={"workflow": "refund", "input": {"amount": "many"}})
    assert (unfit.status_code, unfit.json()["code"]) == (422, "input_invalid")
    unknown = await client.post("/v1/executions", json={"workflow": "refnd"})
    assert unknown.json()["detail"] == "No workflow 'refnd' is published. Did you mean 'refund'?"
    extra = await client.post("/v1/executions", json={"workflow": "refund", "inputs": {}})
    assert (extra.status_code, extra.json()["problems"][0]["where"]) == (422, "body.inputs")


@pytest.mark.capability("O03")
async def test_executions_are_listed_by_filters_and_pages(client: httpx.AsyncClient) -> None:
    await publish(client, workflow("a", asks()))
    await publish(client, workflow("b", asks()))
    ids = [(await start(client, workflow="ab"[index % 2]))["id"] for index in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        listed = (await client.get("/v1/executions", params={"limit": 2, **cursor})).json()
        seen += [one["id"] for one in listed["executions"]]
        if listed["next"] is None:
            break
        cursor = {"cursor": listed["next"]}
    assert seen == ids[::-1]
    only_b = (await client.get("/v1/executions", params={"workflow": "b"})).json()["executions"]
    assert {one["id"] for one in only_b} == set(ids[1::2])
    assert (await client.get("/v1/executions", params={"status": "completed"})).json()["executions"] == []
    assert (await client.get("/v1/executions", params={"status": "nonsense"})).status_code == 422
    assert (await client.get("/v1/executions", params={"cursor": "nowhere"})).status_code == 404


@pytest.mark.parametrize("number", ["2026", "1795276380", "-1.5"])
async def test_a_number_is_no_time(client: httpx.AsyncClient, number: str) -> None:
    refused = await client.get("/v1/executions", params={"since": number})
    assert (refused.status_code, refused.json()["code"]) == (422, "request_invalid")
    assert "a time is written like 2026-11-21T09:30:00Z" in refused.json()["detail"]
    assert (await client.get("/v1/executions", params={"since": "2026-11-21"})).status_code == 200


async def test_cancel_retry_fork_compare(served: Served, client: httpx.AsyncClient) -> None:
    await publish(client, REFUND)
    first = (await start(client, workflow="refund", input={"amount": 1}))["id"]
    await until_rest(served, first)
    cancelled = await client.post(f"/v1/executions/{first}/cancel", json={"reason": "twice"})
    assert (cancelled.status_code, cancelled.json()["cancel_requested"]["reason"]) == (202, "twice")
    await served.gateway.orchestrator.wait(first)
    late = await client.post(f"/v1/executions/{first}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "execution_ended")

    retried = await client.post(f"/v1/executions/{first}/retry", json={"from": "ask"})
    assert retried.status_code == 202
    await until_rest(served, first)
    forked = await client.post(f"/v1/executions/{first}/fork", json={"at": "ask", "input": {"amount": 7}})
    assert (forked.status_code, forked.json()["parent"], forked.json()["input"]) == (201, first, {"amount": 7})
    second = forked.json()["id"]
    await until_rest(served, second)
    compared = (await client.get(f"/v1/executions/{first}/compare/{second}")).json()
    assert compared["facts"]["input"] == {"left": {"amount": 1}, "right": {"amount": 7}}
    assert [fork["id"] for fork in (await client.get(f"/v1/executions/{first}")).json()["forks"]] == [second]
    replayed = await client.post(f"/v1/executions/{first}/replay", json={"from": "ask"})
    assert (replayed.status_code, replayed.json()["parent"], replayed.json()["forked_at"]) == (201, first, "ask")
    await until_rest(served, replayed.json()["id"])
    pointless = await client.post(f"/v1/executions/{first}/replay", json={"from": "ask", "model": "scripted:echo"})
    assert (pointless.status_code, pointless.json()["code"]) == (422, "replay_no_agent")
    unknown = await client.post(f"/v1/executions/{first}/retry", json={"from": "nowhere"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "step_not_found")


async def test_two_executions_are_compared_step_by_step(served: Served, client: httpx.AsyncClient) -> None:
    await publish(client, workflow("w", announces("say", "said", word="{{ input.word }}"), announces("end", "ended")))
    ids = []
    for word in ("one", "two"):
        ids.append((await start(client, workflow="w", input={"word": word}))["id"])
        await served.gateway.orchestrator.wait(ids[-1])
    compared = (await client.get(f"/v1/executions/{ids[0]}/compare/{ids[1]}")).json()
    assert set(compared["facts"]) >= {"input"}
    assert {step["path"]: step["only"] for step in compared["steps"]} == {"say": None, "end": None}


# -- records -------------------------------------------------------------------------------------------------------


async def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    """Everything an event stream says until it ends."""
    found, event = [], {}
    async for line in response.aiter_lines():
        if not line:
            if event:
                found.append(event)
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = orjson.loads(value) if name == "data" else value
    return found


@pytest.mark.capability("O01", "O02")
async def test_records_are_streamed_until_the_end_and_a_reconnect_misses_none(
    served: Served, client: httpx.AsyncClient
) -> None:
    await publish(client, REFUND)
    execution_id = (await start(client, workflow="refund", input={"amount": 20}))["id"]
    where = f"/v1/executions/{execution_id}/records"
    wanted = {"accept": "text/event-stream"}

    async def listen(**more: str) -> list[dict[str, Any]]:
        async with client.stream("GET", where, headers=wanted | more) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            return await events_of(response)

    listening = asyncio.create_task(listen())
    await until_rest(served, execution_id)
    await served.gateway.orchestrator.decide(execution_id, "ask", "approve", by="ann")
    whole = await asyncio.wait_for(listening, 60)
    kinds = [event["event"] for event in whole]
    assert kinds[-2:] == ["execution.completed", "end"]
    assert kinds.index("approval.decided") < kinds.index("execution.completed")

    kept = [event for event in whole if "id" in event]
    assert [int(event["id"]) for event in kept] == sorted(int(event["id"]) for event in kept)
    stored = (await client.get(where, params={"limit": 1000})).json()["records"]
    assert [str(record["seq"]) for record in stored] == [event["id"] for event in kept]

    middle = kept[len(kept) // 2]
    rest = await asyncio.wait_for(listen(**{"Last-Event-ID": middle["id"]}), 60)
    assert [event["id"] for event in rest if "id" in event] == [event["id"] for event in kept[len(kept) // 2 + 1 :]]


async def test_what_another_process_decides_is_streamed_too(
    served: Served, client: httpx.AsyncClient, tmp_path: Any
) -> None:
    from orchestrator.engine import Orchestrator
    from orchestrator.settings import Settings

    await publish(client, REFUND)
    execution_id = (await start(client, workflow="refund", input={"amount": 20}))["id"]
    await until_rest(served, execution_id)
    async with client.stream(
        "GET", f"/v1/executions/{execution_id}/records", headers={"accept": "text/event-stream"}
    ) as response:
        async with Orchestrator.open(Settings(database=tmp_path / "baton.db"), drive=False) as other:
            await other.decide(execution_id, "ask", "approve", by="ben")
        events = await asyncio.wait_for(events_of(response), 60)
    assert "approval.decided" in [event["event"] for event in events]
    assert events[-1]["data"] == {"status": "completed"}


async def test_records_come_in_pages(served: Served, client: httpx.AsyncClient) -> None:
    await publish(client, REFUND)
    execution_id = (await start(client, workflow="refund", input={"amount": 20}))["id"]
    await until_rest(served, execution_id)
    where = f"/v1/executions/{execution_id}/records"
    first = (await client.get(where, params={"limit": 1})).json()
    assert len(first["records"]) == 1
    second = (await client.get(where, params={"after": first["next"]})).json()
    assert second["records"][0]["seq"] > first["records"][0]["seq"]


@pytest.mark.parametrize("wrong", ["x", "-1", "1.5", "9" * 40, "٣"])
async def test_a_last_event_id_that_is_none_is_refused(served: Served, client: httpx.AsyncClient, wrong: str) -> None:
    await publish(client, REFUND)
    execution_id = (await start(client, workflow="refund", input={"amount": 20}))["id"]
    headers = {"accept": "text/event-stream", "Last-Event-ID": wrong.encode()}
    answer = await client.get(f"/v1/executions/{execution_id}/records", headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (422, "last_event_id_wrong")


# -- events --------------------------------------------------------------------------------------------------------


@pytest.mark.capability("I04", "X07")
async def test_an_event_answers_what_waits_and_is_kept_when_it_comes_early(
    served: Served, client: httpx.AsyncClient
) -> None:
    await publish(client, workflow("w", awaits("paid", "order.paid", key="A-1")))
    first = (await start(client, workflow="w"))["id"]
    await until_rest(served, first)
    body = {"type": "order.paid", "id": "evt_1", "key": "A-1", "data": {"amount": 3}}
    published = (await client.post("/v1/events", json=body)).json()
    assert published["matched"] == [{"execution_id": first, "path": "paid"}]
    assert published["repeated"] is False
    repeated = (await client.post("/v1/events", json=body)).json()
    assert (repeated["repeated"], repeated["id"]) == (True, published["id"])
    done = await served.gateway.orchestrator.wait(first)
    assert done.status == "completed"


async def test_an_event_with_an_id_counts_once(client: httpx.AsyncClient) -> None:
    body = {"type": "t", "id": "evt_1", "data": {}}
    first = (await client.post("/v1/events", json=body)).json()
    assert (first["id"], first["repeated"]) == ("evt_1", False)
    assert (await client.post("/v1/events", json=body)).json()["repeated"] is True


async def test_health_and_readiness(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/health")).json() == {"status": "ok"}
    assert (await client.get("/v1/ready")).json() == {"status": "ready"}


# -- holding, ending, dead letters ---------------------------------------------------------------------------------


async def test_an_execution_is_held_and_goes_on(served: Served, client: httpx.AsyncClient) -> None:
    await publish(client, REFUND)
    execution_id = (await start(client, workflow="refund", input={"amount": 20}))["id"]
    await until_rest(served, execution_id)
    paused = await client.post(f"/v1/executions/{execution_id}/pause", json={"reason": "look first"})
    assert (paused.status_code, paused.json()["pause_requested"]["reason"]) == (202, "look first")
    await served.gateway.orchestrator.decide(execution_id, "ask", "approve", by="ann")
    assert (await client.get(f"/v1/executions/{execution_id}")).json()["execution"]["status"] == "paused"
    going = await client.post(f"/v1/executions/{execution_id}/continue", json={"reason": "it is well"})
    assert going.status_code == 202
    records = await served.gateway.orchestrator.records(execution_id)
    (record,) = [one for one in records if one.kind == "execution.continued"]
    assert (record.data["by"], record.data["reason"]) == (paused.json()["pause_requested"]["by"], "it is well")
    assert (await served.gateway.orchestrator.wait(execution_id)).status == "completed"
    late = await client.post(f"/v1/executions/{execution_id}/continue")
    assert late.status_code == 409


async def test_an_execution_is_ended_at_once(served: Served, client: httpx.AsyncClient) -> None:
    await publish(client, REFUND)
    execution_id = (await start(client, workflow="refund", input={"amount": 20}))["id"]
    await until_rest(served, execution_id)
    assert (await client.post(f"/v1/executions/{execution_id}/terminate", json={"reason": "now"})).status_code == 202
    assert (await served.gateway.orchestrator.wait(execution_id)).status == "cancelled"


@pytest.mark.capability("E22")
async def test_what_failed_for_good_is_listed_tried_again_and_closed(served: Served, client: httpx.AsyncClient) -> None:
    sweep = announces("sweep", "swept", share="{{ 1 / input.left }}")
    await publish(client, workflow("doomed", announces("go", "gone"), **{"finally": [sweep]}))
    execution_id = (await start(client, workflow="doomed", input={"left": 0}))["id"]
    await served.gateway.orchestrator.wait(execution_id)
    [letter] = (await client.get("/v1/dead-letters")).json()["dead_letters"]
    assert (letter["execution_id"], letter["kind"], letter["status"]) == (execution_id, "finally", "open")
    again = await client.post(f"/v1/dead-letters/{letter['id']}/redrive")
    assert (again.status_code, again.json()["status"]) == (202, "redriven")
    await served.gateway.orchestrator.wait(execution_id)
    [newer] = (await client.get("/v1/dead-letters")).json()["dead_letters"]
    refused = await client.post(f"/v1/dead-letters/{newer['id']}/discard", json={"compensate": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_undoable")
    closed = await client.post(f"/v1/dead-letters/{newer['id']}/discard", json={"note": "done by hand"})
    assert (closed.status_code, closed.json()["note"]) == (200, "done by hand")
    twice = await client.post(f"/v1/dead-letters/{newer['id']}/discard")
    assert (twice.status_code, twice.json()["code"]) == (409, "dead_letter_closed")
    whole = (await client.get("/v1/dead-letters", params={"status": "all", "limit": 1})).json()
    assert len(whole["dead_letters"]) == 1
    rest = (await client.get("/v1/dead-letters", params={"status": "all", "cursor": whole["next"]})).json()
    assert [one["id"] for one in rest["dead_letters"]] == [letter["id"]]


@pytest.mark.capability("E22")
async def test_what_failed_is_edited_and_tried_again(served: Served, client: httpx.AsyncClient) -> None:
    """One by one, or many that are alike; the story tells the input and what happened."""
    await publish(client, workflow("fragile", announces("go", "gone", share="{{ 1 / input.left }}")))
    ids = [(await start(client, workflow="fragile", input={"left": 0}))["id"] for _ in range(2)]
    for execution_id in ids:
        await served.gateway.orchestrator.wait(execution_id)
    letters = (await client.get("/v1/dead-letters", params={"workflow": "fragile"})).json()["dead_letters"]
    assert [(one["kind"], one["path"]) for one in letters] == [("failure", "go")] * 2
    story = (await client.get(f"/v1/dead-letters/{letters[0]['id']}")).json()
    assert story["input"] == {"left": 0} and "step.failed" in {one["kind"] for one in story["history"]}
    unnamed = await client.post("/v1/dead-letters/redrive", json={})
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "letters_unnamed")
    for letter in letters:
        edited = await client.put(f"/v1/dead-letters/{letter['id']}/edit", json={"input": {"left": 2}})
        assert (edited.status_code, edited.json()["edit"]["input"]) == (200, {"left": 2})
    again = await client.post("/v1/dead-letters/redrive", json={"all": True, "workflow": "fragile"})
    assert (again.status_code, sorted(again.json()["executions"])) == (202, sorted(ids))
    for execution_id in ids:
        assert (await served.gateway.orchestrator.wait(execution_id)).status == "completed"
    assert (await client.get("/v1/dead-letters", params={"workflow": "fragile"})).json()["dead_letters"] == []


@pytest.mark.capability("E22", "E10")
async def test_what_is_given_up_is_undone_when_somebody_says_so(served: Served, client: httpx.AsyncClient) -> None:
    go = {**announces("go", "gone"), "compensate": announces("come_back", "back")}
    bad = {**announces("bad", "bad", n="{{ 1 / input.left }}"), "depends_on": ["go"]}
    never = {"responses": {category: {"compensate": "never"} for category in ("validation", "logic")}}
    await publish(client, workflow("stays", go, bad, config=never))
    execution_id = (await start(client, workflow="stays", input={"left": 0}))["id"]
    assert (await served.gateway.orchestrator.wait(execution_id)).status == "failed"
    [letter] = (await client.get("/v1/dead-letters")).json()["dead_letters"]
    closed = await client.post(f"/v1/dead-letters/{letter['id']}/discard", json={"compensate": True})
    assert (closed.status_code, closed.json()["status"]) == (200, "discarded")
    assert (await served.gateway.orchestrator.wait(execution_id)).status == "compensated"


@pytest.mark.capability("D03", "E10")
async def test_who_goes_back_is_told_what_has_cleaned_up(served: Served, client: httpx.AsyncClient) -> None:
    """Over steps that count as done, and are not made anew."""
    bad = {**announces("bad", "bad", n="{{ 1 / input.left }}"), "depends_on": ["go"]}
    swept = {"steps": [announces("sweep", "swept")]}
    await publish(client, workflow("sweeps", announces("go", "gone"), bad, compensation=swept))
    execution_id = (await start(client, workflow="sweeps", input={"left": 0}))["id"]
    assert (await served.gateway.orchestrator.wait(execution_id)).status == "compensated"
    for path, body in (("fork", {"from": "bad"}), ("retry", {"from": "bad"})):
        told = (await client.post(f"/v1/executions/{execution_id}/{path}", json=body)).json()
        assert (told["cleaned_up"], told["side_effects_again"]) == (["~compensation.sweep"], ["bad"]), path


@pytest.mark.capability("D03")
async def test_who_goes_back_is_told_what_acts_again(served: Served, client: httpx.AsyncClient) -> None:
    await publish(client, workflow("tells", announces("go", "gone")))
    execution_id = (await start(client, workflow="tells"))["id"]
    await served.gateway.orchestrator.wait(execution_id)
    forked = await client.post(f"/v1/executions/{execution_id}/fork", json={"at": "go"})
    assert (forked.status_code, forked.json()["side_effects_again"]) == (201, ["go"])
    retried = await client.post(f"/v1/executions/{execution_id}/retry", json={"from": "go"})
    assert (retried.status_code, retried.json()["side_effects_again"]) == (202, ["go"])
    assert (forked.json()["new_keys"], retried.json()["new_keys"]) == (True, False)
    assert forked.json()["cleaned_up"] == retried.json()["cleaned_up"] == []
    await served.gateway.orchestrator.wait(execution_id)
    edit = {"at": "go", "step_input": {"word": "edited"}, "input": {"n": 1}}
    retried = await client.post(f"/v1/executions/{execution_id}/retry", json=edit)
    assert (retried.status_code, retried.json()["generation"]) == (202, 1)
    told = (await client.get(f"/v1/executions/{execution_id}")).json()["execution"]
    assert (told["input"], told["changes"]) == ({"n": 1}, {"inputs": {"go": {"word": "edited"}}})
    assert retried.json()["new_keys"] is True
    pointless = {"at": "go", "model": "scripted:echo"}
    refused = await client.post(f"/v1/executions/{execution_id}/fork", json=pointless)
    assert (refused.status_code, refused.json()["code"]) == (422, "replay_no_agent")
    both = await client.post(f"/v1/executions/{execution_id}/fork", json={"at": "go", "from": "go"})
    assert (both.status_code, both.json()["problems"][0]["where"]) == (422, "body.at")
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    assert "from" in schemas["ForkBody"]["required"] and "from" in schemas["RetryBody"]["properties"]


@pytest.mark.capability("O21")
async def test_whoever_may_observe_sees_that_things_ran_and_none_of_their_values(
    client: httpx.AsyncClient, served: Served
) -> None:
    """Values stand in the input, in outputs, in what is asked, in metadata and in the message of an error."""
    share = announces("go", "gone", share="{{ 1 / input.left }}")
    await publish(client, workflow("w", asks(payload={"secret": "{{ input.mark }}"}), {**share, "depends_on": ["ask"]}))
    given = {"input": {"mark": "hush", "left": 0}, "metadata": {"about": "hush"}}
    execution = (await start(client, workflow="w", **given))["id"]
    await until_rest(served, execution)
    key = await make_key(served.gateway.orchestrator, "viewer", scopes=["observe"])
    async with caller(served.url, key) as observer:
        seen = (await observer.get(f"/v1/executions/{execution}")).json()
        assert (seen["execution"]["status"], seen["execution"]["input"]) == ("waiting", None)
        assert [(step["path"], step["status"]) for step in seen["steps"]] == [("ask", "waiting"), ("go", "pending")]
        assert [(wait["path"], wait["question"]) for wait in seen["waits"]] == [("ask", None)]
        await served.gateway.orchestrator.decide(execution, "ask", "approve", by="ann", reason="hush")
        await served.gateway.orchestrator.wait(execution)
        for path in ("", f"/{execution}", f"/{execution}/records", f"/{execution}/diagram"):
            answer = await observer.get(f"/v1/executions{path}")
            assert answer.status_code == 200 and "hush" not in answer.text, path
        [listed] = (await observer.get("/v1/executions")).json()["executions"]
        assert (listed["status"], list(listed["error"]), listed["metadata"]) == ("failed", ["code"], None)
        streamed = await observer.get(f"/v1/executions/{execution}/records", headers={"accept": "text/event-stream"})
        assert "event: execution.failed" in streamed.text and "hush" not in streamed.text
        [letter] = (await observer.get("/v1/dead-letters")).json()["dead_letters"]
        assert (letter["kind"], list(letter["error"])) == ("failure", ["code"])
        for path in ("/v1/approvals", f"/threads/{execution}", "/v1/triggers", f"/v1/dead-letters/{letter['id']}"):
            assert (await observer.get(path)).status_code == 403, path


PAY = """
from agents import Tools, tool


@tool(effect="irreversible")
def pay() -> int:
    "Pay."
    return 5


def resources():
    return [Tools([pay])]
"""


@pytest.mark.capability("E11")
async def test_what_is_left_standing_is_told(tmp_path: Path) -> None:
    """By `/v1`, and among the values that clients of langgraph-sdk read."""
    (tmp_path / "helpers.py").write_text(PAY)
    wrong = {
        "name": "wrong",
        "type": "validation",
        "depends_on": ["pay"],
        "config": {"validation_rules": [{"field": "x", "rule": "required"}]},
    }
    async with (
        serving(tmp_path / "baton.db", modules=(str(tmp_path / "helpers.py"),)) as served,
        caller(served.url) as client,
    ):
        await publish(client, workflow("pays", {"name": "pay", "type": "tool"}, wrong))
        key = (await start(client, workflow="pays"))["id"]
        await served.gateway.orchestrator.wait(key)
        told = (await client.get(f"/v1/executions/{key}")).json()
        state = (await client.get(f"/threads/{key}/state")).json()
    standing = {"path": "pay", "reason": "irreversible", "tool": "pay", "idempotency_key": f"{key}:pay:0"}
    assert (told["execution"]["status"], told["left_standing"]) == ("failed", [standing])
    assert state["values"]["left_standing"] == [standing]
