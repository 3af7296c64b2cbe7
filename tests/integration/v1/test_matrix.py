"""Every route × every verb × {no key, too small a role, another tenant}, made from the OpenAPI document.

A route that is added is judged here without anybody thinking of it. WebSockets, which the document does not show, come
from the routes.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import websockets
from fastapi.routing import APIRoute, APIWebSocketRoute

from api.app import create_app
from api.security.guard import Guard
from api.security.needs import declared
from api.security.rights import ALL, RIGHTS, Right, Role
from tests.support.gateway.calls import publish, start, until_rest
from tests.support.gateway.definitions import announces, asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.samples import Samples
from tests.support.gateway.serving import GRAPHS, Served, serving

pytestmark = pytest.mark.capability("O21")

BLIND = ALL - {Right.READ, Right.OBSERVE, Right.DECIDE}
"""Whoever may observe or decide is let in to what shows less to them."""

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MARK = f"mark-{uuid.uuid4().hex}"
DEFINITION = workflow("marked", asks(message=MARK, assignees=["admin"]), triggers=[{"event": "never"}])


@dataclass
class House:
    """A gateway in which tenant `ours` has one of everything, marked; and the document to go by."""

    served: Served
    document: dict[str, Any]
    ours: dict[str, str]
    samples: Samples

    @property
    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        return [
            (verb.upper(), path, operation)
            for path, operations in self.document["paths"].items()
            for verb, operation in operations.items()
        ]

    async def key(self, role: str, tenant: str = "ours", scopes: Any = ()) -> str:
        return await make_key(self.served.gateway.orchestrator, role, tenant=tenant, scopes=sorted(scopes))

    def nowhere(self) -> dict[str, str]:
        """Values for all parameters that name nothing."""
        return {name: str(uuid.uuid4()) for name in self.ours} | {"namespace": "x", "letter_id": "987654321"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    limits = {"stranger_rate": 0, "key_rate": 0, "tenant_rate": 0}
    async with serving(tmp_path / "baton.db", config=GRAPHS, heartbeat=0.2, **limits) as served:
        key = await make_key(served.gateway.orchestrator, "admin", tenant="ours")
        async with caller(served.url, key) as ours:
            yield await furnished(served, ours)


async def furnished(served: Served, ours: httpx.AsyncClient) -> House:
    await publish(ours, DEFINITION)
    execution = (await start(ours, workflow="marked", metadata={"mark": MARK}))["id"]
    await until_rest(served, execution)
    marked = {"metadata": {"mark": MARK}}
    assistant = (await ours.post("/assistants", json={"graph_id": "echo", "name": MARK, **marked})).json()
    thread = (await ours.post("/threads", json=marked)).json()["thread_id"]
    run = (await ours.post(f"/threads/{thread}/runs", json={"assistant_id": "echo", "input": {"text": MARK}})).json()
    await ours.get(f"/threads/{thread}/runs/{run['run_id']}/join")
    state = (await ours.get(f"/threads/{thread}/state")).json()
    digest = (await ours.get(f"/v1/approvals/{execution}/ask")).json()["digest"]
    source = (await ours.post("/v1/webhooks", json={"name": MARK, "event_type": "t"})).json()["id"]
    hook = {"url": f"https://{MARK}.invalid", "kinds": ["nothing.that_happens"]}
    target = (await ours.post("/v1/webhook-targets", json=hook)).json()["id"]
    letter = await dead_letter(served, ours)
    item = {"namespace": ["marked"], "key": "k", "value": {"mark": MARK}}
    assert (await ours.put("/store/items", json=item)).status_code == 204
    cron = {"schedule": "0 0 1 1 *", "assistant_id": "echo", **marked}
    cron_id = (await ours.post(f"/threads/{thread}/runs/crons", json=cron)).json()["cron_id"]
    document = (await ours.get("/openapi.json")).json()
    values = {
        "execution_id": execution,
        "other_id": execution,
        "path": "ask",
        "name": "marked",
        "version": "1.0",
        "assistant_id": assistant["assistant_id"],
        "thread_id": thread,
        "run_id": run["run_id"],
        "checkpoint_id": state["checkpoint"]["checkpoint_id"],
        "namespace": "x",
        "token": "x",
        "source_id": source,
        "target_id": target,
        "letter_id": str(letter),
        "cron_id": cron_id,
        "model": assistant["assistant_id"],
        "trigger": "never",
    }
    known = {
        "definition": DEFINITION,
        "template": "kind: WorkflowTemplate",
        "assistant_id": "echo",
        "workflow": "marked",
        "digest": digest,
        "at": "ask",
        "text": "hello",
        "to": "ben",
        "assignees": ["ben"],
        "graph_id": "echo",
        "version": 1,
        "checkpoint": {"checkpoint_id": values["checkpoint_id"]},
        "thread_ids": [thread],
        "run_ids": [run["run_id"]],
        "namespace": ["marked"],
        "key": "k",
        "url": "https://hook.invalid",
        "method": "input.respond",
        "params": {"namespace": [], "interrupt_id": "x", "response": "x"},
        "schedule": "0 0 1 1 *",
        "model": "echo",
        "messages": [{"role": "user", "content": "hello"}],
    }
    return House(served, document, values, Samples(document, known, {"namespace": "marked", "key": "k"}))


async def dead_letter(served: Served, ours: httpx.AsyncClient) -> int:
    """Something that failed for good."""
    sweep = announces("sweep", "swept", share="{{ 1 / input.left }}")
    await publish(ours, workflow("doomed", announces("go", "gone"), **{"finally": [sweep]}))
    doomed = (await start(ours, workflow="doomed", input={"left": 0}, metadata={"mark": MARK}))["id"]
    await served.gateway.orchestrator.wait(doomed)
    [letter] = (await ours.get("/v1/dead-letters")).json()["dead_letters"]
    return int(letter["id"])


async def test_without_a_key_nothing_is_answered_but_what_is_everybodys(house: House) -> None:
    async with caller(house.served.url) as nobody:
        for verb, path, operation in house.operations:
            where = house.samples.path(path, house.ours)
            answer = await nobody.request(verb, where, **house.samples.request(operation))
            if operation["x-needs"]:
                assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), f"{verb} {path}"
                assert MARK not in answer.text
            else:
                assert path in EVERYBODYS, f"{verb} {path} needs no key: is that meant?"


EVERYBODYS = {
    "/ok",
    "/info",
    "/v1/health",
    "/v1/ready",
    "/v1/links/{token}",
    "/v1/questions/{token}",
    "/v1/webhooks/{source_id}",
}
"""Said here once more, by hand: a route must not become everybody's by a slip."""


async def test_a_verb_that_a_route_does_not_have_opens_nothing(house: House) -> None:
    key = await house.key("admin")
    async with caller(house.served.url) as nobody, caller(house.served.url, key) as admin:
        for path, operations in house.document["paths"].items():
            where = house.samples.path(path, house.ours)
            for verb in VERBS:
                if verb.lower() in operations:
                    continue
                for client in (nobody, admin):
                    answer = await client.request(verb, where)
                    # A path may also fit another route's pattern, which then asks for a key.
                    assert answer.status_code in (401, 404, 405, 422), f"{verb} {path}: {answer.status_code}"
                    assert MARK not in answer.text


async def test_a_right_that_is_missing_is_missed_on_every_route(house: House) -> None:
    keys = {right: await house.key("admin", scopes=ALL - {right}) for right in Right}
    neither = await house.key("admin", scopes=ALL - {Right.RUN, Right.DECIDE})
    blind = await house.key("admin", scopes=BLIND)
    for verb, path, operation in house.operations:
        where = house.samples.path(path, house.ours)
        for right in operation["x-needs"]:
            key = neither if "x-needs-to-answer" in operation else keys[Right(right)]
            key = blind if "x-shows-less-to" in operation else key
            async with caller(house.served.url, key) as client:
                answer = await client.request(verb, where, **house.samples.request(operation))
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), f"{verb} {path} without {right}"
            assert MARK not in answer.text


async def test_each_role_may_what_its_rights_say_and_no_more(house: House) -> None:
    for role in Role:
        async with caller(house.served.url, await house.key(role)) as client:
            for verb, path, operation in house.operations:
                where = house.samples.path(path, house.nowhere())
                for words, request in requests(house, path, operation):
                    answer = await client.request(verb, where, **request)
                    may = any(set(operation[each]) <= RIGHTS[role] for each in words)
                    may = may or bool(RIGHTS[role].intersection(operation.get("x-shows-less-to", ())))
                    refused = answer.status_code == 403 and answer.json()["code"] == "not_allowed"
                    assert refused is not may, f"{role}: {verb} {path} answered {answer.status_code}"


def requests(house: House, path: str, operation: dict[str, Any]) -> Iterator[tuple[Sequence[str], dict[str, Any]]]:
    """Requests to an operation, each with where it says what they need: answers need less where it takes any."""
    request = house.samples.request(operation)
    if "x-needs-to-answer" not in operation:
        yield ["x-needs"], request
    elif path == COMMANDS:
        yield ["x-needs"], {**request, "json": {**request["json"], "method": "run.start"}}
        yield ["x-needs", "x-needs-to-answer"], {**request, "json": {**request["json"], "method": "input.respond"}}
    else:
        yield ["x-needs"], request
        yield ["x-needs", "x-needs-to-answer"], {**request, "json": {**request["json"], "command": {"resume": "yes"}}}


async def test_whoever_may_not_read_sees_nothing_of_what_does_not_ask_them(house: House) -> None:
    """All that is marked belongs to others of the same tenant, what is asked, too; and it is a value everywhere."""
    before = await everything(house)
    let_in: dict[str, int] = {}
    for role, right in (("approver", Right.DECIDE), ("viewer", Right.OBSERVE)):
        async with caller(house.served.url, await house.key(role, scopes=[right])) as client:
            for verb, path, operation in house.operations:
                where = house.samples.path(path, house.ours)
                for _, request in requests(house, path, operation):
                    answer = await client.request(verb, where, **request)
                    assert MARK not in answer.text, f"{verb} {path} shows {role} what is another's: {answer.text}"
                    assert answer.status_code < 500, f"{verb} {path}: {answer.text}"
                    let_in[right] = let_in.get(right, 0) + (answer.status_code == 200 and bool(operation["x-needs"]))
    assert let_in[Right.OBSERVE] >= 6 and let_in[Right.DECIDE] >= 2  # or nothing was looked at
    assert await everything(house) == before


async def test_another_tenant_sees_nothing_and_changes_nothing(house: House) -> None:
    before = await everything(house)
    async with caller(house.served.url, await house.key("admin", tenant="theirs")) as stranger:
        # What names something of ours first: a stranger may make things of their own under the same ids afterwards.
        for verb, path, operation in sorted(house.operations, key=lambda one: "{" not in one[1]):
            if not operation["x-needs"]:
                continue
            request = house.samples.request(operation)
            answer = await stranger.request(verb, house.samples.path(path, house.ours), **request)
            assert MARK not in answer.text, f"{verb} {path} shows another tenant's: {answer.text}"
            assert answer.status_code < 500, f"{verb} {path}: {answer.text}"
            if not house.samples.parameters(path):
                continue
            nothing = house.nowhere()
            missing = await stranger.request(verb, house.samples.path(path, nothing), **request)
            if path != COMMANDS:
                assert answer.status_code == 404, f"{verb} {path} of another tenant: {answer.status_code} {answer.text}"
            both = {**house.ours, **{f"no {name}": value for name, value in nothing.items()}}
            assert masked(answer, both) == masked(missing, both), f"{verb} {path} tells that it exists"
    assert await everything(house) == before


COMMANDS = "/threads/{thread_id}/commands"
"""Answers every command with 200, as its protocol wants; what it says must be the same of nothing and of another's."""


def masked(answer: httpx.Response, values: dict[str, str]) -> Any:
    text = answer.text
    for value in sorted(values.values(), key=len, reverse=True):
        if len(value) > 3:
            text = text.replace(value, "ID")
    # What is too short to be looked for anywhere, where it stands.
    for short in ("/ask", "'ask'", "1.0", "letter 1", "letters/1", '"letter_id":1'):
        text = text.replace(short, re.sub(r"ask|1\.0|1", "ID", short))
    return answer.status_code, text


async def everything(house: House) -> list[Any]:
    """What tenant `ours` has."""
    found = []
    async with caller(house.served.url, await house.key("admin")) as ours:
        for verb, path, operation in house.operations:
            if verb == "GET" and operation["x-needs"] and not path.startswith(("/v1/audit", "/v1/approvals/{")):
                request = house.samples.request(operation)
                async with ours.stream("GET", house.samples.path(path, house.ours), **request) as answer:
                    # Some streams do not end by themselves; of those, that they open is enough.
                    streams = answer.headers.get("content-type", "").startswith("text/event-stream")
                    said = "" if streams else (await answer.aread()).decode()
                    found.append((path, answer.status_code, re.sub(r"(_age_seconds) \S+", r"\1 AGE", said)))
        approval = (await ours.get(f"/v1/approvals/{house.ours['execution_id']}/ask")).json()
        found.append(("approval", 200, str(approval)))
    # Each route must show something of ours here, or the comparison would prove nothing.
    assert [path for path, status, _ in found if status != 200 and "subgraphs" not in path] == []
    return found


HIDDEN = {("GET", "/openapi.json"), ("GET", "/docs")}
"""What the document does not show; everybody's, both of them."""


async def test_no_route_is_left_out_of_the_matrix(house: House, record_property: Callable[[str, Any], None]) -> None:
    judged = {(verb, path) for verb, path, _ in house.operations}
    served, sockets = set(), 0
    for route in create_app(house.served.gateway).routes:
        assert isinstance(getattr(route, "app", None), Guard), f"{route!r} has no guard before it"
        if isinstance(route, APIWebSocketRoute):
            sockets += 1
        else:
            assert isinstance(route, APIRoute), f"{route!r} would be judged by nobody"
            if route.methods == {"HEAD"}:  # as its GET, and for everybody
                assert [each.right for each in declared(route.dependant)] == [None]
                continue
            served |= {(verb, route.path_format) for verb in route.methods or ()}
    assert served - judged == HIDDEN
    rights = sum(len(operation["x-needs"]) for *_, operation in house.operations)
    named = sum(bool(operation["x-needs"]) for *_, operation in house.operations)
    record_property(
        "size",
        f"authorization: {len(judged)} operations and {sockets} WebSocket, each without a key and with another "
        f"tenant's ({named} that need one), {rights} without one of their rights, {len(Role)} roles each; "
        f"{len(VERBS)} verbs on {len(house.document['paths'])} paths",
    )


async def test_websockets_are_refused_before_they_open(house: House) -> None:
    """By their handshake: whoever has no key gets 401 in answer to it, who may not look 403, and no socket."""
    app = create_app(house.served.gateway)
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    blind = await house.key("admin", scopes=BLIND)
    sockets = [route for route in app.routes if isinstance(route, APIWebSocketRoute)]
    async with caller(house.served.url) as nobody, caller(house.served.url, blind) as known:
        for route in sockets:
            where = house.samples.path(route.path, house.ours)
            for client, status in ((nobody, 401), (known, 403)):
                answer = await client.get(where, headers=handshake)
                assert answer.status_code == status, f"WebSocket {route.path}: {answer.status_code}"
    assert sockets


async def test_another_tenants_socket_shows_what_one_to_nothing_shows(house: House) -> None:
    key = {"x-api-key": await house.key("admin", tenant="theirs")}
    ours, nothing = house.ours, house.nowhere()
    named = sorted({*ours.values(), *nothing.values()}, key=len, reverse=True)  # short ones stand in long ones, too
    for route in create_app(house.served.gateway).routes:
        if isinstance(route, APIWebSocketRoute):
            seen = []
            for values in (ours, nothing):
                where = house.served.url.replace("http", "ws") + house.samples.path(route.path, values)
                async with websockets.connect(where, additional_headers=key) as socket:
                    for number, (method, params) in enumerate(SAID):
                        await socket.send(orjson.dumps({"id": number, "method": method, "params": params}))
                        said = str(await asyncio.wait_for(socket.recv(), 60))
                        assert MARK not in said
                        seen.append(re.sub("|".join(map(re.escape, named)), "ID", said))
            assert seen[: len(SAID)] == seen[len(SAID) :], f"WebSocket {route.path}"


SAID = [
    ("subscription.subscribe", {"channels": ["values", "updates", "lifecycle", "input", "messages"], "since": 0}),
    ("agent.getTree", {"assistant_id": "echo"}),
    ("input.respond", {"interrupt_id": "x", "response": "x"}),
    ("nothing", {}),
]
"""What is said on each socket of another tenant's, and on one to nothing: but for what would make something."""
