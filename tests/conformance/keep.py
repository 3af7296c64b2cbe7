"""Keeps the file of a release, so that every later one is tested to open it.

    python -m tests.conformance.keep 0.1.0

It holds one execution that has ended, and one that is parked in the middle of a map: one item decided, one waiting for
a person, a sibling waiting for an event, a secret input. `test_kept.py` carries every kept file to its end. Files of
releases are never made again.
"""

import asyncio
import gzip
import sqlite3
import sys
import tempfile
from pathlib import Path

from pydantic import SecretStr

from graphs.loader import load_workflow
from orchestrator.engine import Orchestrator
from orchestrator.plugins import installed_step_types
from orchestrator.settings import Settings
from orchestrator.store.port import Execution

FOLDER = Path(__file__).parent / "kept"
ENDED, PARKED = "ended-execution", "parked-execution"
PASSWORD = "hunter2"
KEY = "a2VwdC1maWxlcy1hcmUtb3BlbmVkLXdpdGgtdGhpcy4="
"""Not a secret: what these files hold is in this file."""

WORKFLOW = """
apiVersion: workflow/v1
kind: Workflow
metadata: { name: kept, version: "1.0.0", tags: [kept] }
spec:
  input:
    schema:
      type: object
      properties:
        order: { type: integer }
        items: { type: array, items: { type: string } }
        password: { type: string, format: password }
      required: [order, items, password]
  steps:
    - name: announce
      type: emit_event
      config: { event_type: order.seen, data: { order: "{{ input.order }}" } }
    - name: each
      type: map
      depends_on: [announce]
      config: { items: "{{ input.items }}" }
      steps:
        - name: look
          type: emit_event
          config: { event_type: item.seen, data: { item: "{{ item }}" } }
        - name: ask
          type: approval
          depends_on: [look]
          config: { message: "Ship {{ item }}?" }
    - name: paid
      type: wait_for_event
      depends_on: [announce]
      config: { event_type: order.paid, filter: { order: "{{ input.order }}" }, timeout: 36500d }
    - name: done
      type: emit_event
      depends_on: [each, paid]
      config: { event_type: order.done, data: { order: "{{ input.order }}" } }
  output:
    values:
      order: "{{ input.order }}"
"""


def settings(database: Path) -> Settings:
    return Settings(database=database, secret_key=SecretStr(KEY), synchronous="off", short_wait=0)


async def make(database: Path) -> None:
    """Run the engine until the one execution has ended and the other is parked."""
    workflow = load_workflow(WORKFLOW, step_types=installed_step_types()).workflow
    async with Orchestrator.open(settings(database)) as baton:
        await baton.publish(workflow, by="keep")
        for name, order in ((ENDED, 1), (PARKED, 2)):
            given = {"order": order, "items": ["apples", "pears"], "password": PASSWORD}
            await baton.start("kept", given, execution_id=name, metadata={"kept": True})
            await baton.wait(name, "rest")
            await baton.decide(name, "each[0].ask", "approve", by="anna")
        await carry_on(baton, ENDED, 1)
        await baton.wait(PARKED, "rest")


async def carry_on(baton: Orchestrator, execution_id: str, order: int) -> Execution:
    """Give an execution what it still waits for; gives it as it ended."""
    await baton.decide(execution_id, "each[1].ask", "approve", by="bob")
    await baton.publish_event("order.paid", {"order": order})
    return await baton.wait(execution_id)


def keep(version: str) -> Path:
    """Make the file of a release: one file, compressed."""
    target = FOLDER / f"{version}.db.gz"
    if target.exists():
        raise SystemExit(f"{target} is there already: files of releases are never made again.")
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "kept.db"
        asyncio.run(make(database))
        with sqlite3.connect(database) as db:
            db.execute("PRAGMA journal_mode = DELETE")
        db.close()
        target.write_bytes(gzip.compress(database.read_bytes(), mtime=0))
    return target


if __name__ == "__main__":
    match sys.argv[1:]:
        case [version]:
            sys.stdout.write(f"{keep(version)}\n")
        case _:
            sys.exit(__doc__)
