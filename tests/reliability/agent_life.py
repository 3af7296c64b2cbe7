"""An engine process with one agent, made to be killed: it starts the execution, or goes on with it, to its end."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

# Also what the engine loads only when a step asks for it: processes are forked from one that has all of it.
import agents.http
import agents.openai_client
import agents.providers
import agents.react
import agents.schemas  # noqa: F401
from agents import Models, Services, Tool, Tools
from agents.services import Request
from graphs.spec import Workflow
from graphs.steps import StepContext
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings

EXECUTION = "trip"
SCHEMA = {"type": "object", "properties": {"total": {"type": "integer", "minimum": 1}}, "required": ["total"]}
TRIP = Workflow.model_validate(
    {
        "metadata": {"name": "trip", "version": "1.0"},
        "spec": {
            "steps": [
                {
                    "name": "plan",
                    "type": "agent",
                    "config": {
                        "model": "openai:traveller",
                        "message": "Book a trip to Rome.",
                        "tools": ["flight", "hotel", "car", "visa"],
                        "output_schema": SCHEMA,
                        "stream": True,
                    },
                }
            ]
        },
    }
)


def _tool(name: str) -> Tool:
    async def call(to: str, context: StepContext) -> Any:
        request = Request(
            method="POST",
            path=f"/{name}",
            headers={"Idempotency-Key": context.idempotency_key},
            body={"to": to},
            has_body=True,
        )
        return (await context.resource(Services).send("desk", request)).body

    return Tool(name, f"Books a {name}.", call)


async def _live(database: Path, models: str, desk: str) -> dict[str, Any]:
    settings = Settings(database=database, services={"desk": desk}, log_level="warning", _env_file=None)  # type: ignore[call-arg]
    given = [
        Tools([_tool(name) for name in ("flight", "hotel", "car", "visa")]),
        Models(settings={"openai": {"base_url": models, "api_key": "sk-none", "timeout": 20}}),
    ]
    async with Orchestrator.open(settings, resources=given) as baton:
        if await baton.store.execution(EXECUTION) is None:
            await baton.start(TRIP, {}, execution_id=EXECUTION)
        execution = await baton.wait(EXECUTION)
        return {"status": str(execution.status), "output": execution.output}


def live(database: str, models: str, desk: str, output: str) -> None:
    """One life; what came of it is written as JSON."""
    log = os.open(f"{output}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        ended = asyncio.run(_live(Path(database), models, desk))
    except BaseException:
        sys.excepthook(*sys.exc_info())
        raise
    Path(output).write_text(json.dumps(ended), encoding="utf-8")
