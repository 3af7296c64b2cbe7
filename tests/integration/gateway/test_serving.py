"""The gateway as a server: what it says of itself, how it refuses, how it starts and stops."""

import asyncio
import json
import os
import socket
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from api import connections
from api.security import bodies, refuse_open_network
from api.serve import Server, listening
from api.settings import GatewaySettings
from graphs.errors import SettingsError
from tests.support.gateway.people import caller
from tests.support.gateway.process import process
from tests.support.gateway.serving import serving
from tests.support.listening import free_port


async def test_it_says_that_it_lives_and_what_it_is(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served, caller(served.url) as client:
        assert (await client.get("/ok")).json() == {"ok": True}
        assert (await client.get("/info")).json()["flags"]["assistants"] is True
        assert (await client.get("/docs")).status_code == 200
        assert "/ok" in (await client.get("/openapi.json")).json()["paths"]


@pytest.mark.parametrize("path", ["/ok", "/info", "/docs", "/openapi.json", "/v1/health", "/v1/ready"])
async def test_whoever_asks_only_whether_it_is_there_is_told_as_much_as_by_a_get(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path / "baton.db") as served, httpx.AsyncClient(base_url=served.url) as client:
        whole, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length"):
            assert head.headers[name] == whole.headers[name]
        assert "head" not in (await client.get("/openapi.json")).json()["paths"].get(path, {})
        assert (await client.head("/assistants/echo")).status_code == 405


async def test_every_operation_is_described_in_a_sentence(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served, caller(served.url) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    operations = {f"{method} {path}": each for path, methods in paths.items() for method, each in methods.items()}
    assert len(operations) > 100
    for name, each in operations.items():
        assert len(each["summary"].split()) >= 2 and not each["summary"].endswith("."), (name, each["summary"])
        assert " ".join(each["description"].split()).startswith(each["summary"]), name
    assert operations["get /v1/executions/{execution_id}"]["summary"].startswith("An execution with its steps")


async def test_an_error_has_the_one_shape(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served, caller(served.url) as client:
        response = await client.get("/nowhere")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "urn:baton:error:not_found",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no path '/nowhere'. What there is: /docs.",
        "instance": "/nowhere",
        "code": "not_found",
    }


async def test_a_body_that_does_not_say_that_it_is_json_is_told_how(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served, httpx.AsyncClient(base_url=served.url) as client:
        form = {"content-type": "application/x-www-form-urlencoded"}  # what `curl -d` says by itself
        response = await client.post("/v1/executions", content=b'{"workflow": "refund"}', headers=form)
    assert response.status_code == 422
    assert response.json()["detail"] == (
        "The body is sent as 'application/x-www-form-urlencoded' and not as JSON. "
        "Send it with 'content-type: application/json'."
    )


async def test_a_method_that_a_path_does_not_take_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served, httpx.AsyncClient(base_url=served.url) as client:
        response = await client.delete("/v1/executions")
    assert response.status_code == 405 and response.json()["code"] == "method_not_allowed"
    assert response.json()["detail"] == "'/v1/executions' takes no DELETE. What there is: /docs."


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_an_open_gateway_listens_on_this_machine(host: str) -> None:
    refuse_open_network(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "gateway.example"])
def test_an_open_gateway_refuses_to_listen_for_others(host: str) -> None:
    with pytest.raises(SettingsError, match=f"has no keys, so it does not listen at '{host}'"):
        refuse_open_network(host)


def test_an_address_in_use_is_named() -> None:
    with listening(GatewaySettings(port=0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(SettingsError, match=f"Cannot listen at 127.0.0.1:{port}: Address already in use"):
            listening(GatewaySettings(port=port))


async def test_answers_do_not_wait_for_acknowledgements() -> None:
    """40 ms for each answer, otherwise; asyncio sees to it for sockets that say they are TCP."""
    with listening(GatewaySettings(port=0)) as listener:
        taken: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            taken.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(connected, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname()[:2])
            assert await asyncio.wait_for(taken, 60) == 1
            writer.close()


async def test_a_connection_is_kept_for_longer_than_clients_keep_theirs(tmp_path: Path) -> None:
    """Otherwise a request is lost that is sent on one which is just being closed."""
    async with serving(tmp_path / "baton.db") as served:
        kept_by_clients = httpx.AsyncHTTPTransport()._pool._keepalive_expiry  # type: ignore[attr-defined]
        assert Server(served.gateway).config.timeout_keep_alive > 2 * kept_by_clients


async def test_a_stop_lets_streams_go_without_a_word_of_trouble(tmp_path: Path) -> None:
    """Those of threads end, those of runs are cut: their clients come back."""
    async with process(tmp_path / "baton.db", free_port(), BATON_DRAIN="0.1") as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, timeout=60) as client:
            thread = (await client.post("/threads", json={})).json()["thread_id"]
            slow = {"assistant_id": "slow", "input": {"text": "60"}}
            async with (
                client.stream("GET", f"/threads/{thread}/stream") as of_thread,
                client.stream("POST", "/runs/stream", json=slow) as of_run,
            ):
                stopping = asyncio.create_task(gateway.stop())
                await asyncio.wait_for(of_thread.aread(), 60)
                with pytest.raises(httpx.RemoteProtocolError):
                    await asyncio.wait_for(of_run.aread(), 60)
                assert await stopping == 0
        assert "Traceback" not in await gateway.said()


@pytest.mark.parametrize(("before", "said"), [(0, b""), (0, b"GET /ok HT"), (1, b"GET /ok HT")])
async def test_a_connection_on_which_no_request_comes_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, said: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD", 1)
    async with serving(tmp_path / "baton.db") as served:
        reader, writer = await asyncio.open_connection(*served.url.removeprefix("http://").split(":"))
        for _ in range(before):
            writer.write(b"GET /ok HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"}"), 60)
        writer.write(said)
        assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()


async def test_a_stream_is_no_connection_on_which_no_request_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD", 1)
    async with serving(tmp_path / "baton.db", heartbeat=0.2) as served, caller(served.url) as http:
        thread = (await http.post("/threads", json={})).json()["thread_id"]
        at = f"{served.url.replace('http', 'ws')}/threads/{thread}/stream/events"
        async with http.stream("GET", f"/threads/{thread}/stream") as stream, connect(at) as socket:
            lines = stream.aiter_lines()
            for _ in range(20):  # of which each second one is a sign of life
                await asyncio.wait_for(anext(lines), 60)
            await socket.send('{"id": 1, "method": "subscription.subscribe", "params": {"channels": ["values"]}}')
            assert '"success"' in str(await asyncio.wait_for(socket.recv(), 60))


async def test_the_rest_of_a_body_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_SILENCE", 0.2)

    async with serving(tmp_path / "baton.db") as served, caller(served.url) as http:
        reader, writer = await asyncio.open_connection(*served.url.removeprefix("http://").split(":"))
        writer.write(b"POST /threads HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n")
        writer.write(b"content-length: 100\r\n\r\n{")
        assert b"HTTP/1.1 400" in await asyncio.wait_for(reader.readline(), 60)
        assert (await http.get("/ok")).status_code == 200
        writer.close()


_BLOCKING = """
import threading
from typing import TypedDict
from langgraph.graph import START, StateGraph

class State(TypedDict, total=False):
    text: str

def graph(work):
    return StateGraph(State).add_node("work", work).add_edge(START, "work").compile()

blocking = graph(lambda state: threading.Event().wait())
plain = graph(lambda state: {"text": state["text"].upper()})
"""


async def test_nodes_that_block_hold_up_neither_others_nor_the_end_of_the_process(tmp_path: Path) -> None:
    """On two processors, the usual pool of an event loop has six threads."""
    (tmp_path / "blocking.py").write_text(_BLOCKING)
    graphs = {name: f"./blocking.py:{name}" for name in ("blocking", "plain")}
    (config := tmp_path / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": graphs}))
    async with process(tmp_path / "baton.db", free_port(), config=config, BATON_DRAIN="0.1") as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, timeout=60) as client:
            blocking = [{"assistant_id": "blocking", "input": {}}] * ((os.cpu_count() or 1) + 8)
            runs = (await client.post("/runs/batch", json=blocking)).json()
            large = {"assistant_id": "plain", "input": {"text": "a" * 300_000}}
            assert (await client.post("/runs/wait", json=large)).json() == {"text": "A" * 300_000}
            shown = [await client.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}") for run in runs]
            assert {each.json()["status"] for each in shown} == {"running"}
        assert await gateway.stop() == 0
