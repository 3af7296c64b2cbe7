"""The values that steps ask for by type, gathered from settings, modules and the caller."""

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from os import environ
from typing import Any, Final

from agents import Agents, Functions, McpServer, McpServers, Models, Services, Tools
from agents.loading import load
from agents.models.models import Allowed
from agents.models.prices import Prices
from agents.models.router import Router
from agents.tools.mcp_connections import McpConnections, McpStatus
from graphs.clock import Clock
from graphs.errors import SettingsError
from orchestrator.logs import logger
from orchestrator.secrets import EngineSecrets
from orchestrator.settings import Settings

_ALLOWED: Final[Mapping[str, Allowed]] = {"allow": True, "loopback": "loopback", "refuse": False}


async def gather(stack: AsyncExitStack, settings: Settings, given: Iterable[Any], clock: Clock) -> Mapping[type, Any]:
    """Resources by type; one that is given replaces the one that is there by default. What can be closed is closed
    in the end."""
    services = Services.from_mapping(settings.services, clock=clock)
    resources: dict[type, Any] = {}
    for value in (
        services,
        Functions(),
        Tools(),
        McpServers(),
        Agents(),
        Models(),
        Router(),
        Prices.from_mapping(settings.prices),
        settings.agent_routing,
        EngineSecrets.from_environment(settings.secrets, environ),
        settings.assistant,
        *given,
    ):
        for kind in type(value).__mro__[:-1]:
            resources[kind] = value
    resources[Models].default = resources[Models].default or settings.model
    resources[Models].narrow(_ALLOWED[settings.real_models])
    connections = await mcp_connections(settings, resources[McpServers], resources[Tools], clock)
    resources[McpConnections] = connections
    for value in {id(value): value for value in resources.values()}.values():
        if hasattr(value, "aclose"):
            stack.push_async_callback(value.aclose)
    await connections.open()
    return resources


def for_tenant(resources: Mapping[type, Any], tenant: str) -> Mapping[type, Any]:
    """What a tenant's executions are offered: connections and secrets that are others' are not there for them."""
    own = {
        kind: value.of(tenant) if isinstance(value, Services | EngineSecrets) else value
        for kind, value in resources.items()
    }
    return own if any(own[kind] is not resources[kind] for kind in own) else resources


async def mcp_connections(
    settings: Settings, servers: Iterable[McpServer], tools: Tools, clock: Clock
) -> McpConnections:
    """Speaks to the MCP servers of the settings and to those that are given.

    Raises:
        SettingsError: what speaks to them is not installed.
    """
    named = [server.model_copy(update={"name": name}) for name, server in settings.mcp.items()]
    every, log = [*named, *servers], logger(settings)
    try:
        connect = (await load("agents.tools.mcp")).Client if every else _nobody
    except ImportError as error:
        raise SettingsError(
            f"MCP servers are named, and what speaks to them is not installed ({error.name}).",
            hint="In Baton's folder: .venv/bin/pip install -e '.[mcp]'",
            code="mcp_missing",
        ) from None

    def heard(status: McpStatus) -> None:
        if status.reached:
            log.info("mcp.reached", server=status.name, tools=len(status.tools))
        else:
            log.warning("mcp.unreachable", server=status.name, error=status.error)

    return McpConnections(every, tools, connect, clock, heard)


def _nobody(server: McpServer) -> Any:
    raise AssertionError("there is no server to speak to")
