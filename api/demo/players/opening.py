"""Brings the companies together: each an engine process on a file of its own, with models of one kind."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from api.demo.outside import Outside
from api.demo.players.company import Company
from api.demo.processes import START_SECONDS, EngineProcess
from api.demo.provider import Provider
from api.demo.services.process import PACKAGE_ROOT
from api.demo.staff import agents
from api.demo.voice import Voice, voice_of
from orchestrator.engine import Orchestrator
from orchestrator.settings import read_settings

MODULE: Final = "api.demo.catalogue"


@asynccontextmanager
async def companies(
    folder: Path,
    services: Mapping[str, Any],
    outside: Outside,
    provider: Provider | None,
    url: str | None,
    *,
    kill: bool,
) -> AsyncIterator[list[Company]]:
    """One with scripted models and one with the same scripts over HTTP; or one with a real model.

    Args:
        folder: Where their files are.
        services: Where the services are, by name.
        provider, url: The demo's own provider, where no real model speaks.
        kill: Whether their engines may be killed.
    """
    real = voice_of(os.environ)
    voices = (
        {"scripted": Voice(), "HTTP": Voice(provider="openai", url=url)} if real.real is None else {real.real: real}
    )
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(_mcp_servers(folder / "ferries.log"))
        together, found = asyncio.Barrier(len(voices)), []
        for number, (name, voice) in enumerate(voices.items()):
            database = folder / f"agents-{number}.db"
            settings = read_settings(database=database, services=dict(services))
            looking = Orchestrator.open(settings, resources=[agents(voice)], drive=False)
            baton = await stack.enter_async_context(looking)
            environment = {
                "BATON_DATABASE": str(database),
                "BATON_SERVICES": json.dumps(dict(services)),
                "BATON_MODULES": MODULE,
                "BATON_MCP": json.dumps(servers),
                **voice.environment(),
            }
            engine = EngineProcess(environment, folder / f"agents-{number}.log")
            heard = provider if voice.url is not None else None
            found.append(Company(name, voice, baton, engine, outside, heard, bool(servers), kill, together))
        async with _running([company.engine for company in found]):
            yield found


@asynccontextmanager
async def _running(engines: Sequence[EngineProcess]) -> AsyncIterator[None]:
    """All of them at once, from their start to their end."""
    try:
        await asyncio.gather(*(engine.start() for engine in engines))
        yield
    finally:
        await asyncio.gather(*(engine.stop() for engine in engines))


@asynccontextmanager
async def _mcp_servers(log: Path) -> AsyncIterator[dict[str, Any]]:
    """The same small server twice, over stdio and over HTTP; none where the packages for it are not installed."""
    if find_spec("mcp") is None or find_spec("langchain_mcp_adapters") is None:
        yield {}
        return
    paths = [str(PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {"PYTHONPATH": os.pathsep.join(paths)}
    arguments = ("-P", "-m", "api.demo.players.timetable")
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *arguments, "--http"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), START_SECONDS)).decode().strip()
        trains = {"command": sys.executable, "args": list(arguments), "env": environment}
        yield {"trains": trains, "ferries": {"url": url}}
    finally:
        process.kill()
        await process.communicate()
