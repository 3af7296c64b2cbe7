"""The demo from beginning to end: folder, processes, the six acts, the summary."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx

from api.demo.acts import Play
from api.demo.catalogue import PROVIDER, scripts
from api.demo.outside import Outside
from api.demo.processes import running_engine
from api.demo.provider import Provider, serving
from api.demo.services.process import Services, running_services
from api.demo.staff import real_model
from api.demo.stage import Stage
from graphs.errors import BatonError
from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings, read_settings

MODULE = "api.demo.catalogue"

NEXT = """What to try next:
  baton demo --services                                       the services alone; the next four in another terminal
  baton run report_generation --input patient_id=PAT-002      a report on sparse data
  baton approve EXECUTION review.wait_for_physician_approval  let it through
  baton show EXECUTION                                        everything that happened
  baton draw ecommerce_order_processing                       a picture of it, as Mermaid text"""


def main(*, keep: bool, fast: bool, kill: bool, as_json: bool) -> int:
    """Show the demo.

    Args:
        keep: Leave the folder with the databases.
        fast: Ask nobody.
        kill: Kill the engine in the second act.
        as_json: Print a summary on stdout, and everything else on stderr.

    Returns:
        The exit code.
    """
    stage = Stage(aside=as_json, ask=not fast and not as_json)
    try:
        summary = asyncio.run(_play(stage, keep=keep, kill=kill))
    except (BatonError, TimeoutError) as error:
        sys.stderr.write(f"The demo did not get through: {str(error) or 'it took too long'}\n")
        return 1
    if as_json:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
    return 0 if summary["ok"] else 1


async def _play(stage: Stage, *, keep: bool, kill: bool) -> dict[str, Any]:
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="baton-demo-"))
    try:
        stage.say("Starting twelve small services and an engine, each a process of its own ...", "dim")
        async with _together(folder, stage, kill=kill) as play:
            await play.register()
            await play.order()
            await play.report()
            await play.replay(await play.agent())
            await play.ask()
        summary = _summary(play, time.monotonic() - began, folder if keep else None)
        stage.chapter("Done", f"{summary['seconds']:.0f} s, {play.engine.kills} engine killed, nothing done twice.")
        stage.say(NEXT)
        if keep:
            stage.say(f"Kept: {folder}")
        return summary
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _together(folder: Path, stage: Stage, *, kill: bool) -> AsyncIterator[Play]:
    """Services, engine and this process's own look at the engine's file; all gone at the end."""
    # In a thread of this process, so that the act which needs it can say what goes wrong with it.
    provider = None if real_model(os.environ) else Provider(scripts())
    async with running_services(folder / "services.db") as services:
        settings = _settings(folder, services)
        with nullcontext() if provider is None else serving(provider) as url:
            environment = _environment(settings) | ({PROVIDER: url} if url is not None else {})
            # Opened first, and closed last: the file and its tables are there when the engine comes.
            async with (
                Orchestrator.open(settings, drive=False) as baton,
                running_engine(environment, folder / "engine.log") as engine,
                httpx.AsyncClient(base_url=services.url, timeout=10, verify=False) as client,
            ):
                yield Play(baton, Outside(client), engine, stage, provider, kill)


def _settings(folder: Path, services: Services) -> Settings:
    return read_settings(database=folder / "baton.db", services=services.service_urls, modules=(MODULE,))


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "BATON_DATABASE": str(settings.database),
        "BATON_SERVICES": json.dumps(settings.services),
        "BATON_MODULES": MODULE,
    }


def _summary(play: Play, seconds: float, folder: Path | None) -> dict[str, Any]:
    statuses = {execution.workflow: str(execution.status) for execution in play.executions}
    # A person may say no; then the report fails, as it should.
    completed = all(
        execution.status is ExecutionStatus.COMPLETED
        for execution in play.executions
        if execution.workflow != "report_generation"
    )
    twice = [row.step for row in play.asked if row.effects > 1]
    return {
        "ok": completed and not twice and len(play.executions) == 6,
        "seconds": round(seconds, 1),
        "engines_killed": play.engine.kills,
        "executions": statuses,
        "order": [
            {"step": row.step, "requests": row.requests, "replayed": row.replayed, "effects": row.effects}
            for row in play.asked
        ],
        "done_twice": twice,
        "folder": str(folder) if folder is not None else None,
    }
