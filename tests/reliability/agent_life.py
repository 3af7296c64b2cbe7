"""An engine process with one agent, made to be killed: it starts the execution, or goes on with it, to its end."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

# Also what the engine loads only when a step asks for it: processes are forked from one that has all of it.
from agents import Models, Services, Tool, Tools
from agents.services.services import Request
from graphs.spec import Workflow
from graphs.steps import StepContext
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings

EXECUTION = "trip"
SCHEMA = {"type": "object", "properties": {"total": {"type": "integer", "minimum": 1}}, "required": ["total"]}
BOOKINGS = ("flight", "hotel", "car", "visa")


def _trip(script: str, budget: dict[str, Any] | None = None, **config: Any) -> Workflow:
    config |= {"model": f"openai:{script}", "message": "Book a trip to Rome.", "tools": BOOKINGS, "stream": True}
    spec = {"steps": [{"name": "plan", "type": "agent", "config": config}], "config": {"budget": budget}}
    return Workflow.model_validate({"metadata": {"name": script, "version": "1.0"}, "spec": spec})


def _spenders() -> Workflow:
    retry = {"max_attempts": 50, "initial_delay": 0, "max_delay": 0, "jitter": 0}
    config = {"model": "openai:spenders", "message": "Go", "stream": True, "max_turns": 100}
    steps = [{"name": f"plan{number}", "type": "agent", "config": config, "retry": retry} for number in range(3)]
    return Workflow.model_validate(
        {"metadata": {"name": "spenders"}, "spec": {"steps": steps, "config": {"budget": {"calls": 12}}}}
    )


TRIPS = {
    "traveller": _trip("traveller", output_schema=SCHEMA),
    "quitter": _trip("quitter"),
    "spender": _trip("spender", {"calls": 4}, max_turns=100),
    "spenders": _spenders(),
}


def _tool(name: str) -> Tool:
    async def call(to: str, context: StepContext) -> Any:
        return await _send(context, name, {"to": to})

    return Tool(name, f"Books a {name}.", call, undo="cancel")


async def _cancel(booked: str, to: str, context: StepContext) -> Any:
    return await _send(context, "cancel", {"booked": booked, "to": to})


async def _send(context: StepContext, name: str, body: dict[str, str]) -> Any:
    headers = {"Idempotency-Key": context.idempotency_key}
    request = Request(method="POST", path=f"/{name}", headers=headers, body=body, has_body=True)
    return (await context.resource(Services).send("desk", request)).body


async def _live(database: Path, models: str, desk: str, script: str) -> dict[str, Any]:
    # Killed on purpose, again and again at one place: it is not to be put aside for that.
    given: dict[str, Any] = {"services": {"desk": desk}, "log_level": "warning", "poison_after": 100}
    settings = Settings(database=database, _env_file=None, **given)  # type: ignore[call-arg]
    resources = [
        Tools([*(_tool(name) for name in BOOKINGS), Tool("cancel", "Cancels a booking.", _cancel)]),
        Models(settings={"openai": {"base_url": models, "api_key": "sk-none", "timeout": 20}}),
    ]
    async with Orchestrator.open(settings, resources=resources) as baton:
        if await baton.store.execution(EXECUTION) is None:
            await baton.start(TRIPS[script], {}, execution_id=EXECUTION)
        execution = await baton.wait(EXECUTION, until="rest")
        return {"status": str(execution.status), "output": execution.output}


def live(database: str, models: str, desk: str, output: str, script: str) -> None:
    """One life; what came of it is written as JSON."""
    log = os.open(f"{output}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        ended = asyncio.run(_live(Path(database), models, desk, script))
    except BaseException:
        sys.excepthook(*sys.exc_info())
        raise
    Path(output).write_text(json.dumps(ended), encoding="utf-8")
