"""wire.md, section 1: assistants."""

import uuid
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from tests.acceptance.sdk.registry import ASSISTANT, ECHO, NOBODY, proves, whole


async def make(client: LangGraphClient, **more: Any) -> Any:
    return whole(await client.assistants.create("echo", **more), ASSISTANT)


@proves("assistants.search")
async def search(client: LangGraphClient) -> None:
    team = uuid.uuid4().hex
    for name in "abc":
        await make(client, metadata={"team": team}, name=name)
    ours: Any = {"metadata": {"team": team}, "limit": 2, "sort_by": "name", "sort_order": "asc"}
    page: Any = await client.assistants.search(**ours, response_format="object")
    assert [each["name"] for each in page["assistants"]] == ["a", "b"]
    assert page["next"] == "2"
    [last] = await client.assistants.search(
        metadata={"team": team}, limit=2, offset=2, sort_by="name", sort_order="asc"
    )
    assert last["name"] == "c"
    [brief] = await client.assistants.search(graph_id="echo", name="c", metadata={"team": team}, select=["name"])
    assert brief == {"name": "c"}


@proves("assistants.get")
async def get(client: LangGraphClient) -> None:
    by_name = whole(await client.assistants.get("echo"), ASSISTANT)
    assert by_name["assistant_id"] == ECHO
    assert by_name["metadata"] == {"created_by": "system"}
    assert await client.assistants.get(by_name["assistant_id"]) == by_name
    with pytest.raises(NotFoundError):
        await client.assistants.get(NOBODY)


@proves("assistants.get_graph")
async def get_graph(client: LangGraphClient) -> None:
    plain: Any = await client.assistants.get_graph("nested")
    assert [node["id"] for node in plain["nodes"]] == ["__start__", "before", "child", "last", "__end__"]
    assert {"source": "child", "target": "last"} in plain["edges"]
    seen: Any = await client.assistants.get_graph("nested", xray=True)
    assert "child:inner" in [node["id"] for node in seen["nodes"]]


@proves("assistants.get_schemas")
async def get_schemas(client: LangGraphClient) -> None:
    found: Any = await client.assistants.get_schemas("echo")
    assert set(found) == {
        *("graph_id", "input_schema", "output_schema", "state_schema", "config_schema", "context_schema")
    }
    assert set(found["input_schema"]["properties"]) == {"text", "said"}


@proves("assistants.get_subgraphs")
async def get_subgraphs(client: LangGraphClient) -> None:
    found: Any = await client.assistants.get_subgraphs("nested")
    assert set(found) == {"child"}
    assert await client.assistants.get_subgraphs("nested", namespace="child", recurse=True) == found
    assert await client.assistants.get_subgraphs("echo") == {}


@proves("assistants.create")
async def create(client: LangGraphClient) -> None:
    chosen = str(uuid.uuid4())
    made = await make(
        client,
        config={"configurable": {"a": 1}},
        context=None,
        metadata={"b": 2},
        assistant_id=chosen,
        name="Mine",
        description="words",
    )
    assert (made["assistant_id"], made["name"], made["description"], made["version"]) == (chosen, "Mine", "words", 1)
    assert (made["config"]["configurable"], made["metadata"]) == ({"a": 1}, {"b": 2})
    with pytest.raises(ConflictError):
        await client.assistants.create("echo", assistant_id=chosen)
    assert await client.assistants.create("echo", assistant_id=chosen, if_exists="do_nothing") == made


@proves("assistants.update")
async def update(client: LangGraphClient) -> None:
    made = await make(client, metadata={"a": 1})
    changed = await client.assistants.update(made["assistant_id"], metadata={"b": 2}, name="Other", graph_id="slow")
    assert (changed["version"], changed["metadata"]) == (2, {"a": 1, "b": 2})
    assert (changed["name"], changed["graph_id"]) == ("Other", "slow")


@proves("assistants.delete")
async def delete(client: LangGraphClient) -> None:
    place = (await make(client))["assistant_id"]
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, place, input={"text": "x"})
    await client.assistants.delete(place, delete_threads=True)
    with pytest.raises(NotFoundError):
        await client.assistants.get(place)
    with pytest.raises(NotFoundError):
        await client.threads.get(thread)


@proves("assistants.get_versions", "assistants.set_latest")
async def versions(client: LangGraphClient) -> None:
    place = (await make(client, name="one"))["assistant_id"]
    await client.assistants.update(place, name="two", metadata={"new": True})
    found = await client.assistants.get_versions(place)
    assert [(each["version"], each["name"]) for each in found] == [(2, "two"), (1, "one")]
    assert [each["version"] for each in await client.assistants.get_versions(place, metadata={"new": True})] == [2]
    assert [each["version"] for each in await client.assistants.get_versions(place, limit=1, offset=1)] == [1]
    assert (await client.assistants.set_latest(place, 1))["name"] == "one"
    assert (await client.assistants.get(place))["version"] == 1
    with pytest.raises(NotFoundError):
        await client.assistants.set_latest(place, 9)


@proves("assistants.count")
async def count(client: LangGraphClient) -> None:
    team = uuid.uuid4().hex
    await make(client, metadata={"team": team}, name="n")
    assert await client.assistants.count(metadata={"team": team}, graph_id="echo", name="n") == 1
    assert await client.assistants.count(metadata={"team": team}, graph_id="slow") == 0


@proves("assistants: runs take a graph's name or an assistant's id, and refuse others")
async def named(client: LangGraphClient) -> None:
    place = (await make(client))["assistant_id"]
    for assistant in ("echo", place):
        assert (await client.runs.wait(None, assistant, input={"text": "x"}))["said"] == ["echo: x"]
    with pytest.raises(UnprocessableEntityError):
        await client.runs.create(None, "nothing", input={})
    with pytest.raises(NotFoundError):
        await client.runs.create(None, NOBODY, input={})
