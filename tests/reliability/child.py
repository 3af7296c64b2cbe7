"""`python -m tests.reliability.child`: an engine process that is made to be killed.

It opens the engine on a file, starts the executions that are not there yet, drives everything to its end, prints a
summary as JSON and exits with 0; on SIGTERM it stops in order, with an empty one. What the engine has acknowledged it
writes, line by line, into a file (`--say`).

`BATON_TEST_CRASH_AT=name:n` kills the process when the named point is reached for the n-th time (see `points`);
`BATON_TEST_CRASH_AT=count` only counts. With `BATON_TEST_STOP_AFTER_LOSS` it stops itself (SIGSTOP) once, before it
tries again what could not be kept. Nobody else reads these variables.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from api.demo.services.names import SERVICE_NAMES
from graphs.errors import BatonError, ConflictError
from graphs.policies.breaker import BreakerPolicy
from graphs.policies.named import Bounds
from graphs.spec import Workflow
from orchestrator.alerts.opening import AlertSettings
from orchestrator.driving.carrier import Carrier
from orchestrator.driving.dues import Dues
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from orchestrator.store.port import Execution
from tests.reliability import points
from tests.reliability.job import Job
from tests.reliability.jobs import JOBS, resources, step_types, workflows
from tests.reliability.reviewer import Reviewer
from tests.reliability.steering import Steerer, forks
from tests.reliability.stores import STORES, named

CRASH_AT = "BATON_TEST_CRASH_AT"
STOP_AFTER_LOSS = "BATON_TEST_STOP_AFTER_LOSS"
POLL_SECONDS = 0.03


class Says:
    """The file of what was acknowledged. Each line is written by one call, at once."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

        self._path = path

    def said(self) -> list[dict[str, Any]]:
        """What this process and those before it have said."""
        return [json.loads(line) for line in self._path.read_text().splitlines()]

    def __call__(self, fact: dict[str, Any]) -> None:
        os.write(self._file, (json.dumps({"pid": os.getpid(), **fact}) + "\n").encode())


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.child", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the store is kept")
    parser.add_argument("--store", choices=[store.name for store in STORES], default=STORES[0].name)
    parser.add_argument("--services", default="", help="where the demo services are: http://127.0.0.1:PORT")
    parser.add_argument("--synchronous", default="full")
    parser.add_argument("--journal", type=Path, required=True, help="where in-process steps write")
    parser.add_argument("--say", type=Path, required=True, help="where what was acknowledged is written")
    parser.add_argument("--jobs", required=True, help="ids of jobs, with commas between")
    parser.add_argument("--answers-as", default="", help="answer everything, under this name; otherwise others do")
    parser.add_argument("--records", action="store_true", help="also say every record that was committed")
    return parser.parse_args(given)


async def _start(baton: Orchestrator, job: Job, prepared: Mapping[str, Any], say: Says) -> None:
    with suppress(ConflictError):  # a process before this one has started it
        await baton.start(job.workflow, {**job.input, **prepared.get(job.id, {})}, execution_id=job.id)
    say({"said": "started", "execution": job.id})


async def _say_records(baton: Orchestrator, say: Says) -> None:
    async for record in baton.watch():
        if record.seq is not None:
            say({"said": "recorded", "execution": record.execution_id, "seq": record.seq, "kind": record.kind})


async def _steered_by_others(jobs: Sequence[Job], say: Says) -> None:
    """Wait until another process has said that they are where they were to be brought."""
    names = {job.id for job in jobs if job.steered is not None}
    while names - {fact["execution"] for fact in say.said() if fact["said"] == "steered"}:
        await asyncio.sleep(POLL_SECONDS)


async def _ends(baton: Orchestrator, jobs: Sequence[Job], steering: asyncio.Task[None]) -> list[Execution]:
    """All of them as they have ended, when nobody goes back any more."""
    await steering
    return list(await asyncio.gather(*(baton.wait(name) for name in (*(job.id for job in jobs), *forks(jobs)))))


async def _carry_out(given: argparse.Namespace, definitions: Sequence[Workflow]) -> dict[str, Any]:
    say = Says(given.say)
    stopping: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set_result, True)
    jobs = [JOBS[name] for name in given.jobs.split(",")]
    made = given.journal.with_name("prepared.json")
    prepared = json.loads(made.read_text()) if made.exists() else {}
    services = {name: f"{given.services}/{name}" for name in SERVICE_NAMES} if given.services else {}
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        **named(given.store).settings(given.folder),
        synchronous=given.synchronous,
        services=services,
        poll=POLL_SECONDS,
        poison_after=1_000_000,  # whoever dies here was killed from outside; see test_poison for the others
        linger=min(job.linger for job in jobs),
        log_level="error" if any(job.steered for job in jobs) else "warning",  # a breaker that opens is told
        short_wait=min(job.short_wait for job in jobs),
        limits={"till": Bounds(breaker=BreakerPolicy(failure_threshold=2, open_for=0.05))},
        alerts=AlertSettings(log=False, file=given.journal.with_name("alerts")),  # what is logged is a complaint
    )
    offered = {"resources": resources(given.journal), "step_types": step_types()}
    async with Orchestrator.open(settings, workflows=definitions, **offered) as baton:
        say({"said": "driving", "at": time.time()})
        beside = []
        if given.records:
            beside.append(asyncio.create_task(_say_records(baton, say)))
        if given.answers_as:
            beside.append(asyncio.create_task(Reviewer(baton, jobs, given.answers_as, say).serve()))
            steerer = Steerer(baton, jobs, given.answers_as, given.journal, say, say.said)
            steering = asyncio.create_task(steerer.serve())
        else:
            steering = asyncio.create_task(_steered_by_others(jobs, say))
        for job in jobs:
            await _start(baton, job, prepared, say)
        ending = asyncio.ensure_future(_ends(baton, jobs, steering))
        # A reviewer that breaks must be heard, and not be waited for.
        await asyncio.wait([ending, stopping, *beside], return_when=asyncio.FIRST_COMPLETED)
        for task in beside:
            if task.done():
                task.result()
            task.cancel()
        if stopping.done():
            ending.cancel()
            with suppress(asyncio.CancelledError):
                await ending
            return {}
        stopping.cancel()
        return {execution.id: str(execution.status) for execution in await ending}


def _stop_after_loss() -> None:
    """Then all have heard of what they have lost, and nothing has been done again, however slow the machine is."""
    after, comes_due = Dues.after, Carrier._comes_due
    lost, stopped = set[str](), False

    def noted(self: Dues, execution_id: str, seconds: float) -> None:
        lost.add(execution_id)
        after(self, execution_id, seconds)

    def stop_first(self: Carrier, execution_id: str) -> None:
        nonlocal stopped
        if execution_id in lost and not stopped:
            stopped = True
            os.kill(os.getpid(), signal.SIGSTOP)
        comes_due(self, execution_id)

    Dues.after, Carrier._comes_due = noted, stop_first  # type: ignore[method-assign]


def main(given: Sequence[str] | None = None, *, definitions: Sequence[Workflow] | None = None) -> int:
    """Drive everything to its end; the exit code."""
    arguments = _arguments(given)
    if crash_at := os.environ.get(CRASH_AT):
        points.install(crash_at)
    if os.environ.get(STOP_AFTER_LOSS):
        _stop_after_loss()
    try:
        statuses = asyncio.run(_carry_out(arguments, definitions if definitions is not None else workflows()))
    except BatonError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(json.dumps({"statuses": statuses, "points": points.reached()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
