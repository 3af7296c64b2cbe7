"""A file that in-process steps write into and sync: the ledger of effects that no service keeps.

One line when a step begins to act and one when it has acted, each on the disk before the step goes on. A line is
written with one call to a file opened for appending, so that a killed process leaves whole lines.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from graphs.errors import StepError
from graphs.steps import StepContext

Json = dict[str, Any]


class Journal:
    """A resource: where the steps of this process write.

    Args:
        path: The file; other processes wrote into it before, and will.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def beside(self, name: str) -> Path:
        """A file of that name in the same folder."""
        return self._path.with_name(name)

    def write(self, what: str, key: str) -> None:
        line = json.dumps({"what": what, "key": key, "pid": os.getpid()}) + "\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, line.encode())
            os.fsync(file)
        finally:
            os.close(file)


def note_down(subject: Any, context: StepContext, seconds: float = 0.03, fail: bool = False) -> Json:
    """The function of the in-process steps: an effect, some time, and an outcome that is the same each time."""
    journal = context.resource(Journal)
    journal.write("begin", context.idempotency_key)
    time.sleep(seconds)
    journal.write("end", context.idempotency_key)
    if fail:
        raise StepError(f"{subject} cannot be done.", category="logic", code="cannot_be_done")
    return {"subject": subject, "step": context.path}


async def note_down_with_undo(subject: Any, context: StepContext, seconds: float = 0.03) -> Json:
    """The same, and it writes down how it is undone before anybody hears of its result."""
    done = note_down(subject, context, seconds)
    await context.effect({"function": "note_down", "args": {"subject": f"not {subject}", "seconds": seconds}})
    return done


def refuse(subject: Any, context: StepContext) -> Json:
    """Fails whenever it is tried; each attempt is an act of its own."""
    journal, key = context.resource(Journal), f"{context.idempotency_key}:{context.attempt}"
    journal.write("begin", key)
    journal.write("end", key)
    raise StepError(f"{subject} is refused.", category="dependency", code="refused")


def needs_mending(subject: Any, context: StepContext, what: str, seconds: float = 0.005) -> Json:
    """Fails until there is a file that says that what it needs has been mended for its execution."""
    journal = context.resource(Journal)
    if not journal.beside(f"mended-{what}-{context.execution_id.removesuffix('-fork')}").exists():
        return refuse(subject, context)
    return note_down(subject, context, seconds)
