"""What the runs of a thread are configured with is remembered for those that come after, and for whoever looks."""

from typing import Any

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import UnprocessableEntityError

pytestmark = pytest.mark.capability("I23")
FOR_ANN: dict[str, Any] = {"configurable": {"person": "ann"}}


async def asked(client: LangGraphClient, assistant: str, **more: Any) -> str:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, assistant, input={"text": "a"}, **more)
    return thread


async def test_whoever_answers_need_not_know_what_the_run_was_configured_with(client: LangGraphClient) -> None:
    thread = await asked(client, "tailored", config=FOR_ANN)
    assert (await client.threads.get(thread))["config"] == FOR_ANN
    assert (await client.threads.get_state(thread))["next"] == ["ask"]
    assert len(await client.threads.get_history(thread)) == 2
    left: Any = await client.runs.wait(thread, "tailored", command={"resume": "yes"})
    assert left["said"] == ["ann says yes"]
    await client.threads.update_state(thread, {"said": ["more"]}, as_node="ask")
    assert (await client.threads.get_state(thread))["values"]["said"] == ["ann says yes", "more"]


async def test_a_context_is_remembered_too_and_a_new_one_counts(client: LangGraphClient) -> None:
    thread = await asked(client, "addressed", context={"person": "ann"})
    await client.runs.wait(thread, "addressed", command={"resume": "one"})
    await client.runs.wait(thread, "addressed", input={"text": "b"}, context={"person": "ben"})
    left: Any = await client.runs.wait(thread, "addressed", command={"resume": "two"})
    assert left["said"] == ["ann: one", "ben: two"]


async def test_what_is_of_one_run_only_or_not_for_clients_to_say_is_not_remembered(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    own = {"color": "red", "thread_id": "x", "run_id": "y", "__pregel_x": 1, "langgraph_auth_user": "root"}
    await client.runs.wait(thread, "echo", input={"text": "a"}, config={"configurable": own})
    assert (await client.threads.get(thread))["config"] == {"configurable": {"color": "red"}}
    # Of what another graph of the thread was told, a graph with a context is told what is in its context.
    await client.runs.wait(thread, "addressed", input={"text": "a"})
    left: Any = await client.runs.wait(thread, "addressed", command={"resume": "yes"})
    assert left["said"][-1] == "nobody: yes"


async def test_an_assistant_is_described_as_it_is_configured(client: LangGraphClient, http: httpx.AsyncClient) -> None:
    for assistant in (
        await client.assistants.create("tailored", config=FOR_ANN),
        await client.assistants.create("tailored", context={"person": "ann"}),
    ):
        own = assistant["assistant_id"]
        graph: Any = await client.assistants.get_graph(own)
        assert [node["id"] for node in graph["nodes"]] == ["__start__", "ask", "__end__"]
        schemas: Any = await client.assistants.get_schemas(own)
        assert set(schemas["input_schema"]["properties"]) == {"text", "said"}
        assert await client.assistants.get_subgraphs(own) == {}


async def test_a_function_that_makes_no_graph_is_told_of_in_words(client: LangGraphClient) -> None:
    failed = "The function that makes the graph 'tailored' failed: KeyError: 'person'"
    with pytest.raises(UnprocessableEntityError, match=failed):
        await client.assistants.get_graph("tailored")
    thread = (await client.threads.create())["thread_id"]
    with pytest.raises(Exception, match=failed):
        await client.runs.wait(thread, "tailored", input={"text": "a"})
    with pytest.raises(UnprocessableEntityError, match=failed):
        await client.threads.get_state(thread)
