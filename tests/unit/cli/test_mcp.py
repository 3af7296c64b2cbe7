"""`baton mcp`: which servers can be reached, and what their tools are called."""

import json
import sys

import pytest

import agents.tools.mcp
from tests.unit.cli.support import Cli

assert agents.tools.mcp is not None, "imported here: servers are given the standard error of whoever imports it first"
pytestmark = pytest.mark.capability("I06", "I20", "O03")
SERVER = """
from mcp.server.fastmcp import FastMCP

server = FastMCP("desk")


@server.tool()
def find(order: int) -> str:
    "Finds an order."
    return "shipped"


server.run()
"""


def test_servers_are_asked_and_what_cannot_be_reached_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.write("server.py", SERVER)
    desk = {"command": sys.executable, "args": ["server.py"]}
    servers = {"desk": desk, "gone": {"command": "no-such-command-anywhere"}, "odd": {**desk, "tools": ["fnd"]}}
    monkeypatch.setenv("BATON_MCP", json.dumps(servers))
    told = cli("mcp", "--json")
    found = {one["name"]: one for one in told.json["servers"]}
    assert told.code == 1
    assert (found["desk"]["reached"], found["desk"]["tools"], found["desk"]["error"]) == (True, ["desk_find"], None)
    assert found["gone"]["error"].startswith("the tools of MCP server 'gone' cannot be listed: FileNotFoundError: ")
    assert found["odd"]["error"] == "MCP server 'odd' has no tool 'fnd'."
    monkeypatch.setenv("BATON_MCP", json.dumps({"desk": desk}))
    shown = cli("mcp")
    assert shown.code == 0
    assert "desk_find" in shown.out and "reached" in shown.out
    monkeypatch.delenv("BATON_MCP")
    assert cli("mcp").out.startswith("No MCP server is set: BATON_MCP")


def test_a_workflow_runs_though_a_server_is_away(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs its tools fails, and says why."""
    monkeypatch.setenv("BATON_MCP", json.dumps({"gone": {"command": "no-such-command-anywhere"}}))
    uses = "\n    - {name: gone_find, type: tool, config: {args: {order: 7}}}\n"
    rests = "\n    - {name: nap, type: delay, config: {seconds: 0}}\n"
    assert cli("run", cli.flow("rests", rests)).code == 0
    failed = cli("run", cli.flow("uses", uses), "--json")
    assert (failed.code, failed.json["execution"]["error"]["code"]) == (3, "mcp_unreachable")
