"""A call in a thread that goes on after its attempt is over: nothing else is done at its step while it may still act.

After a time limit it is waited for, for a while. What it comes to is kept, an effect that it tells of too. When it does
not come back, nobody knows what it has done, and the step fails with that: it is tried again only where its `retry_on`
names `timeout`, and not undone until it is back. What was cancelled is waited for before anything is undone.
"""

import asyncio
import inspect
from dataclasses import dataclass, field
from typing import Any, Final

from graphs.errors import StepTimeoutError
from graphs.lasting import Late, within
from graphs.nodes.body import Body
from graphs.policies import retry_policy
from graphs.stopping import Stoppable

UNKNOWN: Final = "outcome_unknown"


@dataclass(slots=True)
class Outlasting:
    """What one attempt does about a call that outlasts it.

    Attributes:
        works: What may have ended the attempt.
    """

    body: Body
    attempt: int
    works: list[Stoppable] = field(default_factory=list)

    async def __call__(self, call: "asyncio.Future[Any]", late: Late | None) -> None:
        """See `graphs.lasting.Outlast`."""
        host, path = self.body.host, self.body.path
        if not self._ended():
            raise asyncio.CancelledError  # the engine stops: its process ends, and the thread with it
        # Who was cancelled is not tried again, and what undoes waits by itself: nobody else has to.
        ran_out = any(work.ended == "limit" for work in self.works)
        grace = host.facts.thread_grace if ran_out else 0.0
        if await self._comes_back(call, grace):
            await self._came(call, late)
            return
        host.note("step.still_acting", path, {"attempt": self.attempt, "waited": grace}, keep=True)
        host.lasting.add(host.facts.execution_id, path, self._comes(call, late), given_up=ran_out)
        if ran_out:
            raise _unknown(self.body, f"went on after its time was over, and did not come back within {grace:g} s")

    def _ended(self) -> int:
        return sum(work.ended is not None for work in self.works)

    async def _comes_back(self, call: "asyncio.Future[Any]", seconds: float) -> bool:
        while True:
            ended = self._ended()
            try:
                return await within(self.body.host.clock, seconds, call)
            except asyncio.CancelledError:
                if self._ended() == ended:
                    raise
                # Another limit is over as well, or somebody cancels: that changes nothing for the thread.

    async def _comes(self, call: "asyncio.Future[Any]", late: Late | None) -> None:
        await asyncio.wait([call])
        await self._came(call, late)

    async def _came(self, call: "asyncio.Future[Any]", late: Late | None) -> None:
        said: dict[str, Any] = {"attempt": self.attempt, "outcome": "raised" if call.exception() else "returned"}
        try:
            value = call.result()
            if inspect.iscoroutine(value):
                value.close()  # what it would do is not begun any more
            elif late is not None:
                said["result"] = await late(value)
        except Exception as error:  # noqa: BLE001 - its own, or of what it says undoes it: nobody else hears of either
            said["error"] = type(error).__name__
        await self.body.host.came_late(self.body.path, said)


async def nobody_acts(body: Body) -> None:
    """Return when no older call at this step, or at the one it undoes, is still at work.

    Raises:
        StepTimeoutError: one is, and does not come back.
    """
    host, grace = body.host, body.host.facts.thread_grace
    if not host.lasting or _may_act_twice(body):
        return
    for path in filter(None, (body.path, body.planned.undoes)):
        call = host.lasting.find(host.facts.execution_id, path)
        if call is not None and not await within(host.clock, grace, call):
            what = "is not undone" if path == body.planned.undoes else "does not begin"
            raise _unknown(body, f"{what}: an earlier call of '{path}' has not come back")


def _may_act_twice(body: Body) -> bool:
    """Whether the step says that it may be tried again when its time is over: whoever it calls honours its key."""
    wanted = retry_policy(body.planned.step, body.context.frame.config).retry_on
    return wanted is not None and "timeout" in wanted


def _unknown(body: Body, why: str) -> StepTimeoutError:
    error = StepTimeoutError(
        f"step '{body.path}' {why}: what it has done is not known.",
        code=UNKNOWN,
        hint="Look at what it calls. It is tried again by itself only where its 'retry_on' names 'timeout'.",
    )
    error.retryable = None if _may_act_twice(body) else False
    return error
