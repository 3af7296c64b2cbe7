"""Sessions with MCP servers: one for many calls, another when it is broken, none when nobody asks; and servers that
cannot be reached hold up nobody."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from agents import Call, McpServer, Models, Script, Tool, Tools, Turn
from agents.tools.mcp import Client
from agents.tools.mcp_connections import McpConnections, McpStatus
from graphs.clock import SystemClock
from graphs.errors import StepError
from graphs.steps import StepContext
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from tests.support.engine.engines import workflow
from tests.support.listening import free_port

Make = Callable[..., StepContext]
pytestmark = pytest.mark.capability("I06", "I20")
SECONDS = 120  # servers that were not there are asked again after pauses that grow to a minute

BY_HAND = """
import json, os, sys


def answer(said, **result):
    print(json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": result}), flush=True)


names = os.environ.get("NAMES", "who hang die").split()
for line in sys.stdin:
    said = json.loads(line)
    asked, more = said["method"], said.get("params", {})
    tool = more.get("name")
    if asked == "initialize":
        about = {"name": "desk", "version": "1"}
        answer(said, protocolVersion=more["protocolVersion"], capabilities={"tools": {}}, serverInfo=about)
    elif asked == "tools/list":
        answer(said, tools=[{"name": name, "inputSchema": {"type": "object"}} for name in names])
    elif tool == "who":
        answer(said, content=[{"type": "text", "text": str(os.getpid())}])
    elif tool == "hang":
        with open(__file__ + ".hanging", "a") as file:
            file.write(str(said["id"]) + chr(10))
        with open(__file__ + ".hangs", "a") as file:
            file.write("x")
    elif tool == "die":
        os._exit(1)
    elif asked == "notifications/cancelled":
        with open(__file__ + ".cancelled", "a") as file:
            file.write(str(more["requestId"]) + chr(10))
"""
"""Over stdio, and by hand: what takes a second to import would be imported for each process."""

OVER_HTTP = """
import os, sys
from mcp.server.fastmcp import Context, FastMCP

server = FastMCP("desk", port=int(sys.argv[1]))


@server.tool()
def who() -> str:
    "Which process this is."
    return str(os.getpid())


@server.tool()
def header(context: Context) -> str:
    "The key in the headers of the request."
    return context.request_context.request.headers.get("idempotency-key", "")


server.run(transport="streamable-http")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "by_hand.py"
    path.write_text(BY_HAND)
    return path


@pytest.fixture
def stdio(script: Path) -> dict[str, Any]:
    return {"name": "desk", "command": sys.executable, "args": ("-S", str(script))}


@asynccontextmanager
async def _spoken_to(**server: Any) -> AsyncIterator[dict[str, Tool]]:
    client = Client(McpServer(**server))
    try:
        yield {tool.name: tool for tool in await client.tools()}
    finally:
        await client.aclose()


@contextmanager
def _listening(folder: Path, port: int) -> Iterator[None]:
    (folder / "over_http.py").write_text(OVER_HTTP)
    process = subprocess.Popen([sys.executable, folder / "over_http.py", str(port)], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def _heard(port: int) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            await asyncio.sleep(0.02)


async def _gone(pid: int) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            await asyncio.sleep(0.02)


async def _ask(tools: dict[str, Tool], name: str, context: StepContext) -> Any:
    said = await tools[f"desk_{name}"].run({}, context)
    said = said["result"] if isinstance(said, dict) else said
    return int(said) if name == "who" else said


async def test_calls_share_a_session_and_it_ends_with_the_engine(make_context: Make, stdio: dict[str, Any]) -> None:
    async with _spoken_to(**stdio) as tools:
        first = await _ask(tools, "who", make_context())
        others = await asyncio.gather(*(_ask(tools, "who", make_context()) for _ in range(5)))
        assert {first, *others} == {first}
    await _gone(first)


async def test_a_server_that_died_between_calls_is_started_again(make_context: Make, stdio: dict[str, Any]) -> None:
    """Nobody had heard the call, so it is made at the new one, and whoever wanted it hears of nothing."""
    async with _spoken_to(**stdio) as tools:
        for _ in range(2):
            first = await _ask(tools, "who", make_context())
            os.kill(first, signal.SIGKILL)
            await _gone(first)
            for _ in range(100):  # until the end of its output has been read, too
                await asyncio.sleep(0)
            assert await _ask(tools, "who", make_context()) != first


async def test_a_server_that_dies_in_a_call_fails_it_and_is_there_for_the_next(
    make_context: Make, stdio: dict[str, Any]
) -> None:
    """The call may have done something: whether it is made again is for the step's policy to say."""
    async with _spoken_to(**stdio) as tools:
        with pytest.raises(StepError, match=r"^MCP server 'desk' failed: ") as failed:
            await asyncio.wait_for(_ask(tools, "die", make_context()), SECONDS)
        assert (failed.value.code, failed.value.category) == ("mcp_failed", "dependency")
        assert failed.value.details["outcome"] == "unknown"
        assert await _ask(tools, "who", make_context())


async def test_what_takes_too_long_is_ended_and_disturbs_nobody(
    make_context: Make, stdio: dict[str, Any], script: Path
) -> None:
    """A call whose time is over, and one that is cut off: the process that is at it is ended, once nobody else waits
    for it."""
    hanging = Path(f"{script}.hangs")
    async with _spoken_to(**stdio, tools={"hang": {"timeout": 0.3}, "*": {}}) as tools:
        first = await _ask(tools, "who", make_context())
        with pytest.raises(StepError, match="Timed out"):
            await _ask(tools, "hang", make_context())
        await _gone(first)
        second = await _ask(tools, "who", make_context())
    async with _spoken_to(**stdio) as tools:
        second = await _ask(tools, "who", make_context())
        cut = asyncio.create_task(_ask(tools, "hang", make_context()))
        stays = asyncio.create_task(_ask(tools, "hang", make_context()))
        async with asyncio.timeout(SECONDS):
            while hanging.read_text() != "xxx":
                await asyncio.sleep(0.02)
        cut.cancel()
        await asyncio.wait([cut])
        third = await _ask(tools, "who", make_context())
        assert third != second, "nobody begins anything in a session that is to be closed"
        os.kill(second, 0)  # somebody waits for it still
        stays.cancel()
        await asyncio.wait([stays])
        await _gone(second)
        assert await _ask(tools, "who", make_context()) == third


async def test_a_call_that_is_cut_off_is_taken_back_at_its_server(
    make_context: Make, stdio: dict[str, Any], script: Path
) -> None:
    """As the protocol has it (`notifications/cancelled`), and no other call with it."""
    hanging, taken_back = Path(f"{script}.hanging"), Path(f"{script}.cancelled")

    async def written(path: Path, lines: int) -> list[str]:
        async with asyncio.timeout(SECONDS):
            while not path.exists() or len(path.read_text().splitlines()) < lines:
                await asyncio.sleep(0.02)
        return path.read_text().splitlines()

    async with _spoken_to(**stdio) as tools:
        stays = asyncio.create_task(_ask(tools, "hang", make_context()))
        [first] = await written(hanging, 1)
        cut = asyncio.create_task(_ask(tools, "hang", make_context()))
        _, second = await written(hanging, 2)
        cut.cancel()
        assert await written(taken_back, 1) == [second] != [first]
        assert not stays.done()
        stays.cancel()
        await asyncio.wait([cut, stays])
    hanging.unlink()
    taken_back.unlink(missing_ok=True)
    async with _spoken_to(**stdio, tools={"hang": {"timeout": 0.3}}) as tools:
        both = await asyncio.gather(*(_ask(tools, "hang", make_context()) for _ in "ab"), return_exceptions=True)
        assert ["Timed out" in str(one) for one in both] == [True, True]
        assert sorted(await written(taken_back, 2)) == sorted(await written(hanging, 2)), "nor is one that is too late"


async def test_every_tool_has_a_name_of_its_own_that_stays_the_same(
    make_context: Make, stdio: dict[str, Any], tmp_path: Path
) -> None:
    long, longer = "a" * 70 + "1", "a" * 70 + "2"

    async def names(*of: str) -> dict[str, str]:
        async with _spoken_to(**stdio, env={"NAMES": " ".join(of)}) as tools:
            return dict(zip(of, tools, strict=True))

    every = await names("find", "find.it", "find/it", "find_it", long, longer)
    assert (every["find"], every["find_it"]) == ("desk_find", "desk_find_it")
    assert len(set(every.values())) == 6 and all(len(name) <= 64 for name in every.values())
    for name in every:
        assert (await names(name))[name] == every[name], "whatever else there is"

    found = {}
    for order in (("git", "git_hub"), ("git_hub", "git")):
        servers = [McpServer(**{**stdio, "name": name}, env={"NAMES": "hub_find find"}) for name in order]
        tools = Tools()
        connections = McpConnections(servers, tools, Client, SystemClock())
        await connections.open()
        found[order] = {one.name: set(one.tools) for one in connections.statuses()}
        assert set(tools.names()) == set.union(*found[order].values())
        await connections.aclose()
    first, second = found.values()
    assert first == second and first["git_hub"] == {"git_hub_find", "git_hub_hub_find"}
    [other] = first["git"] - {"git_find"}
    assert other.startswith("git_hub_find_"), "that of `git_hub` is called so"


async def test_a_session_that_nobody_asks_anything_is_closed(make_context: Make, stdio: dict[str, Any]) -> None:
    async with _spoken_to(**stdio, idle=0.05) as tools:
        first = await _ask(tools, "who", make_context())
        await _gone(first)
        assert await _ask(tools, "who", make_context()) != first


async def test_over_http_a_server_may_be_begun_anew_and_hears_the_key_of_each_call(
    make_context: Make, tmp_path: Path
) -> None:
    """What an old session says is not heard by a new server, and so it is said again."""
    port = free_port()
    client = Client(McpServer(name="desk", url=f"http://127.0.0.1:{port}/mcp"))
    with _listening(tmp_path, port):
        await _heard(port)
        tools = {tool.name: tool for tool in await client.tools()}
        first = await _ask(tools, "who", make_context())
        for key in ("one", "two"):
            assert await _ask(tools, "header", make_context(idempotency_key=key)) == key
    with _listening(tmp_path, port):
        await _heard(port)
        assert await _ask(tools, "who", make_context()) != first
    with pytest.raises(StepError, match=r"^MCP server 'desk' failed: ") as failed:
        await asyncio.wait_for(_ask(tools, "who", make_context()), SECONDS)
    assert failed.value.category == "dependency"
    await client.aclose()


@pytest.mark.capability("security-A19")
async def test_an_engine_opens_without_a_server_and_offers_its_tools_when_it_comes(
    stdio: dict[str, Any], tmp_path: Path
) -> None:
    """What needs one of them says why it is not there; what does not is carried out."""
    port = free_port()
    here = {key: value for key, value in stdio.items() if key != "name"}
    settings: Any = {"mcp": {"far": {"url": f"http://127.0.0.1:{port}/mcp"}, "desk": here}, "log_level": "error"}
    asks = {"model": "scripted:s", "message": "?", "tools": ["far_who"]}
    steps = {
        "near": {"name": "desk_who", "type": "tool", "config": {"args": {}}},
        "far": {"name": "far_who", "type": "tool", "config": {"args": {}}},
        "agent": {"name": "ask", "type": "agent", "config": asks},
    }
    models = Models(allow_real=False, scripts=[Script("s", turns=(Turn(calls=(Call("far_who"),)), Turn("Done.")))])
    opened = Settings(database=tmp_path / "b.db", _env_file=None, **settings)  # type: ignore[call-arg]
    async with Orchestrator.open(opened, resources=[models]) as baton:

        async def ended(which: str) -> Any:
            return await baton.wait((await baton.start(workflow(which, [steps[which]]))).id)

        assert (await ended("near")).status == "completed"
        for which in ("far", "agent"):
            failed = await ended(which)
            assert (failed.status, failed.error["code"]) == ("failed", "mcp_unreachable")
            assert "'far_who' is not known, as MCP server 'far' cannot be reached: " in failed.error["message"]
        connections = baton.resources[McpConnections]
        far, near = connections.statuses()
        assert (far.reached, far.tools, near.reached, near.error) == (False, (), True, None)
        assert far.error and "cannot be listed" in far.error
        with _listening(tmp_path, port):
            async with asyncio.timeout(SECONDS):
                while not connections.statuses()[0].reached:
                    await asyncio.sleep(0.02)
            assert (await ended("far")).status == "completed"
            assert (await ended("agent")).output["answer"] == "Done."


async def test_an_engine_does_not_wait_for_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told that one is missing; and closes though that one is being spoken to."""
    monkeypatch.setattr("agents.tools.mcp_connections.PATIENCE", 0.1)
    hung = McpServer(name="hung", command=sys.executable, args=("-c", "import time; time.sleep(600)"))
    heard: list[McpStatus] = []
    connections = McpConnections([hung], tools := Tools(), Client, SystemClock(), heard.append)
    await connections.open()
    assert [(one.name, one.reached, one.error) for one in heard] == [("hung", False, "it has not answered yet")]
    assert not tools.complete
    with pytest.raises(StepError, match="'hung_x' is not known, as MCP server 'hung' cannot be reached: it has not"):
        tools.get("hung_x")
    await asyncio.wait_for(connections.aclose(), SECONDS)
