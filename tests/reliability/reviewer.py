"""Whoever answers: decides approvals, clicks links. In the engine's own process or beside it, by the same script."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, Literal

from graphs.errors import ConflictError, NotFoundError
from orchestrator.engine import Orchestrator
from orchestrator.store.port import OpenWait
from tests.reliability.job import Job

Told = Callable[[dict[str, Any]], None]

LOOK_SECONDS = 0.02
CLICKED = "user.email_verified"


class Reviewer:
    """Looks for open questions, thinks for a moment, answers, and says so once the answer was acknowledged.

    Args:
        baton: Driving or not.
        jobs: What it looks after.
        by: Its name.
        told: Called after the engine has acknowledged an answer.
        hesitates: Seconds of thought at most.
        chance: Decides how long each thought takes.
    """

    def __init__(
        self,
        baton: Orchestrator,
        jobs: Sequence[Job],
        by: str,
        told: Told,
        *,
        hesitates: float = 0.0,
        chance: random.Random | None = None,
    ) -> None:
        self._baton = baton
        self._jobs = jobs
        self._others = {job.id for job in jobs if job.steered not in (None, "outside")}
        self._by = by
        self._told = told
        self._hesitates = hesitates
        self._chance = chance or random.Random(0)
        self._when: dict[tuple[str, str], float] = {}
        self._clicked: set[str] = set()
        self.busy = asyncio.Lock()
        """Held while something is being stored: who wants this process to be quiet takes it."""

    async def serve(self) -> None:
        """Answer until cancelled."""
        while True:
            for wait in await self._baton.waits():
                if wait.execution_id not in self._others and self._has_thought(wait):
                    async with self.busy:
                        await self._answer(wait)
            for job in self._jobs:
                if job.early and job.id not in self._clicked:
                    async with self.busy:
                        await self._click_early(job)
            await asyncio.sleep(LOOK_SECONDS)

    def _has_thought(self, wait: OpenWait) -> bool:
        now = asyncio.get_running_loop().time()
        ready = self._when.setdefault((wait.execution_id, wait.path), now + self._chance.uniform(0.0, self._hesitates))
        return now >= ready

    async def _answer(self, wait: OpenWait) -> None:
        if wait.wait.kind == "event":
            await self._publish(wait.execution_id, wait.path, wait.wait.event_type or "", dict(wait.wait.match))
        elif wait.wait.kind == "approval":
            await self._decide(wait)

    async def _decide(self, wait: OpenWait) -> None:
        decision, data = _opinion(wait)
        try:
            await self._baton.decide(wait.execution_id, wait.path, decision, by=self._by, data=data)
        except (ConflictError, NotFoundError):
            return  # somebody, perhaps we ourselves before a crash, was first
        self._told({"said": "decided", "execution": wait.execution_id, "path": wait.path, "by": self._by})

    async def _publish(self, execution_id: str, path: str, kind: str, data: dict[str, Any]) -> None:
        event = f"{execution_id}/{path}"
        await self._baton.publish_event(kind, data, id=event)
        self._told({"said": "published", "execution": execution_id, "path": path, "id": event})

    async def _click_early(self, job: Job) -> None:
        results = await self._baton.store.results(job.id, "create_user_account")
        if created := results.get("create_user_account"):
            self._clicked.add(job.id)
            await self._publish(job.id, "wait_for_verification", CLICKED, {"user_id": created["output"]["user_id"]})


def _opinion(wait: OpenWait) -> tuple[Literal["approve", "edit", "respond"], Any]:
    """What is answered depends on the question only, so that every run comes to the same."""
    payload = wait.wait.question.get("payload")
    if "respond" in wait.wait.question["allow"]:
        return "respond", {"type": "letter"}
    if isinstance(payload, dict) and payload.get("bed") in ("n2", "s1"):
        return "edit", {**payload, "bed": f"{payload['bed']}-window"}
    return "approve", None
