"""The demo from beginning to end: folder, processes, the acts, the summary."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from api.demo.acts import Play
from api.demo.catalogue import scripts
from api.demo.outside import Outside
from api.demo.players.opening import companies
from api.demo.players.show import failures
from api.demo.processes import running_engine
from api.demo.provider import Provider, serving
from api.demo.services.process import Services, running_services
from api.demo.stage import Stage
from api.demo.voice import PROVIDER, real_model
from graphs.errors import BatonError
from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings, read_settings

MODULE = "api.demo.catalogue"

NEXT = """What to try next:
  baton demo --services                                       the services alone; the next in another terminal
  baton run report_generation --input patient_id=PAT-002      a report on sparse data
  baton approve EXECUTION review.wait_for_physician_approval  let it through
  baton show EXECUTION                                        everything that happened
  baton draw ecommerce_order_processing                       a picture of it, as Mermaid text
  baton run side_by_side                                      one of the small agents of the last act"""


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
        stage.say(f"Models: {_who_speaks()}.", "dim")
        async with _together(folder, stage, kill=kill) as play:
            await play.register()
            await play.order()
            await play.report()
            await play.replay(await play.agent())
            await play.ask()
            await play.pieces()
        summary = _summary(play, time.monotonic() - began, folder if keep else None)
        stage.chapter("Done" if summary["ok"] else "Not as it should be", _in_a_line(play, summary))
        stage.say(NEXT)
        if keep:
            stage.say(f"Kept: {folder}")
        return summary
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _who_speaks() -> str:
    if (real := real_model(os.environ)) is None:
        return "scripts that ship with Baton, so no key is needed; then the same over HTTP, in OpenAI's format"
    return f"{real}, at {os.environ.get('OPENAI_BASE_URL') or 'its provider'}"


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
                outside = Outside(client)
                opened = partial(companies, folder, services.service_urls, outside, provider, url, kill=kill)
                yield Play(baton, outside, engine, stage, provider, opened, kill)


def _settings(folder: Path, services: Services) -> Settings:
    return read_settings(database=folder / "baton.db", services=services.service_urls, modules=(MODULE,))


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "BATON_DATABASE": str(settings.database),
        "BATON_SERVICES": json.dumps(settings.services),
        "BATON_MODULES": MODULE,
    }


def _in_a_line(play: Play, summary: dict[str, Any]) -> str:
    twice = ", ".join(summary["done_twice"]) or "nothing"
    told = f"{summary['seconds']:.0f} s, {play.kills} engines killed, {twice} done twice, "
    pieces = [one for verdicts in play.judged.values() for one in verdicts if one.shown]
    right = sum(not one.wrong for one in pieces)
    calls = sum(one.calls for one in pieces)
    return f"{told}{right} of {len(pieces)} pieces as expected, in {calls} calls of models."


def _summary(play: Play, seconds: float, folder: Path | None) -> dict[str, Any]:
    statuses = {execution.workflow: str(execution.status) for execution in play.executions}
    # A person may say no; then the report fails, as it should.
    completed = all(
        execution.status is ExecutionStatus.COMPLETED
        for execution in play.executions
        if execution.workflow != "report_generation"
    )
    twice = [row.step for row in play.asked if row.effects > 1]
    wrong = failures(play.judged)
    return {
        "ok": completed and not twice and len(play.executions) == 6 and bool(play.judged) and not wrong,
        "seconds": round(seconds, 1),
        "engines_killed": play.kills,
        "executions": statuses,
        "order": [
            {"step": row.step, "requests": row.requests, "replayed": row.replayed, "effects": row.effects}
            for row in play.asked
        ],
        "done_twice": twice,
        "model": real_model(os.environ),
        "agents": {
            name: {one.title: {"shown": one.shown, "calls": one.calls, "happened": one.text} for one in verdicts}
            for name, verdicts in play.judged.items()
        },
        "not_so": wrong,
        "folder": str(folder) if folder is not None else None,
    }
