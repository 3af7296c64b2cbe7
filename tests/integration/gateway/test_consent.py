"""What the users of an application's own auth may: what their permissions name, what a handler lets through, wherever
runs begin; the least where nothing is said."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.integration.gateway.test_sockets import connected
from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import announces, asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import GRAPHS, Served, serving

pytestmark = pytest.mark.capability("O21")

SAYS = workflow("says", announces("say", "said"))
ASKS = workflow("asks", asks())


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "baton.db", config=GRAPHS.with_name("langgraph.rules.json")) as gateway:
        yield gateway


@pytest.fixture
def rules(served: Served) -> Iterator[Any]:
    """The module that the gateway asks."""
    custom: Any = served.gateway.door.custom
    module = custom._authenticate.__globals__
    yield module
    module["DISMISSED"].clear()
    module["PROMOTED"].clear()


def user(served: Served, name: str, *permissions: str) -> httpx.AsyncClient:
    headers = {"Authorization": " ".join(["Bearer", name, *permissions])}
    return httpx.AsyncClient(base_url=served.url, headers=headers, timeout=60)


async def status(client: httpx.AsyncClient, verb: str, path: str, body: Any = None) -> int:
    return (await client.request(verb, path, json=body)).status_code


RUN = {"assistant_id": "echo", "input": {"text": "yes"}}


MAY: list[tuple[list[str], set[str]]] = [
    (["viewer"], {"search", "executions"}),
    (["approver"], {"search"}),
    (["operator"], {"search", "run", "create", "executions"}),
    (["editor"], {"search", "run", "create", "assistant", "executions"}),
    (["run"], {"run", "create"}),
    # Nothing of ours is named: the handler lets runs through; they may look, and no more; on our own paths nothing.
    ([], {"search", "run"}),
    (["threads:write", "root"], {"search", "run"}),
]


async def test_rights_are_those_that_permissions_name_and_else_what_a_handler_lets_through(served: Served) -> None:
    acts: dict[str, tuple[str, str, Any]] = {
        "search": ("POST", "/threads/search", {}),
        "run": ("POST", "/runs/wait", RUN),
        "create": ("POST", "/threads", {}),
        "assistant": ("POST", "/assistants", {"graph_id": "echo"}),
        "executions": ("GET", "/v1/executions", None),
        "audit": ("GET", "/v1/audit", None),
    }
    for permissions, may in MAY:
        async with user(served, "ann", *permissions) as ann:
            for name, act in acts.items():
                assert await status(ann, *act) == (200 if name in may else 403), (permissions, name)


async def test_whoever_lacks_a_right_is_told_how_the_auth_gives_it(served: Served) -> None:
    async with user(served, "ann") as ann:
        answer = await ann.post("/threads", json={})
    assert answer.json()["detail"] == (
        "This needs the right 'run', which 'ann' does not have. It has: observe, read. The application's auth gives "
        "more by 'permissions' that name a role, or by a handler."
    )


async def test_the_handler_is_asked_wherever_runs_begin(served: Served) -> None:
    key = await make_key(served.gateway.orchestrator, "admin")
    async with caller(served.url, key) as admin:
        await publish(admin, SAYS)
    ways: dict[str, Callable[[httpx.AsyncClient, str], Awaitable[httpx.Response]]] = {
        "run": lambda ann, text: ann.post("/runs", json={**RUN, "input": {"text": text}}),
        "wait": lambda ann, text: ann.post("/runs/wait", json={**RUN, "input": {"text": text}}),
        "stream": lambda ann, text: ann.post("/runs/stream", json={**RUN, "input": {"text": text}}),
        "thread": lambda ann, text: ann.post(
            "/threads/t/runs/wait", json={**RUN, "input": {"text": text}, "if_not_exists": "create"}
        ),
        "batch": lambda ann, text: ann.post("/runs/batch", json=[RUN, {**RUN, "input": {"text": text}}]),
        "cron": lambda ann, text: ann.post(
            "/runs/crons", json={**RUN, "input": {"text": text}, "schedule": "0 0 1 1 *"}
        ),
        "protocol": lambda ann, text: ann.post(
            "/threads/p/commands",
            json={"id": 1, "method": "run.start", "params": {**RUN, "input": {"text": text}}},
        ),
        "chat": lambda ann, text: ann.post(
            "/v1/chat/completions", json={"model": "says", "messages": [{"role": "user", "content": f"'{text}'"}]}
        ),
        "execution": lambda ann, text: ann.post("/v1/executions", json={"workflow": "says", "input": {"text": text}}),
        "mcp": lambda ann, text: ann.post(
            "/mcp",
            headers={"Accept": "application/json, text/event-stream"},
            json={
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": "says", "arguments": {"text": text}},
            },
        ),
    }
    async with user(served, "ann", "operator") as ann:
        for name, way in ways.items():
            refused, done = await way(ann, "no"), await way(ann, "yes")
            if name in ("protocol", "mcp"):
                assert "not_allowed" in refused.text, name
                assert "not_allowed" not in done.text, name
            else:
                assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), name
                assert done.status_code in (200, 201), f"{name}: {done.text}"


async def test_what_a_cron_will_start_is_judged_when_it_is_changed_too(served: Served) -> None:
    async with user(served, "ann", "operator") as ann:
        made = (await ann.post("/runs/crons", json={**RUN, "schedule": "0 0 1 1 *"})).json()
        assert made["metadata"] == {"owner": "ann"}
        where = f"/runs/crons/{made['cron_id']}"
        assert await status(ann, "PATCH", where, {"input": {"text": "no"}}) == 403
        assert await status(ann, "PATCH", where, {"input": {"text": "maybe"}}) == 200


async def test_graphs_are_told_who_asks_on_every_way_and_nobody_says_they_are_another(served: Served) -> None:
    forged = {"langgraph_auth_user_id": "root", "langgraph_auth_user": {"identity": "root"}}
    forging = {"config": {"configurable": forged}, "context": forged}
    async with user(served, "ann") as ann:
        body = {"assistant_id": "who", "input": {"name": ""}, **forging}
        assert (await ann.post("/runs/wait", json=body)).json()["name"] == "ann"
        command = {"id": 1, "method": "run.start", "params": body}
        started = (await ann.post("/threads/w/commands", json=command)).json()["result"]
        left = (await ann.get(f"/threads/w/runs/{started['run_id']}/join")).json()
        assert (left["name"], left["user"]["identity"]) == ("ann", "ann")
    # A key of ours has no user of the application's: then nobody is named, least of all whom the client names.
    async with caller(served.url, await make_key(served.gateway.orchestrator, "admin")) as admin:
        refused = await admin.post("/runs/wait", json={"assistant_id": "who", "input": {"name": ""}, **forging})
        assert refused.json()["__error__"]["error"] == "KeyError"


async def test_what_is_anothers_is_not_there_on_the_event_protocol_and_in_chats(served: Served) -> None:
    async with user(served, "ann") as ann, user(served, "ben") as ben:
        body = {"assistant_id": "ask", "input": {"text": "secret"}, "if_not_exists": "create"}
        [asked] = (await ann.post("/threads/hers/runs/wait", json=body)).json()["__interrupt__"]
        chat = {"model": "ask", "messages": [{"role": "user", "content": "what?"}]}
        in_hers = {"X-Thread-Id": "hers"}
        # The conversation that he calls so is another one, and is his.
        answer = await ben.post("/v1/chat/completions", json=chat, headers=in_hers)
        assert answer.status_code == 200 and "secret" not in answer.text
        for method, params in (
            ("run.start", RUN),
            ("input.respond", {"interrupt_id": asked["id"], "response": "mine"}),
            ("agent.getTree", {}),
        ):
            command = {"id": 1, "method": method, "params": params}
            said = (await ben.post("/threads/hers/commands", json=command)).json()
            assert said["error"] == "thread_not_found", method
        assert await status(ben, "POST", "/threads/hers/stream/events", {"channels": ["values"]}) == 404
        shown = await ann.post("/v1/chat/completions", json=chat, headers=in_hers)
        assert "secret" in shown.text


async def test_each_message_on_a_socket_is_judged_by_what_the_user_may_then(served: Served, rules: Any) -> None:
    async with connected(served, "s", headers={"Authorization": "Bearer ann viewer"}) as raw:
        assert (await raw.do("run.start", **RUN))["error"] == "not_allowed"
        rules["PROMOTED"]["ann"] = ["operator"]
        assert (await raw.do("run.start", **RUN))["type"] == "success"
        assert (await raw.do("run.start", assistant_id="echo", input={"text": "no"}))["error"] == "not_allowed"
        assert (await raw.do("subscription.subscribe", channels=["values"]))["type"] == "success"
        rules["PROMOTED"]["ann"] = ["run"]
        assert (await raw.do("subscription.subscribe", channels=["values"]))["error"] == "not_allowed"
        rules["DISMISSED"].add("ann")
        refused = await raw.send('{"id": 9, "method": "run.start", "params": {"assistant_id": "echo"}}')
        assert refused["error"] == "not_authenticated"
    with pytest.raises(websockets.InvalidStatus) as denied:
        async with connected(served, "s", headers={"Authorization": "Bearer ben operator"}):
            pass
    assert denied.value.response.status_code == 404


async def test_a_socket_that_was_there_before_the_thread_shows_nothing_of_anothers(served: Served) -> None:
    async with connected(served, "s", headers={"Authorization": "Bearer ben operator"}) as raw:
        async with user(served, "ann", "operator") as ann:
            assert await status(ann, "POST", "/threads/s/runs/wait", {**RUN, "if_not_exists": "create"}) == 200
        assert (await raw.do("subscription.subscribe", channels=["values"]))["error"] == "thread_not_found"
        assert (await raw.do("run.start", **RUN))["error"] == "thread_not_found"


async def test_approvals_of_workflows_are_for_users_whose_permissions_say_so(served: Served) -> None:
    async with caller(served.url, await make_key(served.gateway.orchestrator, "admin")) as admin:
        await publish(admin, ASKS)
    body = {"assistant_id": "asks", "input": {}, "if_not_exists": "create"}
    answer = {"assistant_id": "asks", "command": {"resume": "approve"}}
    async with user(served, "ann") as ann, user(served, "ann", "operator", "decide") as allowed:
        assert "__interrupt__" in (await ann.post("/threads/a/runs/wait", json=body)).json()
        refused = await ann.post("/threads/a/runs/wait", json=answer)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        assert (await allowed.post("/threads/a/runs/wait", json=answer)).json()["status"] == "completed"
