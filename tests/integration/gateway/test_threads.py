"""Threads as langgraph-sdk makes, finds and changes them; state, history and going back."""

import asyncio
import uuid
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError


async def test_a_thread_is_made_found_changed_and_deleted(client: LangGraphClient) -> None:
    chosen = str(uuid.uuid4())
    thread = await client.threads.create(thread_id=chosen, metadata={"a": 1}, graph_id="echo")
    assert thread["thread_id"] == chosen
    assert (thread["status"], thread["metadata"], thread["interrupts"]) == ("idle", {"a": 1, "graph_id": "echo"}, {})
    assert await client.threads.get(chosen) == thread
    with pytest.raises(ConflictError, match="There is a thread"):
        await client.threads.create(thread_id=chosen)
    assert await client.threads.create(thread_id=chosen, if_exists="do_nothing") == thread
    changed = await client.threads.update(chosen, metadata={"b": {"c": 2}})
    assert changed["metadata"] == {"a": 1, "b": {"c": 2}, "graph_id": "echo"}
    await client.threads.delete(chosen)
    with pytest.raises(NotFoundError, match="There is no thread"):
        await client.threads.get(chosen)


async def test_a_change_is_answered_briefly_when_asked(client: LangGraphClient, http: httpx.AsyncClient) -> None:
    thread = await client.threads.create()
    answer = await http.patch(
        f"/threads/{thread['thread_id']}", json={"metadata": {"a": 1}}, headers={"Prefer": "return=minimal"}
    )
    assert (answer.status_code, answer.content) == (204, b"")


async def test_threads_are_searched_with_their_values(client: LangGraphClient) -> None:
    for text in ("a", "b", "c"):
        thread = await client.threads.create(metadata={"text": text, "nested": {"deep": [1, text]}})
        await client.runs.wait(thread["thread_id"], "echo", input={"text": text})
    newest = await client.threads.search(limit=2)
    assert [each["values"]["text"] for each in newest] == ["c", "b"]
    assert [each["values"]["text"] for each in await client.threads.search(limit=2, offset=2)] == ["a"]
    [found] = await client.threads.search(metadata={"nested": {"deep": [1, "b"]}})
    assert found["values"] == {"text": "b", "said": ["echo: b"]}
    assert len(await client.threads.search(metadata={"graph_id": "echo"})) == 3
    assert await client.threads.search(metadata={"graph_id": "other"}) == []
    assert [each["values"]["text"] for each in await client.threads.search(values={"text": "a"})] == ["a"]
    assert await client.threads.count(metadata={"text": "a"}) == 1
    oldest = await client.threads.search(sort_by="created_at", sort_order="asc", ids=[t["thread_id"] for t in newest])
    assert [each["values"]["text"] for each in oldest] == ["b", "c"]
    [brief] = await client.threads.search(
        values={"text": "a"}, select=["thread_id"], extract={"last": "values.said[-1]", "none": "values.said[7]"}
    )
    assert set(brief) == {"thread_id", "extracted"}
    assert brief["extracted"] == {"last": "echo: a", "none": None}


@pytest.mark.parametrize("key", ["a') OR 1=1 --", "$.x", "a.b", "a[0]", "'", "ü", ""])
async def test_names_that_are_searched_for_are_only_names(client: LangGraphClient, key: str) -> None:
    await client.threads.create(metadata={"plain": 1})
    await client.threads.create(metadata={key: 1})
    assert len(await client.threads.search(metadata={key: 1})) == 1
    assert await client.threads.search(metadata={key: 2}) == []


@pytest.mark.parametrize("key", ['"', "x\ny", "back\\slash"])
async def test_names_that_cannot_be_searched_for_are_refused(client: LangGraphClient, key: str) -> None:
    with pytest.raises(UnprocessableEntityError, match="cannot be searched for"):
        await client.threads.search(metadata={key: 1})


async def test_a_search_for_thousands_of_names_is_refused(client: LangGraphClient) -> None:
    many = {f"k{number}": number for number in range(1200)}
    thread = await client.threads.create(metadata=many)
    few = {name: many[name] for name in list(many)[:50]}
    assert [each["thread_id"] for each in await client.threads.search(metadata=few)] == [thread["thread_id"]]
    for search in (client.threads.search, client.threads.count, client.assistants.search, client.crons.search):
        with pytest.raises(UnprocessableEntityError, match="may ask for 50 values"):
            await search(metadata=many)
    with pytest.raises(UnprocessableEntityError, match="may ask for 50 values"):
        await client.threads.search(values=many)
    with pytest.raises(UnprocessableEntityError, match="at most 1000 items"):
        await client.threads.search(ids=list(many))


async def test_a_search_finds_what_is_there_and_not_what_is_missing(client: LangGraphClient) -> None:
    thread = await client.threads.create(metadata={"none": None, "one": 1.0, "nested": {"list": [{"a": 1}]}})
    await client.threads.create(metadata={})
    for wanted in ({"none": None}, {"one": 1}, {"nested": {}}, {"nested": {"list": [{"a": 1}]}}):
        assert [each["thread_id"] for each in await client.threads.search(metadata=wanted)] == [thread["thread_id"]]
    for wanted in ({"missing": None}, {"nested": {"list": {}}}, {"nested": None}, {"one": {}}, {"none": {}}):
        assert await client.threads.search(metadata=wanted) == []


async def test_the_state_of_a_new_thread_is_empty(client: LangGraphClient) -> None:
    thread = await client.threads.create()
    state = await client.threads.get_state(thread["thread_id"])
    assert (state["values"], state["next"], state["tasks"]) == ({}, [], [])
    assert await client.threads.get_history(thread["thread_id"]) == []
    with pytest.raises(NotFoundError):
        await client.threads.get_state("5d0c1b9e-0000-4000-8000-000000000000")


async def test_history_is_paged_backwards(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "slow", input={"text": "0"})
    states = await client.threads.get_history(thread)
    assert [state["next"] for state in states] == [[], ["wait"], ["first"], ["__start__"]]
    assert states[0]["values"]["said"] == ["after", "waited"]
    assert states[0]["parent_checkpoint"] == states[1]["checkpoint"]
    assert states[1]["tasks"][0]["result"] == {"said": ["waited"]}
    first_two = await client.threads.get_history(thread, limit=2)
    assert first_two == states[:2]
    checkpoint: Any = states[1]["checkpoint"]
    for before in (checkpoint["checkpoint_id"], checkpoint, {"configurable": checkpoint}):
        assert await client.threads.get_history(thread, before=before) == states[2:]
    assert (await client.threads.get_state(thread, checkpoint_id=checkpoint["checkpoint_id"]))["next"] == ["wait"]
    assert (await client.threads.get_state(thread, checkpoint=checkpoint))["next"] == ["wait"]
    with pytest.raises(NotFoundError, match="has no checkpoint"):
        await client.threads.get_state(thread, checkpoint_id="1f000000-0000-6000-8000-000000000000")


async def test_a_run_goes_on_from_an_older_checkpoint(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "slow", input={"text": "0"})
    states = await client.threads.get_history(thread)
    at: Any = states[1]["checkpoint"]
    again = await client.runs.wait(thread, "slow", input=None, checkpoint_id=at["checkpoint_id"])
    assert again["said"] == ["after", "waited"]
    changed = await client.threads.update_state(thread, {"said": ["edited"]}, checkpoint=at, as_node="first")
    left = await client.runs.wait(thread, "slow", input=None, checkpoint=changed["checkpoint"])
    assert left["said"] == ["after", "edited", "waited"]


async def test_a_state_is_changed_by_hand(client: LangGraphClient) -> None:
    thread = (await client.threads.create(graph_id="echo"))["thread_id"]
    answer = await client.threads.update_state(thread, {"text": "set"}, as_node="say")
    assert answer["checkpoint"]["thread_id"] == thread
    assert answer["checkpoint"]["checkpoint_id"]
    assert (await client.threads.get(thread))["values"]["text"] == "set"
    with pytest.raises(Exception, match="The state cannot be changed so"):
        await client.threads.update_state(thread, {"text": "set"}, as_node="nobody")


async def test_a_busy_thread_is_not_changed_by_hand(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    run = await client.runs.create(thread, "slow", input={"text": "60"})
    with pytest.raises(ConflictError, match="is busy"):
        await client.threads.update_state(thread, {"text": "x"})
    await client.runs.cancel(thread, run["run_id"], wait=True)


async def test_a_thread_is_copied(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "ask", input={"text": "it"})
    copy = (await client.threads.copy(thread))["thread_id"]
    assert copy != thread
    assert (await client.runs.wait(copy, "ask", command={"resume": "copy"}))["said"] == ["answered: copy", "after"]
    assert (await client.threads.get(thread))["status"] == "interrupted"


async def test_a_thread_begins_with_the_state_of_supersteps(client: LangGraphClient) -> None:
    thread = await client.threads.create(
        graph_id="slow",
        supersteps=[
            {"updates": [{"values": {"text": "0"}, "as_node": "__input__"}]},
            {"updates": [{"values": {"text": "0"}, "as_node": "__start__"}]},
            {"updates": [{"values": {"said": ["given"]}, "as_node": "first"}]},
        ],
    )
    assert (await client.threads.get_state(thread["thread_id"]))["next"] == ["wait"]
    left = await client.runs.wait(thread["thread_id"], "slow", input=None)
    assert left["said"] == ["given", "waited"]


async def test_a_thread_that_cannot_begin_so_is_not_there(client: LangGraphClient) -> None:
    thread = "5d0c1b9e-0000-4000-8000-000000000002"
    given = {"updates": [{"values": {"text": "0"}, "as_node": "__input__"}]}
    wrong = {"updates": [{"values": {"text": "0"}, "as_node": "nowhere"}]}
    with pytest.raises(UnprocessableEntityError, match="Node nowhere does not exist"):
        await client.threads.create(thread_id=thread, graph_id="slow", supersteps=[given, wrong])
    with pytest.raises(NotFoundError, match="There is no thread"):
        await client.threads.get(thread)
    await client.threads.create(thread_id=thread, graph_id="slow", supersteps=[given])
    assert len(await client.threads.get_history(thread)) == 1


async def test_none_of_several_threads_is_pruned_when_one_cannot_be(client: LangGraphClient) -> None:
    idle, busy = [(await client.threads.create())["thread_id"] for _ in range(2)]
    await client.runs.wait(idle, "slow", input={"text": "0"})
    run = await client.runs.create(busy, "slow", input={"text": "60"})
    for strategy in ("delete", "keep_latest"):
        with pytest.raises(ConflictError, match=f"Thread '{busy}' is busy"):
            await client.threads.prune([idle, busy], strategy=strategy)
        assert len(await client.threads.get_history(idle)) == 4
    await client.runs.cancel(busy, run["run_id"], wait=True)
    assert (await client.threads.prune([idle, busy, idle]))["pruned_count"] == 2
    assert await client.threads.search() == []


async def test_threads_are_pruned(client: LangGraphClient) -> None:
    kept, gone = [(await client.threads.create())["thread_id"] for _ in range(2)]
    for thread in (kept, gone):
        await client.runs.wait(thread, "slow", input={"text": "0"})
    assert (await client.threads.prune([kept], strategy="keep_latest"))["pruned_count"] == 1
    assert len(await client.threads.get_history(kept)) == 1
    assert (await client.threads.get_state(kept))["values"]["said"] == ["after", "waited"]
    await client.threads.prune([gone])
    assert [each["thread_id"] for each in await client.threads.search()] == [kept]


async def test_a_thread_with_runs_is_deleted(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.create(thread, "slow", input={"text": "60"})
    await client.runs.create(thread, "slow", input={"text": "60"})
    await client.threads.delete(thread)
    with pytest.raises(NotFoundError):
        await client.threads.get(thread)


async def test_a_thread_with_a_time_to_live_is_deleted_when_it_is_over(client: LangGraphClient) -> None:
    other = (await client.threads.create(ttl=60))["thread_id"]
    kept: Any = await client.threads.get(other, include=["ttl"])
    assert kept["ttl"]["ttl"] == 60
    thread = (await client.threads.create(ttl=0.001))["thread_id"]
    async with asyncio.timeout(60):
        while thread in [each["thread_id"] for each in await client.threads.search()]:
            await asyncio.sleep(0.05)
    assert [each["thread_id"] for each in await client.threads.search()] == [other]
    with pytest.raises(UnprocessableEntityError, match="number of minutes"):
        await client.threads.create(ttl=-1)


async def test_metadata_is_patched_as_the_javascript_client_does(
    client: LangGraphClient, http: httpx.AsyncClient
) -> None:
    thread = (await client.threads.create(metadata={"a": 1}))["thread_id"]
    assert (await http.patch(f"/threads/{thread}/state", json={"metadata": {"b": 2}})).status_code == 200
    assert (await client.threads.get(thread))["metadata"] == {"a": 1, "b": 2}


@pytest.mark.parametrize("wrong", ["", "a b", "a/b", "ü", "a\r\nx: y", "x" * 200, "-a"])
async def test_an_id_that_cannot_stand_in_a_path_is_refused(http: httpx.AsyncClient, wrong: str) -> None:
    answer = await http.post("/threads", json={"thread_id": wrong})
    assert answer.status_code == 422
    body = {"assistant_id": "echo", "input": {"text": "a"}, "if_not_exists": "create"}
    assert (await http.post(f"/threads/{quote(wrong, safe='')}/runs", json=body)).status_code in (404, 405, 422)


@pytest.mark.parametrize(
    "body",
    [
        {"config": {"configurable": 3}},
        {"config": {"recursion_limit": "many"}},
        {"config": {"tags": "a"}},
        {"checkpoint": {"checkpoint_ns": 5}},
        {"checkpoint": "x"},
        {"command": 3},
        {"command": {"goto": {"x": 1}}},
        {"after_seconds": -1},
        {"interrupt_before": 3},
        {"webhook": "http://127.0.0.1/"},
    ],
)
async def test_a_run_that_makes_no_sense_is_refused(http: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await http.post("/runs/wait", json={"assistant_id": "echo", "input": {"text": "a"}, **body})
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]
