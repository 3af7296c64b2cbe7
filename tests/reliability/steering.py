"""Whoever steers executions: holds them, lets them go on, decides, cancels, redrives, retries, forks.

What is to be done next is seen in the database, so that it does not matter which process did what was done before, nor
whether it was told so; only of pauses nothing is left, which are made again when nobody was told of the first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from graphs.errors import ConflictError, NotFoundError
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution
from tests.reliability.job import Job
from tests.reliability.reviewer import LOOK_SECONDS, Told

Act = tuple[str, Callable[[], Awaitable[Any]]]


class Steerer:
    """Looks at one execution after the other, does what its job says is next, and says so once it was acknowledged.

    Args:
        baton: Driving or not.
        jobs: Those of them that say how they are steered are.
        by: Its name.
        journal: Beside it, the files that say what has been mended.
        told: Called after the engine has acknowledged something.
        said: What was acknowledged before, by whichever process.
        busy: Held while something is being stored.
    """

    def __init__(
        self,
        baton: Orchestrator,
        jobs: Sequence[Job],
        by: str,
        journal: Path,
        told: Told,
        said: Callable[[], Sequence[dict[str, Any]]],
        busy: asyncio.Lock | None = None,
    ) -> None:
        self._baton = baton
        self._jobs = [job for job in jobs if job.steered is not None]
        self._by = by
        self._journal = journal
        self._told = told
        self._done = {(fact["said"], fact.get("execution")) for fact in said()}
        self._busy = busy or asyncio.Lock()

    async def serve(self) -> None:
        """Steer until all of them are where they were to be brought."""
        left = [job for job in self._jobs if ("steered", job.id) not in self._done]
        while left:
            for job in list(left):
                async with self._busy:
                    if await self._steer(job):
                        left.remove(job)
            await asyncio.sleep(LOOK_SECONDS)

    async def _steer(self, job: Job) -> bool:
        """Do what is next; whether nothing is left to do."""
        execution = await self._baton.store.execution(job.id)
        if execution is None:
            return False
        plans = {"all": self._all, "called_off": self._called_off, "given_up": self._given_up, "outside": self._outside}
        act = await plans[job.steered or ""](job, execution)
        if act is None:
            return False
        what, do = act
        try:
            await do()
        except (ConflictError, NotFoundError):
            return False  # it has gone on since it was looked at
        self._say(what, job.id)
        return what == "steered"

    def _say(self, what: str, execution: str) -> None:
        self._done.add((what, execution))
        self._told({"said": what, "execution": execution, "by": self._by})

    # -- plans -----------------------------------------------------------------------------------------------------

    async def _all(self, job: Job, execution: Execution) -> Act | None:
        """`steered`: everything, one after the other."""
        match execution.status:
            case "waiting" | "paused":
                return await self._held(execution)
            case "compensation_failed":
                self._mend("desk", job)
                return await self._redriven(execution, "compensation")
            case "compensated":
                self._mend("till", job)
                return await self._redriven(execution, "failure")
            case "completed":
                return await self._again(job, "stamp", f"{job.id}-fork")
        return None

    async def _called_off(self, job: Job, execution: Execution) -> Act | None:
        """Cancelled while it waits, and undone."""
        self._mend("desk", job)
        if execution.status.final:
            return "steered", _nothing
        if execution.status == "waiting" and await self._baton.waits(job.id):
            return "cancelled", lambda: self._baton.cancel(job.id, by=self._by, compensate=True)
        return None

    async def _given_up(self, job: Job, execution: Execution) -> Act | None:
        """Failed, and given up: what it did is undone."""
        if execution.status == "compensated":
            return "steered", _nothing
        letters = [one.id for one in await self._baton.dead_letters(execution_id=job.id)]
        if not letters:
            return None
        return "undone", lambda: self._baton.discard(letters, by=self._by, compensate=True)

    async def _outside(self, job: Job, execution: Execution) -> Act | None:
        """An example over HTTP: held for a while whenever it waits, and at its end retried from a step, and forked."""
        if execution.status.final:
            return await self._again(job, job.again, f"{job.id}-fork")
        return await self._held(execution, decides=False)

    async def _held(self, execution: Execution, *, decides: bool = True) -> Act | None:
        name = execution.id
        if execution.pause_requested is not None:
            return "continued", lambda: self._baton.continue_(name)
        waits = await self._baton.waits(name)
        if ("continued", name) not in self._done and waits:
            return "paused", lambda: self._baton.pause(name, by=self._by)
        if not decides or not any(wait.path == "ask" for wait in waits):
            return None
        return "answered", lambda: self._decided(name)

    async def _decided(self, name: str) -> None:
        await self._baton.decide(name, "ask", "approve", by=self._by)

    async def _redriven(self, execution: Execution, kind: Any) -> Act | None:
        letters = await self._baton.dead_letters(execution_id=execution.id, kind=kind)
        if not letters:
            return None
        if kind == "failure" and letters[0].edit is None:
            return "edited", lambda: self._baton.edit_letter(letters[0].id, {"mended": True}, by=self._by)
        return f"redriven {kind}", lambda: self._baton.redrive([one.id for one in letters], by=self._by)

    async def _again(self, job: Job, step: str, fork: str) -> Act | None:
        records = await self._baton.records(job.id)
        if not any(record.kind == "execution.rewound" and record.data["reason"] == "retry" for record in records):
            return "retried", lambda: self._baton.retry(job.id, from_step=step, again=True, by=self._by)
        forked = await self._baton.store.execution(fork)
        if forked is None:
            return "forked", lambda: self._baton.fork(job.id, step, new_id=fork)
        return ("steered", _nothing) if forked.status.final else None

    def _mend(self, what: str, job: Job) -> None:
        self._journal.with_name(f"mended-{what}-{job.id}").touch()


async def _nothing() -> None:
    pass


def forks(jobs: Collection[Job]) -> dict[str, str]:
    """The executions that are forked off those that are steered, and how they end."""
    return {f"{job.id}-fork": "completed" for job in jobs if job.steered in ("all", "outside")}
