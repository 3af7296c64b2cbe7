"""A gateway served over real HTTP by this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.gateway import Gateway
from api.serve import Server, listening, opened, team_of, url_of
from api.settings import GatewaySettings
from orchestrator.cli.options import Shared
from orchestrator.cli.support.setting import Setting

_APP = Path(__file__).parent / "app"
GRAPHS = _APP / "langgraph.json"
FUNCTIONS = str(_APP / "functions.py")


@dataclass(frozen=True)
class Served:
    """Where it is, and its parts."""

    url: str
    gateway: Gateway


@asynccontextmanager
async def serving(
    database: Path, *, modules: tuple[str, ...] = (), config: Path | None = None, **settings: Any
) -> AsyncIterator[Served]:
    """Serve a database until the block ends."""
    chosen = GatewaySettings(port=0, drain=5, **settings)
    setting = Setting(Shared(database=database, modules=modules))
    with listening(chosen) as listener:
        async with opened(setting, chosen, team_of(config) if config else None) as gateway:
            server = Server(gateway)
            task = asyncio.create_task(server.serve_until_drained(listener))
            try:
                yield Served(url_of(listener), gateway)
            finally:
                server.stop()
                await task
