"""Tools of MCP servers over stdio and HTTP, and what is said of them."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agents import Call, McpServer, McpServers, Models, Script, Tool, Tools, Turn, tool
from agents.tools.mcp import Client
from graphs.errors import SettingsError, StepError
from graphs.steps import StepContext
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings, read_settings
from tests.support.engine.engines import workflow
from tests.support.listening import free_port, listening

Make = Callable[..., StepContext]


SERVER = """
import sys
from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations

server = FastMCP("desk", port=int(sys.argv[2]) if len(sys.argv) > 2 else 8000)


@server.tool(annotations=ToolAnnotations(readOnlyHint=True))
def find(order_id: int) -> dict[str, int | str]:
    "Finds an order."
    return {"order_id": order_id, "status": "shipped"}


@server.tool()
def greet(name: str, context: str = "") -> str:
    "Greets."
    return f"Hello {name}{context}"


@server.tool()
def explode() -> str:
    "Always fails."
    raise ValueError("the boiler burst")


server.run(transport=sys.argv[1])
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mcp") / "server.py"
    path.write_text(SERVER)
    return path


@pytest.fixture(scope="module")
def over_http(script: Path) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, str(script), "streamable-http", str(port)], stderr=subprocess.DEVNULL)
    listening(port, process)
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()


@asynccontextmanager
async def _spoken_to(server: McpServer) -> AsyncIterator[dict[str, Tool]]:
    client = Client(server)
    try:
        yield {tool.name: tool for tool in await client.tools()}
    finally:
        await client.aclose()


@pytest.mark.parametrize("kind", ["stdio", "http"])
async def test_tools_of_a_server(make_context: Make, script: Path, over_http: str, kind: str) -> None:
    server: dict[str, Any] = (
        {"command": sys.executable, "args": [str(script), "stdio"]} if kind == "stdio" else {"url": over_http}
    )
    async with _spoken_to(McpServer(name="desk", **server)) as tools:
        assert set(tools) == {"desk_find", "desk_greet", "desk_explode"}
        # That it only reads is its server's own word, and frees nobody from asking.
        assert (tools["desk_find"].description, tools["desk_find"].effect) == ("Finds an order.", None)
        context = make_context()
        assert await tools["desk_find"].run({"order_id": 7}, context) == {"order_id": 7, "status": "shipped"}
        greeting = await tools["desk_greet"].run({"name": "Ann", "context": "!"}, context)
        assert greeting in ("Hello Ann!", {"result": "Hello Ann!"})
        with pytest.raises(StepError, match="the boiler burst"):
            await tools["desk_explode"].run({}, context)
        with pytest.raises(StepError, match="cannot be called"):
            await tools["desk_find"].run({"order_id": "seven"}, context)


async def test_only_what_is_configured_is_offered(script: Path) -> None:
    server: dict[str, Any] = {"name": "desk", "command": sys.executable, "args": (str(script), "stdio")}
    async with _spoken_to(McpServer(**server, tools=["find"], approval={"*": "always"})) as tools:
        (tool,) = tools.values()
    assert tool.approval is not None
    with pytest.raises(SettingsError, match=r"has no tool 'sing'\. It has find, greet, explode\."):
        async with _spoken_to(McpServer(**server, tools=["sing"])):
            pass
    with pytest.raises(SettingsError, match=r"has no tool 'fnd'\. Did you mean 'find'\?"):
        async with _spoken_to(McpServer(**server, approval={"fnd": "always"})):
            pass
    with pytest.raises(SettingsError, match=r"^the tools of MCP server 'gone' cannot be listed: "):
        async with _spoken_to(McpServer(name="gone", command="no-such-command-anywhere")):
            pass


@pytest.mark.capability("I06")
async def test_what_is_said_of_a_tool_is_its_own(script: Path) -> None:
    """By the tool, by all others, by the server's `approval`; the undoing tool is there though nobody listed it."""
    said = {
        "find": {"undo": "greet", "undo_args": {"name": "{{ result.status }}"}, "max_calls": 2, "timeout": "5s"},
        "*": {"effect": "none"},
    }
    server = McpServer(
        name="desk",
        command=sys.executable,
        args=(str(script), "stdio"),
        tools={**said, "explode": {"effect": "irreversible", "retry": {"max_attempts": 2}}},
        approval={"explode": "always"},
    )
    async with _spoken_to(server) as tools:
        pass
    find, greet, explode = (tools[f"desk_{name}"] for name in ("find", "greet", "explode"))
    assert (find.effect, find.undo, find.max_calls, find.timeout) == ("reversible", "desk_greet", 2, 5)
    assert (greet.effect, greet.timeout, greet.approval) == ("none", 60, None)
    assert (explode.effect, explode.retry and explode.retry.max_attempts) == ("irreversible", 2)
    assert explode.approval is not None
    async with _spoken_to(server.model_copy(update={"tools": server.tools and server.tools[:1]})) as tools:
        assert list(tools) == ["desk_find", "desk_greet"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "BATON_MCP, desk: give one of 'command' and 'url'"),
        ({"url": "http://x", "comand": "y"}, "BATON_MCP, desk: there is no key 'comand' here"),
        ({"url": "http://x", "tools": ["a", "a"]}, "BATON_MCP, desk: 'tools' names 'a' twice"),
        ({"url": "http://x", "tools": {"a": {"effect": "some"}}}, "'some' is none of none, reversible, irreversible"),
        ({"url": "http://x", "tools": {"a": {"undo": "b", "effect": "none"}}}, "and its effect is 'none'"),
        ({"url": "http://x", "tools": {"a": {"undo_args": {}}}}, "'undo_args' goes with 'undo'"),
        (
            {"url": "http://x", "tools": {"a": {"undo": "b", "undo_args": {"c": "{{ input.x }}"}}}},
            "It sees 'args', 'result', 'outcome' and 'idempotency_key'.",
        ),
    ],
)
def test_a_server_that_cannot_be_is_refused_with_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: dict[str, Any], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BATON_MCP", json.dumps({"desk": said}))
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert sentence in str(refused.value)


def test_servers_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mcp.yaml").write_text("desk: {url: http://x, tools: [find, {tool: book, undo: cancel}]}\n")
    monkeypatch.setenv("BATON_MCP", "mcp.yaml")
    assert read_settings().mcp["desk"].said_of("book").undo == "cancel"
    monkeypatch.setenv("BATON_MCP", "gone.yaml")
    with pytest.raises(SettingsError, match=r"BATON_MCP: the file 'gone\.yaml' cannot be read: No such file"):
        read_settings()
    (tmp_path / "mcp.yaml").write_text("desk: {url: http://x\n")
    monkeypatch.setenv("BATON_MCP", "mcp.yaml")
    with pytest.raises(SettingsError, match=r"BATON_MCP: mcp\.yaml:2:1: "):
        read_settings()


async def test_an_undo_that_nobody_has_is_told_when_the_engine_opens(script: Path, tmp_path: Path) -> None:
    server = McpServer(name="desk", command=sys.executable, args=(str(script), "stdio"), tools=["find"])
    assert server.tools is not None
    wrong = server.model_copy(update={"tools": (server.tools[0].model_copy(update={"undo": "desk_gret"}),)})
    settings = Settings(database=tmp_path / "b.db", _env_file=None)  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="'desk_find' is to be undone by 'desk_gret', and there is no such tool"):
        async with Orchestrator.open(settings, resources=[McpServers([wrong])]):
            pass


@pytest.mark.capability("I20", "I06")
async def test_a_tool_that_is_registered_stands_in_the_place_of_a_servers(script: Path, tmp_path: Path) -> None:
    @tool(name="desk_find", effect="none")
    def mine(order_id: int) -> str:
        """Finds it here."""
        return "here"

    server = McpServer(name="desk", command=sys.executable, args=(str(script), "stdio"), tools=["find"])
    settings = Settings(database=tmp_path / "b.db", _env_file=None)  # type: ignore[call-arg]
    step = {"name": "desk_find", "type": "tool", "config": {"args": {"order_id": 1}}}
    async with Orchestrator.open(settings, resources=[Tools([mine]), McpServers([server])]) as baton:
        execution = await baton.wait((await baton.start(workflow("w", [step]))).id)
    assert execution.output == "here"


@pytest.mark.capability("I20")
async def test_an_agent_has_them_by_settings_alone(script: Path, tmp_path: Path) -> None:
    """And a person is asked where the configuration says so."""
    server = {"command": sys.executable, "args": [str(script), "stdio"], "approval": {"find": "args.order_id > 5"}}
    turns = (Turn(calls=(Call("desk_find", {"order_id": 7}), Call("desk_find", {"order_id": 1}))), Turn("Shipped."))
    settings = Settings(database=tmp_path / "b.db", mcp={"desk": server}, _env_file=None)  # type: ignore[call-arg]
    step = {"name": "ask", "type": "agent", "config": {"model": "scripted:s", "message": "?", "tools": ["desk_find"]}}
    models = Models(allow_real=False, scripts=[Script("s", turns=turns)])
    async with Orchestrator.open(settings, resources=[models]) as baton:
        execution = await baton.start(workflow("w", [step]))
        execution = await baton.wait(execution.id, until="rest")
        (wait,) = await baton.waits(execution.id)
        await baton.decide(execution.id, wait.path, "approve", by="ann")
        execution = await baton.wait(execution.id)
    assert [call["result"]["order_id"] for call in execution.output["tool_calls"]] == [7, 1]
