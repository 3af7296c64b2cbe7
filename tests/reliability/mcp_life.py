"""An engine process with one agent whose tools are those of an MCP server, made to be killed."""

import asyncio
import os
from pathlib import Path
from typing import Any

import agents.tools.mcp
from agents import Call, Failure, Models, Script, Turn
from graphs.spec import Workflow
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings

EXECUTION = "trip"
_AGENT = {"model": "scripted:quitter", "message": "Book a trip.", "tools": ["desk_book"]}
_TRIP = Workflow.model_validate(
    {
        "metadata": {"name": "trip", "version": "1.0"},
        "spec": {"steps": [{"name": "plan", "type": "agent", "config": _AGENT}]},
    }
)
_QUITTER = Script(
    "quitter",
    turns=(
        Turn(calls=(Call("desk_book", {"what": "flight"}),)),
        Turn(calls=(Call("desk_book", {"what": "hotel"}),)),
        Turn(failures=(Failure("authentication"),) * 100),
    ),
)
SAID = {"book": {"undo": "cancel", "undo_args": {"booking": "{{ result.id }}"}, "max_calls": 5}}


async def _live(folder: Path, server: dict[str, Any]) -> str:
    given: dict[str, Any] = {"mcp": {"desk": {**server, "tools": SAID}}, "log_level": "error", "poison_after": 100}
    settings = Settings(database=folder / "baton.db", _env_file=None, **given)  # type: ignore[call-arg]
    models = Models(allow_real=False, scripts=[_QUITTER])
    async with Orchestrator.open(settings, resources=[models]) as baton:
        if await baton.store.execution(EXECUTION) is None:
            await baton.start(_TRIP, {}, execution_id=EXECUTION)
        return str((await baton.wait(EXECUTION)).status)


def live(folder: str, server: dict[str, Any]) -> None:
    """One life; how its execution ended stands in `ended`."""
    assert agents.tools.mcp is not None
    here = Path(folder)
    (here / "pid").write_text(str(os.getpid()))
    (here / "ended").write_text(asyncio.run(_live(here, server)))
