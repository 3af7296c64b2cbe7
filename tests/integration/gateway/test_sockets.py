"""The agent protocol over a WebSocket: through langgraph-sdk, and raw."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import websockets
from langgraph_sdk.client import LangGraphClient

from api.security import bodies
from orchestrator.store.served.values import Search
from tests.support.gateway.people import make_key
from tests.support.gateway.serving import GRAPHS, Served, serving


class Raw:
    """One socket: commands, and the events that came meanwhile."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._number = 0
        self.events: list[Any] = []

    async def send(self, text: str | bytes) -> Any:
        """Send something; the answer."""
        await self._socket.send(text)
        while True:
            said = await self.receive()
            if said["type"] != "event":
                return said

    async def do(self, method: str, **params: Any) -> Any:
        """Send a command; its answer."""
        self._number += 1
        answer = await self.send(orjson.dumps({"id": self._number, "method": method, "params": params}).decode())
        assert answer["id"] == self._number
        return answer

    async def receive(self) -> Any:
        """The next thing that is said."""
        said = orjson.loads(await asyncio.wait_for(self._socket.recv(), 60))
        if said["type"] == "event":
            self.events.append(said)
        return said

    async def until(self, event: str) -> None:
        """Wait for a lifecycle event."""
        while not any(said["params"]["data"].get("event") == event for said in self.events):
            await self.receive()


@asynccontextmanager
async def connected(
    served: Served, thread: str, key: str | None = None, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Raw]:
    where = f"{served.url.replace('http', 'ws')}/threads/{thread}/stream/events"
    sent = {**(headers or {}), **({"x-api-key": key} if key else {})}
    async with websockets.connect(where, additional_headers=sent) as socket:
        yield Raw(socket)


async def test_the_client_follows_a_thread_over_a_socket(client: LangGraphClient) -> None:
    async with client.threads.stream(assistant_id="ask", transport="websocket") as thread:
        await thread.run.start(input={"text": "it"})
        async with asyncio.timeout(60):
            while not thread.interrupts:
                await asyncio.sleep(0.02)
        await thread.run.respond("yes")

        async def output() -> Any:
            return await thread.output

        assert (await asyncio.wait_for(output(), 60))["said"] == ["answered: yes", "after"]


async def test_a_run_is_started_and_followed_on_one_socket(served: Served) -> None:
    thread = "8d0c1b9e-0000-4000-8000-000000000001"
    async with connected(served, thread) as raw:
        started = await raw.do("run.start", assistant_id="echo", input={"text": "hi"})
        assert started["type"] == "success"
        lifecycle = await raw.do("subscription.subscribe", channels=["lifecycle"])
        await raw.do("subscription.subscribe", channels=["updates"])
        await raw.until("completed")
        while not any(said["method"] == "updates" for said in raw.events):
            await raw.receive()
        assert {said["method"] for said in raw.events} == {"lifecycle", "updates"}
        gone = {"subscription_id": lifecycle["result"]["subscription_id"]}
        assert (await raw.do("subscription.unsubscribe", **gone))["type"] == "success"
        assert (await raw.do("subscription.unsubscribe", **gone))["error"] == "no_such_subscription"


async def test_a_run_that_was_over_before_anybody_subscribed_ends_after_its_values(
    http: httpx.AsyncClient, served: Served
) -> None:
    thread = "8d0c1b9e-0000-4000-8000-000000000002"
    async with connected(served, thread) as raw:
        started = await raw.do("run.start", assistant_id="echo", input={"text": "hi"})
        await http.get(f"/threads/{thread}/runs/{started['result']['run_id']}/join")
        await raw.do("subscription.subscribe", channels=["lifecycle", "input"])
        await raw.do("subscription.subscribe", channels=["values", "lifecycle", "input"], namespaces=[[]], depth=1)
        await raw.until("completed")
        told = {said["seq"]: said for said in raw.events}
        assert [told[seq]["method"] for seq in sorted(told)][-2:] == ["values", "lifecycle"]
        assert raw.events[-1] == told[max(told)], "the end was told before what comes before it"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("not JSON", "json_invalid"),
        ("[]", "invalid_argument"),
        ('{"id": 1}', "invalid_argument"),
        ('{"id": 1, "id": 2, "method": "x"}', "json_duplicate_key"),
        ('{"id": 1, "method": "\\ud800"}', "json_lone_surrogate"),
        ('{"id": 1, "method": "x", "params": {"a": NaN}}', "json_not_finite"),
        (b"\xff", "body_not_utf8"),
        ('{"id": 7, "method": "state.get"}', "unknown_command"),
        ('{"id": 7, "method": "subscription.subscribe", "params": {"channels": 1}}', "invalid_argument"),
    ],
)
async def test_what_is_no_command_is_answered_with_a_reason(
    http: httpx.AsyncClient, served: Served, given: Any, error: str
) -> None:
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    async with connected(served, thread) as raw:
        assert (await raw.send(given))["error"] == error
        assert (await raw.do("agent.getTree", assistant_id="echo"))["type"] == "success"


async def test_whoever_may_only_read_starts_nothing_and_other_tenants_see_nothing(served: Served) -> None:
    baton = served.gateway.orchestrator
    admin, viewer = await make_key(baton, "admin"), await make_key(baton, "viewer")
    other = await make_key(baton, "admin", tenant="other")
    thread = "8d0c1b9e-0000-4000-8000-000000000002"
    async with connected(served, thread, admin) as raw:
        assert (await raw.do("run.start", assistant_id="echo", input={"text": "a"}))["type"] == "success"
    async with connected(served, thread, viewer) as raw:
        assert (await raw.do("subscription.subscribe", channels=["values"]))["type"] == "success"
        assert (await raw.do("run.start", assistant_id="echo", input={"text": "a"}))["error"] == "not_allowed"
    async with connected(served, thread, other) as raw:
        for method in ("subscription.subscribe", "agent.getTree", "input.respond"):
            answer = await raw.do(method, channels=["values"], assistant_id="echo", interrupt_id="x")
            assert (method, answer["error"]) == (method, "thread_not_found")
        # Theirs of that name is another thread, on which they may begin what they like.
        assert (await raw.do("run.start", assistant_id="echo", input={"text": "b"}))["type"] == "success"
    assert [len(await served.gateway.desk.search(Search(tenant=one))) for one in ("default", "other")] == [1, 1]
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connected(served, thread):
            pass
    assert refused.value.response.status_code == 401


async def test_a_key_that_is_revoked_meanwhile_starts_nothing_more(served: Served) -> None:
    baton = served.gateway.orchestrator
    admin = await make_key(baton, "admin")
    async with connected(served, "8d0c1b9e-0000-4000-8000-000000000003", admin) as raw:
        assert (await raw.do("run.start", assistant_id="echo", input={"text": "a"}))["type"] == "success"
        [key] = await baton.store.keys()
        await baton.store.revoke_key(key.id)
        refused = await raw.send('{"id": 9, "method": "run.start", "params": {"assistant_id": "echo"}}')
        assert (refused["type"], refused["error"]) == ("error", "not_authenticated")


@pytest.mark.capability("O21")
async def test_a_message_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    thread = "8d0c1b9e-0000-4000-8000-000000000004"
    at = serving(tmp_path / "small.db", config=GRAPHS, max_message=2048)
    async with at as small, connected(small, thread) as raw:
        fits = {"assistant_id": "echo", "input": {"text": "x" * 1500}}
        assert (await raw.do("run.start", **fits))["type"] == "success"
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await raw.do("run.start", assistant_id="echo", input={"text": "x" * 4096})
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_a_long_message_is_looked_at_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the bodies of requests are; and one that is too long for us, whatever server is before us, not at all."""
    seen: list[str] = []
    monkeypatch.setattr(bodies, "check_json", lambda *_: seen.append(threading.current_thread().name))
    await bodies.check_body(b" " * 300_000, 1_000_000, 10)
    await bodies.check_body(b" ", 1_000_000, 10)
    with pytest.raises(bodies.BodyError, match="longer than 1000 bytes"):
        await bodies.check_body(b" " * 1001, 1000, 10)
    assert [name == threading.main_thread().name for name in seen] == [False, True]


async def test_what_several_subscriptions_want_comes_once_and_in_order(served: Served, client: LangGraphClient) -> None:
    """Clients take the end of a run as a reason to listen no longer: nothing of it may come after."""
    thread = (await client.threads.create())["thread_id"]
    async with connected(served, thread) as socket:
        for channels in (["lifecycle", "input"], ["values", "lifecycle"], ["updates", "values"]):
            await socket.do("subscription.subscribe", channels=channels)
        await socket.do("run.start", assistant_id="slow", input={"text": "0"})
        await socket.until("completed")
        seqs = [said["seq"] for said in socket.events]
    assert seqs == sorted(set(seqs))
    assert {said["method"] for said in socket.events} == {"lifecycle", "values", "updates"}
    assert socket.events[-1]["params"]["data"] == {"event": "completed"}


async def test_who_comes_later_is_told_what_is_asked_and_answers_all_of_it_at_once(
    served: Served, client: LangGraphClient
) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "ask_both", input={"text": "x"})
    for _ in range(2):  # each page that is opened is told
        async with connected(served, thread) as socket:
            await socket.do("subscription.subscribe", channels=["input", "lifecycle", "values"])
            while sum(said["method"] == "input.requested" for said in socket.events) < 2:
                await socket.receive()
            asked = [said["params"]["data"] for said in socket.events if said["method"] == "input.requested"]
    responses = [{"interrupt_id": one["interrupt_id"], "response": f"to {one['value']}"} for one in asked]
    async with connected(served, thread) as socket:
        for wrong in (["x"], [{"interrupt_id": 1}]):
            assert (await socket.do("input.respond", responses=wrong))["type"] == "error"
        await socket.do("subscription.subscribe", channels=["lifecycle"])
        started = await socket.do("input.respond", responses=responses, config={"tags": ["a"]}, metadata={"by": "me"})
        await socket.until("completed")
    run = await client.runs.get(thread, started["result"]["run_id"])
    assert run["metadata"]["by"] == "me"
    state: Any = await client.threads.get_state(thread)
    assert sorted(state["values"]["said"]) == ["left: to left?", "right: to right?"]
