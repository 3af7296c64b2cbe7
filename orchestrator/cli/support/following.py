"""Following one execution until it ends or rests: by driving it, or by watching the engine that does.

One consumer reads one mailbox. Records come from this process's engine, or, while another engine drives the file, from
polling the tables; Ctrl-C and "nobody drives the file any more" are letters too. In the last case this process takes
over: when the engine of another terminal is closed, the executions it carried out for this one must go on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

from graphs.clock import SystemClock
from graphs.errors import EngineBusyError
from graphs.state import ExecutionStatus
from orchestrator.bus import DRIVE_FAILED, RESTED, given_up
from orchestrator.cli.support.opening import driving, looking
from orchestrator.cli.support.questions import for_somebody
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.story import Story
from orchestrator.cli.support.views import View
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution, OpenWait, Record

Until = Literal["end", "somebody", "rest"]
"""When to stop: at the end; when only people or events can move it on; whenever it rests."""

_POLL: Final = 0.1
_PROBE_EVERY: Final = 5
"""Polls between looks whether anybody drives the file."""

_PATIENCE: Final = 1.0
"""Seconds of leaving after which it is said what for."""


_RESTING: Final = (ExecutionStatus.WAITING, ExecutionStatus.PAUSED, ExecutionStatus.BUDGET_EXCEEDED)


class News(Enum):
    """Letters that are no records."""

    INTERRUPTED = "interrupted"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Left:
    """How an execution was left."""

    execution: Execution
    waits: Sequence[OpenWait] = ()
    interrupted: bool = False
    elsewhere: bool = False
    """Another engine goes on with it."""


class Follower:
    """Follows one execution. Made for one use.

    Args:
        setting: Where.
        view: Who is shown what happens.
        until: When to stop.
        tell: Told how it was left, at once: closing the engine may take a while, when other executions are at work.
    """

    def __init__(self, setting: Setting, view: View, until: Until, tell: Callable[[Left], None]) -> None:
        self._setting = setting
        self._view = view
        self._until = until
        self._tell = tell
        self._mail: asyncio.Queue[Record | News] = asyncio.Queue()
        self._since = 0
        self._over = False
        self._failure = ""

    def interrupt(self) -> bool:
        """Stop in order; gives whether the execution is left already, so that there is nothing more to wait for."""
        self._mail.put_nowait(News.INTERRUPTED)
        return self._over

    async def follow(self, execution_id: str, since: int = 0) -> Left:
        """Carry it on, or watch who does.

        Args:
            since: The last record that is no news.

        Raises:
            BatonError: it cannot be driven: its definition needs Python that is not loaded, say.
        """
        self._since = since
        while True:
            try:
                async with opened(self._setting, self._view) as baton:
                    left = await self._drive(baton, execution_id)
            except EngineBusyError as busy:
                self._view.note(f"{busy.message} It carries this out; here you watch.")
                left = await self._watch(execution_id)
            if left is not None:
                return left
            self._view.note("Nobody drives the database any more: going on here.")

    async def _drive(self, baton: Orchestrator, execution_id: str) -> Left | None:
        unfinished = await baton.store.unfinished()
        others = [other for other, status in unfinished if other != execution_id and status not in _RESTING]
        if others:
            words = "execution of this database goes" if len(others) == 1 else "executions of this database go"
            self._view.note(f"{len(others)} other unfinished {words} on here too.")
        return await self._consume(baton, execution_id, hear(baton, execution_id, self._mail.put_nowait))

    async def _watch(self, execution_id: str) -> Left | None:
        async with looking(self._setting) as baton:
            return await self._consume(baton, execution_id, self._poll(baton, execution_id), elsewhere=True)

    async def _consume(
        self, baton: Orchestrator, execution_id: str, source: Coroutine[Any, Any, None], *, elsewhere: bool = False
    ) -> Left | None:
        filling = asyncio.create_task(source, name="records")
        try:
            await asyncio.sleep(0)  # the source listens before the past is read: nothing falls in between
            story = await self._begin(baton, execution_id)
            put = self._mail.put_nowait
            execution = await (baton.get(execution_id) if elsewhere else take_up(baton, execution_id, put))
            if execution.status.final:
                # Its last record may have come before anybody listened, or while the others were read.
                for record in await baton.records(execution_id, after=self._since):
                    self._take(story, record)
                return self._left(story, Left(execution))
            return await self._read_mail(baton, story, filling, elsewhere)
        finally:
            filling.cancel()
            await asyncio.gather(filling, return_exceptions=True)

    async def _begin(self, baton: Orchestrator, execution_id: str) -> Story:
        past = await baton.records(execution_id)
        execution = await baton.get(execution_id)
        story = Story(execution, await baton.store.definition(execution.digest))
        story.tell(record for record in past if (record.seq or 0) <= self._since)
        story.asks_only({wait.path for wait in await baton.waits(execution_id)})
        self._view.begin(story)
        for record in past:
            self._take(story, record)
        return story

    def _take(self, story: Story, record: Record) -> bool:
        """Tell a record, unless it is known."""
        if not story.apply(record):
            return False
        self._since = story.seen
        self._view.happened(record, story)
        return True

    async def _read_mail(
        self, baton: Orchestrator, story: Story, filling: asyncio.Task[None], elsewhere: bool
    ) -> Left | None:
        filling.add_done_callback(lambda done: None if done.cancelled() else self._mail.put_nowait(News.FREE))
        while True:
            letter = await self._mail.get()
            if letter is News.INTERRUPTED:
                return await self._stop(baton, story, elsewhere)
            if letter is News.FREE:
                if filling.done():
                    filling.result()  # it ended by an error: that is the news
                return None
            assert isinstance(letter, Record)
            if not self._take(story, letter):
                continue
            if (left := await self._at_rest(baton, story, letter)) is not None:
                return self._left(story, left)

    async def _at_rest(self, baton: Orchestrator, story: Story, record: Record) -> Left | None:
        if record.kind == DRIVE_FAILED:
            if (failure := given_up(record)) is not None:
                raise failure
            self._tell_failure(record.data)
        if not record.kind.startswith("execution."):
            return None
        execution = await baton.get(record.execution_id)
        if execution.status.final:
            return Left(execution)
        if record.kind != RESTED or execution.status not in _RESTING:
            return None
        waits = await baton.waits(record.execution_id)
        if not waits and execution.status is not ExecutionStatus.PAUSED:  # answered meanwhile
            return None
        story.status = str(execution.status)
        self._view.rests(story, waits)
        return Left(execution, waits) if enough(self._until, execution, waits) else None

    def _tell_failure(self, error: Mapping[str, Any]) -> None:
        """Say once why it does not go on: the engine tries again by itself, every other second while a disk is full."""
        words = " ".join(str(error[part]) for part in ("message", "hint") if error.get(part))
        if words != self._failure:
            self._failure = words
            self._view.note(words)

    async def _stop(self, baton: Orchestrator, story: Story, elsewhere: bool) -> Left:
        if not elsewhere:
            grace = self._setting.settings.grace
            self._view.note(f"Stopping: what runs has {grace:g} s to finish; Ctrl-C again leaves at once.")
            await baton.drain()
        while not self._mail.empty():
            letter = self._mail.get_nowait()
            if isinstance(letter, Record):
                self._take(story, letter)
        execution = await baton.get(story.execution.id)
        waits = await baton.waits(execution.id)
        over = execution.status.final
        return self._left(story, Left(execution, waits, interrupted=not over, elsewhere=elsewhere))

    def _left(self, story: Story, left: Left) -> Left:
        self._over = True
        story.settle(left.execution)
        self._view.end(story)
        self._tell(left)
        return left

    async def _poll(self, baton: Orchestrator, execution_id: str) -> None:
        """Records as they are committed by another process; ends when nobody drives the file."""
        after, polls = 0, 0
        rested: tuple[str, datetime | None] | None = None
        while True:
            execution = await baton.get(execution_id)  # first: all that led to its rest is told before it rests
            for record in await baton.records(execution_id, after=after):
                self._mail.put_nowait(record)
                after = record.seq or after
            if execution.status in _RESTING and (execution.status, execution.updated_at) != rested:
                rested = execution.status, execution.updated_at
                self._mail.put_nowait(Record(execution_id, RESTED, SystemClock().now()))
            polls += 1
            if polls % _PROBE_EVERY == 0 and not execution.status.final and not baton.store.driven():
                return
            await asyncio.sleep(_POLL)


@asynccontextmanager
async def opened(setting: Setting, view: View) -> AsyncIterator[Orchestrator]:
    """An engine that drives; when leaving takes long, because other executions finish their steps, it is said."""
    remark: asyncio.TimerHandle | None = None
    try:
        async with driving(setting) as baton:
            yield baton
            words = "Other executions finish their running steps; Ctrl-C leaves at once."
            remark = asyncio.get_running_loop().call_later(_PATIENCE, view.note, words)
    finally:
        if remark is not None:
            remark.cancel()


async def take_up(baton: Orchestrator, execution_id: str, put: Callable[[Record], None]) -> Execution:
    """See to it that an execution is driven while we listen; of one that rests, `put` that it does.

    What rests is left alone, as an engine that opens the file does; a drive that failed while it opened was not heard.
    """
    execution = await baton.get(execution_id)
    if execution.status.final or baton.driving(execution_id):
        return execution
    if execution.status.resting:
        put(Record(execution_id, RESTED, baton.clock.now()))
    else:
        await baton.resume(execution_id)
    return execution


async def hear(baton: Orchestrator, execution_id: str | None, put: Callable[[Record], None]) -> None:
    """Hand on what this process's engine says."""
    async for record in baton.watch(execution_id):
        put(record)
    await asyncio.Event().wait()  # an execution ended: whoever reads finds out by its last record


async def read_story(baton: Orchestrator, execution_id: str) -> Story:
    """An execution's story so far."""
    execution = await baton.get(execution_id)
    story = Story(execution, await baton.store.definition(execution.digest))
    story.tell(await baton.records(execution_id))
    return story


def enough(until: Until, execution: Execution, waits: Sequence[OpenWait]) -> bool:
    """Whether an execution that rests is to be left."""
    if execution.status is ExecutionStatus.PAUSED:  # whatever it waits for, it goes on when somebody lets it
        return until != "end"
    return until == "rest" or (until == "somebody" and for_somebody(waits))
