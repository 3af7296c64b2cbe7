"""Questions of graphs, and the answers people give through langgraph-sdk."""

from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient


async def thread_of(client: LangGraphClient) -> str:
    """A new thread."""
    return str((await client.threads.create())["thread_id"])


async def test_a_question_stands_on_the_thread_until_it_is_answered(client: LangGraphClient) -> None:
    thread = await thread_of(client)
    left = await client.runs.wait(thread, "ask", input={"text": "it"})
    assert [each["value"] for each in left["__interrupt__"]] == [{"question": "Send 'it'?"}]
    kept = await client.threads.get(thread)
    assert kept["status"] == "interrupted"
    [[asked]] = kept["interrupts"].values()
    assert asked["value"] == {"question": "Send 'it'?"}
    state = await client.threads.get_state(thread)
    assert (state["next"], state["interrupts"]) == (["ask"], [asked])
    assert state["tasks"][0]["interrupts"] == [asked]
    [found] = await client.threads.search(status="interrupted")
    assert found["interrupts"] == kept["interrupts"]

    assert await client.runs.wait(thread, "ask", command={"resume": "yes"}) == {
        "text": "it",
        "said": ["answered: yes", "after"],
    }
    kept = await client.threads.get(thread)
    assert (kept["status"], kept["interrupts"]) == ("idle", {})


async def test_an_empty_input_beside_an_answer_does_no_harm(client: LangGraphClient) -> None:
    thread = await thread_of(client)
    await client.runs.wait(thread, "ask", input={"text": "it"})
    left = await client.runs.wait(thread, "ask", input={}, command={"resume": [{"type": "accept", "args": None}]})
    assert left["said"][0] == "answered: [{'type': 'accept', 'args': None}]"


async def test_two_questions_one_after_the_other(client: LangGraphClient) -> None:
    thread = await thread_of(client)
    await client.runs.wait(thread, "ask_twice", input={"text": "it"})
    second = await client.runs.wait(thread, "ask_twice", command={"resume": "one"})
    assert second["__interrupt__"][0]["value"] == "second?"
    assert (await client.runs.wait(thread, "ask_twice", command={"resume": "two"}))["said"] == ["one and two"]


async def test_two_questions_at_once_are_answered_by_id(client: LangGraphClient) -> None:
    thread = await thread_of(client)
    left = await client.runs.wait(thread, "ask_both", input={"text": "it"})
    answers = {each["id"]: each["value"].upper() for each in left["__interrupt__"]}
    assert len(answers) == 2
    one = next(iter(answers))
    left = await client.runs.wait(thread, "ask_both", command={"resume": {one: answers[one]}})
    assert [each["id"] for each in left["__interrupt__"]] == [key for key in answers if key != one]
    left = await client.runs.wait(thread, "ask_both", command={"resume": answers})
    assert sorted(left["said"]) == ["left: LEFT?", "right: RIGHT?"]


async def test_a_question_from_a_graph_inside(client: LangGraphClient) -> None:
    thread = await thread_of(client)
    left = await client.runs.wait(thread, "nested", input={"text": "it"})
    assert left["__interrupt__"][0]["value"] == {"question": "Send 'it'?"}
    state = await client.threads.get_state(thread, subgraphs=True)
    inner: Any = state["tasks"][0]["state"]
    assert inner["next"] == ["inner"]
    at_inner = await client.threads.get_state(thread, checkpoint=inner["checkpoint"])
    assert at_inner["next"] == ["inner"]
    left = await client.runs.wait(thread, "nested", command={"resume": "yes"})
    assert left["said"] == ["after", "after", "answered: yes", "after"]


async def test_what_is_asked_is_set_aside(client: LangGraphClient) -> None:
    thread = await thread_of(client)
    await client.runs.wait(thread, "ask", input={"text": "it"})
    await client.threads.update_state(thread, None, as_node="__end__")
    kept = await client.threads.get(thread)
    assert (kept["status"], kept["interrupts"]) == ("idle", {})


async def test_a_run_stops_before_and_after_nodes(client: LangGraphClient) -> None:
    thread = await thread_of(client)
    await client.runs.wait(thread, "slow", input={"text": "0"}, interrupt_before=["wait"])
    assert (await client.threads.get_state(thread))["next"] == ["wait"]
    assert (await client.threads.get(thread))["status"] == "interrupted"
    left = await client.runs.wait(thread, "slow", input=None)
    assert left["said"] == ["after", "waited"]
    await client.runs.wait(thread, "slow", input={"text": "0"}, interrupt_after="*")
    assert (await client.threads.get_state(thread))["next"] == ["wait"]


@pytest.mark.parametrize("goto", ["first", {"node": "first", "input": {"text": "sent"}}])
async def test_a_command_goes_elsewhere(client: LangGraphClient, goto: Any) -> None:
    thread = await thread_of(client)
    await client.runs.wait(thread, "slow", input={"text": "0"})
    left = await client.runs.wait(thread, "slow", command={"update": {"text": "0.0"}, "goto": goto})
    assert left == {"text": "0.0", "said": ["after", "waited", "after", "waited"]}
