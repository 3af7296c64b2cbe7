"""Who may chat, and whose conversations are whose."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import openai
import pytest
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import REFUND
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import GRAPHS, serving

pytestmark = pytest.mark.capability("O21")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """An application with a graph that chats, and users who have threads of their own."""
    config = tmp_path / "langgraph.json"
    graphs = {"chat": json.loads(GRAPHS.read_text())["graphs"]["chat"].replace("./", f"{GRAPHS.parent}/")}
    config.write_text(json.dumps({"graphs": graphs, "auth": {"path": f"{GRAPHS.with_name('auth.py')}:auth"}}))
    return config


def chat(url: str, key: str, model: str, client: httpx.AsyncClient) -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=f"{url}/v1", api_key=key, max_retries=0, http_async_client=client)


async def test_keys_of_the_gateway_are_keys_of_chat_clients(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db", config=GRAPHS) as served, httpx.AsyncClient(timeout=60) as http:
        baton = served.gateway.orchestrator
        ann, ben = [await make_key(baton, "editor", name=name) for name in ("ann", "ben")]
        runner, viewer = await make_key(baton, "operator"), await make_key(baton, "viewer")
        async with caller(served.url, ann) as client:
            await publish(client, REFUND)
        with pytest.raises(openai.AuthenticationError):
            await chat(served.url, "baton_wrong", "refund", http).ainvoke("x")
        with pytest.raises(openai.PermissionDeniedError):
            await chat(served.url, viewer, "chat", http).ainvoke("x")

        wish = HumanMessage('{"amount": 5}')
        asked = await chat(served.url, ann, "refund", http).ainvoke([wish])
        assert "/v1/links/" in asked.content
        # The same words from another key are another conversation.
        theirs = await chat(served.url, ben, "refund", http).ainvoke([wish, asked, HumanMessage('{"amount": 6}')])
        assert '"amount": 6' in theirs.content
        done = await chat(served.url, ann, "refund", http).ainvoke([wish, asked, HumanMessage("approve")])
        assert '"paid": 5' in done.content

        # Whoever may start, and not decide, is not asked to.
        unlinked = await chat(served.url, runner, "refund", http).ainvoke([wish])
        assert "/v1/links/" not in unlinked.content
        with pytest.raises(openai.PermissionDeniedError, match="decide"):
            await chat(served.url, runner, "refund", http).ainvoke([wish, unlinked, HumanMessage("approve")])


async def test_two_tenants_may_give_their_conversations_the_same_name(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db", config=GRAPHS) as served:
        threads = {}
        for tenant in ("ours", "theirs"):
            key = await make_key(served.gateway.orchestrator, "editor", tenant=tenant)
            async with caller(served.url, key) as client:
                for words in (f"I am of {tenant}", "again"):
                    said = {"model": "chat", "messages": [{"role": "user", "content": words}]}
                    answer = await client.post("/v1/chat/completions", json=said, headers={"X-Thread-Id": "main"})
                    assert answer.status_code == 200, answer.text
                    threads[tenant] = answer.headers["x-thread-id"]
                state = (await client.get(f"/threads/{threads[tenant]}/state")).json()
                asked = [one["content"] for one in state["values"]["messages"] if one["type"] == "human"]
                assert asked == [f"I am of {tenant}", "again"]
        assert threads == {"ours": "main", "theirs": "main"}


async def test_two_users_of_one_application_may_give_their_conversations_the_same_name(
    tmp_path: Path, people: Path
) -> None:
    async with serving(tmp_path / "baton.db", config=people) as served, AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(
                httpx.AsyncClient(base_url=served.url, headers={"Authorization": f"Bearer {name}"}, timeout=20)
            )
            for name in ("ann", "ben")
        }

        async def say(name: str, words: str) -> str:
            said = {"model": "chat", "messages": [{"role": "user", "content": words}]}
            answer = await clients[name].post("/v1/chat/completions", json=said, headers={"X-Thread-Id": "main"})
            assert answer.status_code == 200, answer.text
            return str(answer.headers["x-thread-id"])

        # At once, so that both may find that nobody has the name.
        threads = dict(
            zip(clients, await asyncio.gather(*(say(name, f"I am {name}") for name in clients)), strict=True)
        )
        assert threads["ann"] != threads["ben"]
        for name, client in clients.items():
            assert await say(name, "again") == threads[name]
            state = (await client.get(f"/threads/{threads[name]}/state")).json()
            asked = [message["content"] for message in state["values"]["messages"] if message["type"] == "human"]
            assert asked == [f"I am {name}", "again"]
        assert (await clients["ben"].get(f"/threads/{threads['ann']}")).status_code == 404
