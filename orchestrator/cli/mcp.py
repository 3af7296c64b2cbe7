"""`baton mcp`: which MCP servers can be reached, and what their tools are called."""

from dataclasses import asdict

from rich.text import Text

from agents.tools.mcp_connections import McpConnections, McpStatus
from agents.tools.mcp_servers import McpServers
from agents.tools.tools import Tools
from graphs.clock import SystemClock
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.tables import print_table
from orchestrator.cli.support.terminal import one_line, output, print_json
from orchestrator.resources import mcp_connections


async def mcp(shared: Shared) -> int:
    """See `orchestrator.cli.declared.looking`. Asks them itself, whatever a running engine knows of them."""
    setting = Setting(shared)
    given = [server for one in setting.offered.resources if isinstance(one, McpServers) for server in one]
    settings = setting.settings.model_copy(update={"log_level": "error"})  # what it finds is what it prints
    connections = await mcp_connections(settings, given, Tools(), SystemClock())
    statuses = await _asked(connections)
    if shared.as_json:
        print_json({"servers": [asdict(status) for status in statuses]})
    elif not statuses:
        output().print("No MCP server is set: BATON_MCP, or McpServers([...]) in a module.")
    else:
        _print(statuses)
    return Exit.COMPLETED if all(status.reached for status in statuses) else Exit.PROBLEM


async def _asked(connections: McpConnections) -> list[McpStatus]:
    try:
        await connections.ask()
        return connections.statuses()
    finally:
        await connections.aclose()


def _print(statuses: list[McpStatus]) -> None:
    rows = [
        (
            Text(status.name, "bold"),
            one_line(status.where, 60),
            Text("reached", "green") if status.reached else Text("not reached", "red"),
            ", ".join(status.tools) if status.reached else one_line(status.error or "", 200),
        )
        for status in statuses
    ]
    print_table(("server", "where", "", "tools"), rows)
