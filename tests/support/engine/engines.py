"""Engines on a file, and workflows in one line."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from graphs.clock import Clock, ManualClock
from graphs.spec import Workflow
from graphs.state import Result
from graphs.steps import StepTypes
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from orchestrator.store.port import Execution, Record
from tests.support.engine.steps import Effects, Gates, Guess, step_types

TYPES = step_types()
PATIENCE = 120
"""Seconds after which a test that waits has failed; nothing is ever decided by them."""


def workflow(name: str, steps: Sequence[Any], *, version: str = "1.0", **spec: Any) -> Workflow:
    """A workflow from plain values; `config=`, `input=`, `output=` … as in `spec`."""
    return Workflow.model_validate(
        {"metadata": {"name": name, "version": version}, "spec": {"steps": list(steps), **spec}}
    )


def act(name: str, *needs: str, value: Any = None, **more: Any) -> dict[str, Any]:
    """An `act`; keys of its configuration and of the step are told apart by their names."""
    config = {"value": value} if value is not None else {}
    config |= {key: more.pop(key) for key in list(more) if key in _OF_CONFIG}
    return {"name": name, "type": "act", "depends_on": list(needs), "config": config, **more}


_OF_CONFIG = frozenset({"fail", "category", "retry_after", "gate", "sleep", "yields", "raises", "weird"})


def ask(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    """An approval."""
    config = {key: more.pop(key) for key in list(more) if key in ("timeout", "on_timeout", "on_reject", "allow")}
    return {"name": name, "type": "approval", "depends_on": list(needs), "config": config, **more}


def chain(count: int, prefix: str = "s", **more: Any) -> list[dict[str, Any]]:
    """Steps one after the other."""
    return [act(f"{prefix}{i}", *([f"{prefix}{i - 1}"] if i else []), **more) for i in range(count)]


@asynccontextmanager
async def engine(
    database: Path,
    *,
    effects: Effects | None = None,
    gates: Gates | None = None,
    clock: Clock | None = None,
    types: StepTypes | None = None,
    resources: Sequence[Any] = (),
    workflows: Sequence[Workflow] = (),
    hooks: Sequence[Any] = (),
    drive: bool = True,
    **settings: Any,
) -> AsyncIterator[Orchestrator]:
    """An engine with our step types; quick to start, and cut short at the end unless `grace` says otherwise."""
    given = {"synchronous": "off", "poll": 0.02, "grace": 0.0, "log_level": "error", **settings}
    async with Orchestrator.open(
        Settings(database=database, _env_file=None, **given),
        resources=[effects or Effects(), gates or Gates(), Guess(), *resources],
        step_types=types or TYPES,
        clock=clock,
        workflows=workflows,
        hooks=hooks,
        drive=drive,
    ) as baton:
        yield baton


async def finished(baton: Orchestrator, execution: Execution | str) -> Execution:
    """The execution when it has ended."""
    key = execution if isinstance(execution, str) else execution.id
    return await asyncio.wait_for(baton.wait(key), PATIENCE)


async def rested(baton: Orchestrator, execution: Execution | str) -> Execution:
    """The execution when it has ended or waits for the world outside."""
    key = execution if isinstance(execution, str) else execution.id
    return await asyncio.wait_for(baton.wait(key, until="rest"), PATIENCE)


async def run(baton: Orchestrator, definition: Workflow, given: Any = None, **more: Any) -> Execution:
    """Start a workflow and wait for its end."""
    return await finished(baton, await baton.start(definition, given, **more))


async def statuses(baton: Orchestrator, execution: Execution) -> dict[str, str]:
    """How each step settled, by path."""
    return {path: result["status"] for path, result in (await baton.results(execution.id)).items()}


async def values(baton: Orchestrator, execution: Execution) -> dict[str, Any]:
    """What each completed `act` gave, by path."""
    results: Mapping[str, Result] = await baton.results(execution.id)
    outputs = {path: result.get("output") for path, result in results.items()}
    return {path: output["value"] for path, output in outputs.items() if isinstance(output, dict) and "value" in output}


async def turns(baton: Orchestrator, count: int = 10) -> None:
    """Let whatever can happen by itself happen, commits included: for showing that something does *not* happen."""
    for _ in range(count):
        await asyncio.sleep(0)
        await baton.store.barrier()


def rings_in(clock: ManualClock, seconds: float) -> Callable[[], bool]:
    """Whether somebody has asked to be woken exactly so many seconds from now."""
    at = clock.now() + timedelta(seconds=seconds)
    return lambda: any(alarm.at == at and not alarm.cancelled for alarm in clock._alarms)


_TURNS = 1000
"""Turns of the event loop that are taken at once; then other threads and processes are given theirs, too."""


async def until(condition: Callable[[], Any]) -> None:
    """Let the event loop run until something holds that nothing can be awaited for."""
    async with asyncio.timeout(PATIENCE):
        for turn in count():
            if condition():
                return
            await asyncio.sleep(0 if turn < _TURNS else 0.001)


async def hears(baton: Orchestrator, kind: str) -> Record:
    """The next record of a kind."""
    async for record in baton.watch():
        if record.kind == kind:
            return record
    raise AssertionError(f"no {kind}")


async def wind(baton: Orchestrator, execution: Execution | str, *, answers: str = "approve") -> Execution:
    """Answer whatever an execution asks, and move its clock, until it ends."""
    clock = baton.clock
    while True:
        found = await rested(baton, execution)
        if found.status.final:
            return found
        for wait in await baton.waits(found.id):
            if wait.wait.kind == "approval":
                await baton.decide(found.id, wait.path, answers, by="ann")  # type: ignore[arg-type]
            elif wait.wait.kind == "event":
                await baton.publish_event(wait.wait.event_type or "", dict(wait.wait.match))
        if isinstance(clock, ManualClock) and clock.next_alarm is not None:
            clock.advance(clock.next_alarm)
