"""Chat clients start agent runs: LangChain's ChatOpenAI, and raw events."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("I14")
Chat = Callable[..., ChatOpenAI]


async def test_an_agent_answers_with_what_it_cost(chat: Chat) -> None:
    answer = await chat("clerk").ainvoke("Where is my order?")
    assert answer.content == "I look. \n\nIt is on its way."
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] > 0
    assert answer.usage_metadata["output_tokens"] > 0


async def test_its_words_come_one_by_one(chat: Chat) -> None:
    pieces = [piece async for piece in chat("clerk", stream_usage=True).astream("hello")]
    words = [piece.content for piece in pieces if piece.content]
    assert words == ["You ", "said: ", "hello"]
    costs = [piece.usage_metadata for piece in pieces if piece.usage_metadata]
    assert costs and costs[-1]["total_tokens"] > 0


async def test_a_stream_is_as_openai_says(http: httpx.AsyncClient) -> None:
    body = {
        "model": "clerk",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    async with http.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        thread = answer.headers["x-thread-id"]
        lines = [line async for line in answer.aiter_lines() if line and not line.startswith(":")]
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks[1:-2]] == ["You ", "said: ", "hello"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["total_tokens"] > 0
    assert chunks[-1]["baton"]["thread_id"] == thread
    # The thread is one like any other.
    assert (await http.get(f"/threads/{thread}")).json()["metadata"]["graph_id"] == "clerk"


async def test_a_conversation_goes_on_in_its_thread_and_back_where_its_client_goes_back(
    chat: Chat, http: httpx.AsyncClient
) -> None:
    model = chat("chat")
    system = SystemMessage("Be kind. It is noon.")
    first = await model.ainvoke([system, HumanMessage("one")])
    assert first.content == "You said one."
    later = SystemMessage("Be kind. It is one o'clock.")
    second = await model.ainvoke([later, HumanMessage("one"), first, HumanMessage("two")])
    [thread] = (await http.post("/threads/search", json={})).json()
    assert [one["content"] for one in thread["values"]["messages"]][1:] == [
        *("one", "You said one."),
        *("two", "You said two."),
    ]
    # The client edits its second message: the thread goes on from where it was before.
    other = await model.ainvoke([later, HumanMessage("one"), first, HumanMessage("three")])
    assert (second.content, other.content) == ("You said two.", "You said three.")
    [thread] = (await http.post("/threads/search", json={})).json()
    assert [one["content"] for one in thread["values"]["messages"]][1:] == [
        *("one", "You said one."),
        *("three", "You said three."),
    ]


async def test_a_question_is_an_answer_and_the_next_message_decides_it(chat: Chat, http: httpx.AsyncClient) -> None:
    model = chat("refund")
    said: list[Any] = [HumanMessage('{"amount": 50}')]
    asked = await model.ainvoke(said)
    assert asked.content.startswith('ask?\n\n```json\n{\n  "amount": 50\n}\n```\n\nAnswer `approve`')
    unclear = await model.ainvoke([*said, asked, HumanMessage("yes but only half of it")])
    assert unclear.content.startswith("That is no answer to what is asked, so nothing was done.")
    [execution] = (await http.get("/v1/executions")).json()["executions"]
    assert execution["status"] == "waiting"
    done = await model.ainvoke(
        [*said, asked, HumanMessage("yes but only half of it"), unclear, HumanMessage('edit: {"amount": 25}')]
    )
    assert json.loads(done.content.strip("`json\n")) == {"paid": 25}
    [execution] = (await http.get("/v1/executions")).json()["executions"]
    assert execution["status"] == "completed"
    # An execution takes one input: what is said next begins another.
    again = await model.ainvoke([*said, asked, HumanMessage("approve"), done, HumanMessage('{"amount": 7}')])
    assert '"amount": 7' in again.content
    assert len((await http.get("/v1/executions")).json()["executions"]) == 2


async def test_a_question_can_be_answered_by_its_link(chat: Chat, http: httpx.AsyncClient) -> None:
    model = chat("refund")
    asked = await model.ainvoke('{"amount": 50}')
    link = re.search(r"http://\S+/v1/links/\S+", str(asked.content))
    assert link is not None
    page = await http.get(link[0])
    assert (page.status_code, "You decide as chat." in page.text) == (200, True)
    assert (await http.post(link[0], data={"decision": "approve"})).status_code == 200
    done = await model.ainvoke([HumanMessage('{"amount": 50}'), asked, HumanMessage("And?")])
    assert json.loads(done.content.strip("`json\n")) == {"paid": 50}


async def test_what_a_persons_agent_may_not_do_alone_is_asked_in_the_chat(chat: Chat) -> None:
    model = chat("clerk")
    wish = HumanMessage("I want a refund of 500")
    asked = await model.ainvoke([wish])
    assert "May agent 'clerk' call 'refund'?" in asked.content
    refused = await model.ainvoke([wish, asked, HumanMessage("reject: too much")])
    assert refused.content == "Nobody allowed that."
    asked = await model.ainvoke([wish])
    done = await model.ainvoke([wish, asked, HumanMessage("approve")])
    assert done.content == "Your money is on its way."


async def test_a_graphs_own_question_is_answered_with_the_words_as_they_are(chat: Chat) -> None:
    model = chat("ask")
    asked = await model.ainvoke("it")
    assert asked.content.startswith("Send 'it'?")
    done = await model.ainvoke([HumanMessage("it"), asked, HumanMessage("yes, do")])
    assert "answered: yes, do" in done.content


async def test_a_graphs_own_question_has_a_link_too_that_answers_once(chat: Chat, http: httpx.AsyncClient) -> None:
    model = chat("ask")
    asked = await model.ainvoke("it")
    link = re.search(r"http://\S+/v1/questions/\S+", str(asked.content))
    assert link is not None
    for _ in range(2):  # a scanner looks, and nothing happens
        assert "Send &#x27;it&#x27;?" in (await http.get(link[0])).text
    assert (await http.post(link[0], data={"text": "by all means"})).status_code == 200
    done = await model.ainvoke([HumanMessage("it"), asked, HumanMessage("And?")])
    assert "answered: by all means" in done.content
    assert (await http.post(link[0], data={"text": "again"})).json()["code"] == "nothing_asked"
    assert "This is over." in (await http.get(link[0])).text
    assert (await http.get(link[0][:-20])).json()["code"] == "link_not_valid"


async def test_several_questions_are_answered_by_their_numbers(chat: Chat) -> None:
    model = chat("ask_both")
    asked = await model.ainvoke("it")
    assert asked.content.startswith("1. left?")
    done = await model.ainvoke([HumanMessage("it"), asked, HumanMessage("1 up\n2: down")])
    assert "left: up" in done.content and "right: down" in done.content


async def test_a_name_keeps_the_thread_whatever_the_client_sends_of_the_conversation(
    chat: Chat, http: httpx.AsyncClient
) -> None:
    model = chat("chat", default_headers={"X-Thread-Id": "mine"})
    for word in ("one", "two"):
        assert (await model.ainvoke(word)).content == f"You said {word}."
    state = (await http.get("/threads/mine/state")).json()
    assert len(state["values"]["messages"]) == 4
    refunds = chat("refund", default_headers={"X-Thread-Id": "refunds"})
    for amount in (1, 2):
        assert "Answer `approve`" in (await refunds.ainvoke(f'{{"amount": {amount}}}')).content
        done = await refunds.ainvoke("approve")
        assert json.loads(done.content.strip("`json\n")) == {"paid": amount}
    executions = (await http.get("/v1/executions")).json()["executions"]
    assert [one["status"] for one in executions] == ["completed"] * 2
    assert executions[-1]["id"] == "refunds"


async def test_a_request_that_is_sent_again_has_one_run(http: httpx.AsyncClient) -> None:
    body = {"model": "clerk", "messages": [{"role": "user", "content": "hello"}]}
    first = (await http.post("/v1/chat/completions", json=body)).json()
    again = (await http.post("/v1/chat/completions", json=body, headers={"x-stainless-retry-count": "1"})).json()
    anew = (await http.post("/v1/chat/completions", json=body)).json()
    assert again["baton"]["run_id"] == first["baton"]["run_id"] != anew["baton"]["run_id"]
    assert again["choices"][0]["message"]["content"] == "You said: hello"


async def test_what_fails_is_told_once_and_not_tried_again(chat: Chat, served: Served) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match="no good: x"):
        await chat("failing").ainvoke("x")
    runs = await served.gateway.orchestrator.store.open_runs()
    assert runs == []
    with pytest.raises(openai.APIError, match="no good: x"):
        [piece async for piece in chat("failing").astream("x")]


async def test_errors_are_where_clients_of_openai_look(chat: Chat, http: httpx.AsyncClient) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await chat("nobody").ainvoke("hello")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    messages = [{"role": "user", "content": "hello"}]
    for more, param in (
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"n": 2}, "n"),
        ({"messages": []}, "messages"),
    ):
        answer = await http.post("/v1/chat/completions", json={"model": "clerk", "messages": messages, **more})
        assert (answer.status_code, answer.json()["error"]["param"]) == (422, param)
        assert answer.json()["error"]["type"] == "invalid_request_error"
        if param == "tools":
            assert (
                "who answers has tools of its own and calls them itself; send none" in answer.json()["error"]["message"]
            )
    empty = {"model": "clerk", "messages": [{"role": "assistant", "content": "hello"}]}
    assert (await http.post("/v1/chat/completions", json=empty)).json()["error"]["code"] == "nothing_said"
    unfit = {"model": "refund", "messages": messages}
    assert (await http.post("/v1/chat/completions", json=unfit)).json()["error"]["code"] == "message_does_not_fit"


async def test_models_are_what_can_answer(http: httpx.AsyncClient) -> None:
    made = (await http.post("/assistants", json={"graph_id": "chat", "name": "Mine"})).json()
    models = (await http.get("/v1/models")).json()
    assert models["object"] == "list"
    assert {"clerk", "refund", "chat", made["assistant_id"]} <= {model["id"] for model in models["data"]}
    one = (await http.get("/v1/models/clerk")).json()
    assert (one["id"], one["object"]) == ("clerk", "model")
    missing = await http.get("/v1/models/nobody")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")
    said = missing.json()["error"]["message"]  # OpenAI's clients show this alone, so what to do stands in it, once
    assert said == "There is no model 'nobody'. List what there is: GET /v1/models."


async def test_history_is_handed_over_to_agents_that_never_heard_it(chat: Chat, http: httpx.AsyncClient) -> None:
    told = [HumanMessage("I am Ann."), AIMessage("Hello Ann."), HumanMessage("who am I?")]
    await chat("clerk").ainvoke(told)
    [execution] = (await http.get("/v1/executions")).json()["executions"]
    shown = (await http.get(f"/v1/executions/{execution['id']}")).json()["execution"]
    assert shown["input"] == {
        "message": "who am I?",
        "messages": [{"role": "user", "content": "I am Ann."}, {"role": "assistant", "content": "Hello Ann."}],
    }
