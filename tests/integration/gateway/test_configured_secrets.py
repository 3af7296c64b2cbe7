"""A key of a model, a token of a service: what runs are configured with reaches the graph, and stands in nothing that
is kept, shown or said (A20)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway.people import caller
from tests.support.gateway.serving import Served, serving
from tests.support.sentinel import SENTINEL, found_in, leaks

pytestmark = pytest.mark.capability("X12")

SECRETS: dict[str, Any] = {"openai_api_key": SENTINEL, "llm": {"apiKey": SENTINEL}, "max_tokens": 7, "person": "ann"}
SHOWN = {"openai_api_key": "***", "llm": {"apiKey": "***"}, "max_tokens": 7, "person": "ann"}
CONFIGURED = {"configurable": SECRETS}
GRAPH = (
    f"SENTINEL = {SENTINEL!r}\n"
    + """
import hashlib
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt


async def look(state: MessagesState, config: RunnableConfig):
    own = config["configurable"]
    digests = [hashlib.sha256(one.encode()).hexdigest() for one in (own["openai_api_key"], own["llm"]["apiKey"])]
    said = await FakeListChatModel(responses=["heard"]).ainvoke("hello")
    interrupt({"digests": digests, "max_tokens": own["max_tokens"], "person": own["person"]})
    return {"messages": [said, ("ai", " ".join(digests))]}


def make(config: RunnableConfig):
    assert config["configurable"].get("openai_api_key") in (None, SENTINEL), "what makes it is given the key too"
    return StateGraph(MessagesState).add_node(look).add_edge(START, "look").add_edge("look", END).compile()
"""
)
MODES = ["values", "updates", "messages-tuple", "messages", "debug", "tasks", "checkpoints", "events", "custom"]


@pytest.fixture
async def heard(tmp_path: Path) -> AsyncIterator[tuple[Served, httpx.AsyncClient, list[str]]]:
    """A gateway, a client, and all that was answered to it."""
    answered: list[str] = []

    async def note(response: httpx.Response) -> None:
        await response.aread()
        answered.append(f"{response.request.method} {response.url}\n{response.headers}\n{response.text}")

    code = tmp_path / "app"
    code.mkdir()
    (code / "looks.py").write_text(GRAPH)
    (code / "langgraph.json").write_text('{"dependencies": ["."], "graphs": {"looks": "./looks.py:make"}}')
    where = tmp_path / "kept"
    where.mkdir()
    async with serving(where / "baton.db", config=code / "langgraph.json") as served, caller(served.url) as client:
        client.event_hooks["response"].append(note)
        yield served, client, answered


async def test_a_secret_that_a_run_is_configured_with_is_the_graphs_alone(
    heard: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served, client, answered = heard
    thread = (await client.post("/threads", json={})).json()["thread_id"]
    body = {"assistant_id": "looks", "input": {"messages": []}, "stream_mode": MODES, "stream_resumable": True}
    await client.post(f"/threads/{thread}/runs/stream", json={**body, "config": CONFIGURED})
    [asked] = next(iter((await client.get(f"/threads/{thread}")).json()["interrupts"].values()))
    assert asked["value"]["digests"][0] == asked["value"]["digests"][1]
    assert (asked["value"]["max_tokens"], asked["value"]["person"]) == (7, "ann")
    assert (await client.get(f"/threads/{thread}")).json()["config"] == {"configurable": SHOWN}
    [run] = (await client.get(f"/threads/{thread}/runs")).json()
    assert run["kwargs"]["config"]["configurable"] == SHOWN
    # Whoever answers from an inbox knows nothing of the key: the thread remembers it.
    answer = {**body, "command": {"resume": "on"}, "input": None}
    await client.post(f"/threads/{thread}/runs/stream", json=answer)
    state = (await client.get(f"/threads/{thread}/state")).json()
    assert asked["value"]["digests"][0] in state["values"]["messages"][-1]["content"]
    await client.post(f"/threads/{thread}/state", json={"values": {"messages": []}, "as_node": "look"})
    await client.post("/threads/search", json={})
    await client.post(f"/threads/{thread}/history", json={})
    for one in (await client.get(f"/threads/{thread}/runs")).json():
        await client.get(f"/threads/{thread}/runs/{one['run_id']}/stream", headers={"Last-Event-ID": "-1"})

    made = {"graph_id": "looks", "name": "mine", "config": CONFIGURED, "context": {"service_token": SENTINEL}}
    assistant = (await client.post("/assistants", json=made)).json()
    assert assistant["config"]["configurable"] == SHOWN
    assert assistant["context"] == {"service_token": "***"}
    own = f"/assistants/{assistant['assistant_id']}"
    assert (await client.get(f"{own}/graph")).status_code == 200
    await client.patch(own, json={"config": {"configurable": {**SECRETS, "person": "ben"}}})
    await client.post("/assistants/search", json={})
    await client.post(f"{own}/versions", json={})
    cron = {"assistant_id": "looks", "schedule": "0 0 1 1 *", "input": {"messages": []}, "config": CONFIGURED}
    kept = (await client.post("/runs/crons", json=cron)).json()
    assert kept["payload"]["config"]["configurable"] == SHOWN
    await client.patch(f"/runs/crons/{kept['cron_id']}", json={"schedule": "0 0 2 1 *", "input": {"messages": []}})
    left = (await client.post("/runs/wait", json={"assistant_id": assistant["assistant_id"], "input": {}})).json()
    assert left["__interrupt__"][0]["value"]["person"] == "ben"

    await served.gateway.orchestrator.store.barrier()
    assert [said.split("\n")[0] for said in answered if found_in(said)] == []
    logged = capsys.readouterr()
    assert found_in(logged.err) == found_in(logged.out) == []
    assert leaks(tmp_path / "kept") == {}


async def test_what_looks_sealed_and_is_not_is_refused(heard: Any) -> None:
    _, client, _ = heard
    for value in ("abc", 7, "ZZ=="):
        config = {"configurable": {"api_key": {"$sealed": value}}}
        answer = await client.post("/runs/wait", json={"assistant_id": "looks", "input": {}, "config": config})
        assert (answer.status_code, answer.json()["code"]) == (422, "sealed_not_ours")
