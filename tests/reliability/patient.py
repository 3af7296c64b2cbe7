"""`python -m tests.reliability.patient DATABASE LINES`: an engine process whose only step fails twice and rests long
in between. What each attempt knows is written, line by line, into a file that outlives the process.

`BATON_TEST_CRASH_AT` as in `tests.reliability.child`.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from agents import Functions
from graphs.errors import ConflictError, StepError
from graphs.spec import Workflow
from graphs.steps import StepContext
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from tests.reliability import points
from tests.reliability.child import CRASH_AT

PAUSE = 0.6
WORKFLOW = Workflow.model_validate(
    {
        "metadata": {"name": "patient"},
        "spec": {
            "steps": [
                {
                    "name": "knock",
                    "type": "function",
                    "config": {"function": "knock"},
                    "retry": {"max_attempts": 3, "backoff": "fixed", "initial_delay": PAUSE, "jitter": 0},
                }
            ]
        },
    }
)


async def main(database: Path, lines: Path) -> str:
    """Carry it out; gives how it ended."""

    def knock(context: StepContext) -> int:
        said = {"attempt": context.attempt, "key": context.idempotency_key, "at": context.clock.now().timestamp()}
        with lines.open("a") as file:
            file.write(json.dumps(said) + "\n")
        if context.attempt < 3:
            raise StepError("nobody opens", category="dependency")
        return context.attempt

    functions = Functions()
    functions.register("knock", knock)
    settings = Settings(database=database, short_wait=0.1, poll=0.03, log_level="error", _env_file=None)  # type: ignore[call-arg]
    async with Orchestrator.open(settings, resources=[functions], workflows=[WORKFLOW]) as baton:
        with suppress(ConflictError):  # a process before this one has started it
            await baton.start(WORKFLOW, {}, execution_id="patient")
        return (await baton.wait("patient")).status


if __name__ == "__main__":
    if crash_at := os.environ.get(CRASH_AT):
        points.install(crash_at)
    print(asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]))), flush=True)
