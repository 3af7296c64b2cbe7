"""The versions of a workflow that were published are the versions of its assistant."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError

from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import asks, workflow
from tests.support.gateway.people import caller
from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("C09", "C10")


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(served.url) as client:
        await publish(client, workflow("refund", asks("first")))
        yield client


async def asked(client: LangGraphClient, assistant: str = "refund") -> str:
    """What is asked by an execution that is started now."""
    left: Any = await client.runs.wait((await client.threads.create())["thread_id"], assistant, input={})
    asks: str = left["__interrupt__"][0]["value"]["path"]
    return asks


async def versions(client: LangGraphClient) -> list[tuple[int, str]]:
    found: list[Any] = await client.assistants.get_versions("refund")
    return [(one["version"], one["metadata"]["workflow_version"]) for one in found]


async def test_what_is_published_is_the_assistants_next_version(
    client: LangGraphClient, http: httpx.AsyncClient
) -> None:
    assert await asked(client) == "first"
    assert (await client.assistants.get("refund"))["version"] == 1
    await publish(http, workflow("refund", asks("second"), version="2.0"))
    assert await asked(client) == "second"
    [found] = await client.assistants.search(graph_id="refund")
    assert (found["version"], found["metadata"]) == (2, {"created_by": "system", "workflow_version": "2.0"})
    assert await versions(client) == [(2, "2.0"), (1, "1.0")]


async def test_an_older_version_is_used_once_it_is_chosen_until_a_newer_one_is_published(
    client: LangGraphClient, http: httpx.AsyncClient
) -> None:
    await publish(http, workflow("refund", asks("second"), version="2.0"))
    own = (await client.assistants.get("refund"))["assistant_id"]
    chosen = await client.assistants.set_latest(own, 1)
    assert (chosen["version"], chosen["metadata"]["workflow_version"]) == (1, "1.0")
    assert await asked(client, own) == await asked(client) == "first"
    graph: Any = await client.assistants.get_graph("refund")
    assert [node["id"] for node in graph["nodes"]] == ["__start__", "first", "__end__"]

    await client.assistants.set_latest(own, 2)
    assert await asked(client) == "second"
    await client.assistants.set_latest(own, 1)
    await publish(http, workflow("refund", asks("third"), version="3.0"))
    assert await asked(client) == "third"
    assert await versions(client) == [(3, "3.0"), (2, "2.0"), (1, "1.0")]
    with pytest.raises(NotFoundError, match="has no version 4"):
        await client.assistants.set_latest(own, 4)


async def test_a_version_that_is_deprecated_is_the_latest_no_more(
    client: LangGraphClient, http: httpx.AsyncClient
) -> None:
    await publish(http, workflow("refund", asks("second"), version="2.0"))
    assert (await client.assistants.get("refund"))["version"] == 2
    for word, version, path in (("deprecate", 1, "first"), ("restore", 2, "second")):
        (await http.post(f"/v1/workflows/refund/versions/2.0/{word}")).raise_for_status()
        assert (await client.assistants.get("refund"))["version"] == version
        assert await asked(client) == path


async def test_each_thread_is_described_by_the_version_it_began_with(
    client: LangGraphClient, http: httpx.AsyncClient
) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "refund", input={})
    await publish(http, workflow("refund", asks("second"), version="2.0"))
    assert (await client.threads.get_state(thread))["next"] == ["first"]
    left: Any = await client.runs.wait(thread, "refund", command={"resume": "approve"})
    assert (left["status"], left["version"]) == ("completed", "1.0")
    await client.threads.update_state(thread, None, as_node="first")
    assert (await client.threads.get_state(thread))["next"] == ["first"]


async def test_it_is_described_in_the_workflows_words(client: LangGraphClient, http: httpx.AsyncClient) -> None:
    for version, words in (("1.0", "Pays back."), ("2.0", "Pays back, asked twice.")):
        definition = orjson.loads(workflow("told", asks(), version=version))
        definition["metadata"]["description"] = words
        await publish(http, orjson.dumps(definition).decode())
        assert (await client.assistants.get("told"))["description"] == words
    [_, older] = await client.assistants.get_versions("told")
    assert older["description"] == "Pays back."


async def test_an_assistant_that_was_changed_keeps_what_was_said_of_it(
    client: LangGraphClient, http: httpx.AsyncClient
) -> None:
    own = (await client.assistants.update("refund", name="Refunds", metadata={"team": "a"}))["assistant_id"]
    await publish(http, workflow("refund", asks("second"), version="2.0"))
    found = await client.assistants.get(own)
    assert (found["name"], found["metadata"]["team"], found["version"]) == ("Refunds", "a", 3)
    assert await versions(client) == [(3, "2.0"), (2, "1.0"), (1, "1.0")]
