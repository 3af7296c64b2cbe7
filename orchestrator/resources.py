"""The values that steps ask for by type, gathered from settings, modules and the caller."""

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from agents.services import Services
from graphs.clock import Clock
from orchestrator.settings import Settings


async def gather(stack: AsyncExitStack, settings: Settings, given: Iterable[Any], clock: Clock) -> Mapping[type, Any]:
    """Resources by type; a later one of a type replaces an earlier one. What can be closed is closed in the end."""
    resources: dict[type, Any] = {Services: Services.from_mapping(settings.services, clock=clock)}
    for value in given:
        for kind in type(value).__mro__[:-1]:
            resources[kind] = value
    for value in {id(value): value for value in resources.values()}.values():
        if hasattr(value, "aclose"):
            stack.push_async_callback(value.aclose)
    return resources
