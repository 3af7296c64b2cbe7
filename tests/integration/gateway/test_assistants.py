"""Assistants as langgraph-sdk makes, finds and changes them."""

import uuid
from typing import Any

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError


async def test_every_graph_has_an_assistant_of_its_own(client: LangGraphClient) -> None:
    found = await client.assistants.search(graph_id="echo")
    assert [each["assistant_id"] for each in found] == ["046b5dc7-2108-582c-9c6c-31d556d138f0"]
    assert (found[0]["name"], found[0]["version"], found[0]["metadata"]) == ("echo", 1, {"created_by": "system"})
    assert await client.assistants.get(found[0]["assistant_id"]) == found[0]
    assert await client.assistants.get("echo") == found[0]


async def test_an_assistant_is_made_versioned_and_deleted(client: LangGraphClient) -> None:
    made = await client.assistants.create(
        "made", {"configurable": {"word": "one"}}, name="Mine", metadata={"a": 1}, description="words"
    )
    place = made["assistant_id"]
    assert (await client.runs.wait(None, place, input={"text": "x"}))["said"] == ["one: x"]
    changed = await client.assistants.update(place, config={"configurable": {"word": "two"}}, metadata={"b": 2})
    assert (changed["version"], changed["metadata"], changed["name"]) == (2, {"a": 1, "b": 2}, "Mine")
    assert (await client.runs.wait(None, place, input={"text": "x"}))["said"] == ["two: x"]
    assert [each["version"] for each in await client.assistants.get_versions(place)] == [2, 1]
    back = await client.assistants.set_latest(place, 1)
    assert (back["version"], back["config"]) == (1, {"configurable": {"word": "one"}})
    assert (await client.runs.wait(None, place, input={"text": "x"}))["said"] == ["one: x"]
    assert (await client.assistants.update(place, name="Other"))["version"] == 3
    with pytest.raises(NotFoundError, match="has no version 9"):
        await client.assistants.set_latest(place, 9)

    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, place, input={"text": "x"})
    await client.assistants.delete(place, delete_threads=True)
    with pytest.raises(NotFoundError):
        await client.assistants.get(place)
    with pytest.raises(NotFoundError):
        await client.threads.get(thread)


async def test_an_id_may_be_chosen_and_is_taken_once(client: LangGraphClient) -> None:
    chosen = str(uuid.uuid4())
    made = await client.assistants.create("echo", assistant_id=chosen)
    assert made["assistant_id"] == chosen
    with pytest.raises(ConflictError):
        await client.assistants.create("echo", assistant_id=chosen)
    assert await client.assistants.create("echo", assistant_id=chosen, if_exists="do_nothing") == made
    with pytest.raises(NotFoundError, match="No graph and no workflow 'nothing' is served"):
        await client.assistants.create("nothing")


async def test_a_graph_is_described_as_langgraph_json_says(client: LangGraphClient) -> None:
    assert (await client.assistants.get("made"))["description"] == "Made anew for each run."
    assert (await client.assistants.get("echo"))["description"] is None


async def test_they_are_searched_in_pages(client: LangGraphClient, http: httpx.AsyncClient) -> None:
    for name in "abc":
        await client.assistants.create("echo", metadata={"team": "red"}, name=name)
    assert await client.assistants.count(metadata={"team": "red"}) == 3
    page: Any = await client.assistants.search(
        metadata={"team": "red"}, limit=2, sort_by="name", sort_order="asc", response_format="object"
    )
    assert [each["name"] for each in page["assistants"]] == ["a", "b"]
    assert page["next"] == "2"
    rest: Any = await client.assistants.search(
        metadata={"team": "red"}, limit=2, offset=2, sort_by="name", sort_order="asc", response_format="object"
    )
    assert ([each["name"] for each in rest["assistants"]], rest["next"]) == (["c"], None)
    answer = await http.post("/assistants/search", json={"metadata": {"team": "red"}, "limit": 1})
    assert answer.headers["x-pagination-total"] == "3"
    await client.assistants.create("echo", name="Refunds of 100% or less")
    for part in ("refunds", "OF 100%", "Refunds of 100% or less"):
        brief = await client.assistants.search(name=part, select=["name"])
        assert brief == [{"name": "Refunds of 100% or less"}]
        assert await client.assistants.count(name=part) == 1
    assert await client.assistants.search(name="refund_") == []


async def test_what_a_graph_is_made_of_is_told(client: LangGraphClient) -> None:
    graph: Any = await client.assistants.get_graph("slow")
    assert [node["id"] for node in graph["nodes"]] == ["__start__", "first", "wait", "__end__"]
    assert {"source": "first", "target": "wait"} in graph["edges"]
    inner: Any = await client.assistants.get_graph("nested", xray=True)
    assert "child:inner" in [node["id"] for node in inner["nodes"]]
    schemas: Any = await client.assistants.get_schemas("echo")
    assert schemas["graph_id"] == "echo"
    assert set(schemas["input_schema"]["properties"]) == {"text", "said"}
    assert set(schemas["state_schema"]["properties"]) == {"text", "said"}
    below: Any = await client.assistants.get_subgraphs("nested")
    assert set(below) == {"child"}
    assert set(below["child"]["output_schema"]["properties"]) == {"text", "said"}


async def test_an_assistant_that_is_none_is_refused(client: LangGraphClient) -> None:
    with pytest.raises(NotFoundError, match="There is no assistant"):
        await client.assistants.get(str(uuid.uuid4()))
    with pytest.raises(UnprocessableEntityError, match="No graph and no workflow 'nobody' is served"):
        await client.assistants.get("nobody")
