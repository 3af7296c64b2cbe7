"""Where conversations go on when others have been on their threads meanwhile."""

from typing import Any

import httpx
from langchain_core.messages import HumanMessage

from tests.integration.chat.test_chat import Chat


async def said_on(http: httpx.AsyncClient, thread: str) -> list[str]:
    state = (await http.get(f"/threads/{thread}/state")).json()
    return [message["content"] for message in state["values"]["messages"]]


async def test_a_named_conversation_loses_nothing_of_what_others_say_on_its_thread(http: httpx.AsyncClient) -> None:
    async def say(words: str) -> None:
        body = {"model": "chat", "messages": [{"role": "user", "content": words}]}
        answer = await http.post("/v1/chat/completions", json=body, headers={"X-Thread-Id": "main"})
        assert answer.status_code == 200, answer.text

    await say("one")
    given: dict[str, Any] = {"messages": [{"role": "user", "content": "from elsewhere"}]}
    await http.post("/threads/main/runs/wait", json={"assistant_id": "chat", "input": given})
    await say("two")
    assert await said_on(http, "main") == [
        *("one", "You said one."),
        *("from elsewhere", "You said from elsewhere."),
        *("two", "You said two."),
    ]


async def test_a_conversation_whose_place_is_gone_goes_on_with_all_that_was_said(
    chat: Chat, http: httpx.AsyncClient
) -> None:
    model = chat("chat")
    first = await model.ainvoke([HumanMessage("one")])
    await model.ainvoke([HumanMessage("one"), first, HumanMessage("two")])
    [thread] = (await http.post("/threads/search", json={})).json()
    pruned = {"thread_ids": [thread["thread_id"]], "strategy": "keep_latest"}
    assert (await http.post("/threads/prune", json=pruned)).status_code == 200
    other = await model.ainvoke([HumanMessage("one"), first, HumanMessage("three")])
    assert other.content == "You said three."
    threads = [each["thread_id"] for each in (await http.post("/threads/search", json={})).json()]
    [new] = [each for each in threads if each != thread["thread_id"]]
    assert await said_on(http, new) == ["one", "You said one.", "three", "You said three."]
    assert (await said_on(http, thread["thread_id"]))[-1] == "You said two."


async def test_what_others_have_said_on_the_thread_of_an_unnamed_conversation_is_not_lost(
    chat: Chat, http: httpx.AsyncClient
) -> None:
    model = chat("chat")
    one = HumanMessage("one")
    first = await model.ainvoke([one])
    [thread] = [each["thread_id"] for each in (await http.post("/threads/search", json={})).json()]
    given: dict[str, Any] = {"messages": [{"role": "user", "content": "from elsewhere"}]}
    moved = await http.post(f"/threads/{thread}/runs/wait", json={"assistant_id": "chat", "input": given})
    assert moved.status_code == 200, moved.text
    elsewhere = ["one", "You said one.", "from elsewhere", "You said from elsewhere."]
    await model.ainvoke([one, first, HumanMessage("two")])
    assert await said_on(http, thread) == [*elsewhere, "two", "You said two."]
    # What is said in other words takes the place of what the chat said, and of nothing else.
    second = await model.ainvoke([one, first, HumanMessage("too")])
    assert await said_on(http, thread) == [*elsewhere, "too", "You said too."]
    third = await model.ainvoke([one, first, HumanMessage("too"), second, HumanMessage("three")])
    assert (third.content, len(await said_on(http, thread))) == ("You said three.", 8)
    assert len((await http.post("/threads/search", json={})).json()) == 1


async def test_a_thread_whose_state_was_changed_by_hand_goes_on_with_the_change(
    chat: Chat, http: httpx.AsyncClient
) -> None:
    model = chat("chat")
    first = await model.ainvoke([HumanMessage("one")])
    [thread] = [each["thread_id"] for each in (await http.post("/threads/search", json={})).json()]
    note: dict[str, Any] = {"values": {"messages": [{"role": "user", "content": "a note"}]}}
    assert (await http.post(f"/threads/{thread}/state", json=note)).status_code == 200
    await model.ainvoke([HumanMessage("one"), first, HumanMessage("two")])
    assert await said_on(http, thread) == ["one", "You said one.", "a note", "two", "You said two."]
