"""`python -m tests.reliability.poisoned DATABASE JOURNAL [mended]`: an engine process with a step that kills it.

It drives whatever is unfinished until all of it has ended, prints how, and exits with 0, if it gets so far.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from agents import Functions
from graphs.spec import Workflow
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings

KILLER = "killer"
INNOCENT = ("innocent-0", "innocent-1", "innocent-2")


def _workflow(name: str, *functions: str) -> Workflow:
    steps: list[dict[str, Any]] = []
    for function in functions:
        before = [steps[-1]["name"]] if steps else []
        steps.append({"name": function, "type": "function", "config": {"function": function}, "depends_on": before})
    return Workflow.model_validate({"metadata": {"name": name}, "spec": {"steps": steps}})


def _functions(journal: Path, mended: bool) -> Functions:
    def write(word: str) -> None:
        with journal.open("a") as file:
            file.write(f"{word}\n")

    def prepare() -> None:
        write("prepare")

    def die() -> None:
        if not mended:
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGKILL)
        write("die")

    def work() -> None:
        time.sleep(0.3)
        write("work")

    return Functions([prepare, die, work])


async def main(database: Path, journal: Path, mended: bool) -> None:
    settings = Settings(_env_file=None, database=database, log_level="error")  # type: ignore[call-arg]
    async with Orchestrator.open(settings, resources=[_functions(journal, mended)]) as baton:
        if await baton.store.execution(KILLER) is None:
            for name in INNOCENT:
                await baton.start(_workflow("works", "work"), execution_id=name)
            await baton.start(_workflow("kills", "prepare", "die"), execution_id=KILLER)
        if mended:
            await baton.redrive([letter.id for letter in await baton.dead_letters(kind="poisoned")], by="ann")
        ended = [await baton.wait(name) for name in (KILLER, *INNOCENT)]
        print(json.dumps({one.id: str(one.status) for one in ended}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), "mended" in sys.argv))
