"""The values that steps ask for by type, gathered from settings, modules and the caller."""

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

from agents import Agents, Functions, Models, Services, Tool, Tools
from agents.loading import load
from agents.models.models import Allowed
from agents.models.prices import Prices
from agents.models.router import Router
from graphs.clock import Clock
from graphs.errors import SettingsError
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
        Agents(),
        Models(),
        Router(),
        Prices.from_mapping(settings.prices),
        settings.agent_routing,
        settings.assistant,
        *given,
    ):
        for kind in type(value).__mro__[:-1]:
            resources[kind] = value
    resources[Models].default = resources[Models].default or settings.model
    resources[Models].narrow(_ALLOWED[settings.real_models])
    for tool in await _mcp_tools(settings.mcp):
        if tool.name not in resources[Tools]:
            resources[Tools].add(tool)
    for value in {id(value): value for value in resources.values()}.values():
        if hasattr(value, "aclose"):
            stack.push_async_callback(value.aclose)
    return resources


async def _mcp_tools(servers: Mapping[str, Any]) -> list[Tool]:
    if not servers:
        return []
    try:
        mcp = await load("agents.tools.mcp")
    except ImportError as error:
        raise SettingsError(
            f"BATON_MCP names servers, and what speaks to them is not installed ({error.name}).",
            hint="pip install 'baton[mcp]'",
            code="mcp_missing",
        ) from None
    return [tool for name, server in servers.items() for tool in await mcp.mcp_tools(name, server)]
