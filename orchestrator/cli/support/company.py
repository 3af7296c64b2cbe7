"""Driving every execution of a database: `baton engine`, and `baton resume` without an id."""

import asyncio
import os
from collections.abc import Sequence

from rich.text import Text

from graphs.errors import BatonError
from graphs.state import ExecutionStatus
from orchestrator.bus import RESTED, given_up
from orchestrator.cli.exits import Exit, exit_of_status, worst
from orchestrator.cli.support.documents import as_called
from orchestrator.cli.support.following import Left, News, Until, enough, hear, opened, take_up
from orchestrator.cli.support.interrupts import interrupts
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.questions import Questions, as_document
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.story import Story
from orchestrator.cli.support.terminal import output, print_json, print_json_line, status_text
from orchestrator.cli.support.views import JsonLines, Lines, Quiet, View
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Record


class Company:
    """Drives all executions and shows what happens; made for one use.

    Args:
        setting: Where.
        view: Who is shown what happens.
        expected: Executions to carry on until they end or rest; None to go on until interrupted.
        until: When one of them is left.
    """

    def __init__(self, setting: Setting, view: View, expected: Sequence[str] | None, until: Until = "end") -> None:
        self.left: dict[str, Left] = {}
        self.failures: list[BatonError] = []
        self._setting = setting
        self._view = view
        self._open = None if expected is None else set(expected)
        self._until = until
        self._mail: asyncio.Queue[Record | News] = asyncio.Queue()
        self._stories: dict[str, Story] = {}

    async def drive(self, go_on: str) -> Exit | None:
        """Drive until everything expected has ended or rests; gives the exit code when interrupted.

        Args:
            go_on: The command that goes on afterwards.

        Raises:
            EngineBusyError: another process drives.
        """
        with interrupts(lambda: self._mail.put_nowait(News.INTERRUPTED), lambda: go_on) as heard:
            async with opened(self._setting, self._view) as baton:
                hearing = asyncio.create_task(hear(baton, None, self._mail.put_nowait), name="records")
                try:
                    await asyncio.sleep(0)
                    return None if await self._go_on(baton) else heard.code
                finally:
                    hearing.cancel()
                    await asyncio.gather(hearing, return_exceptions=True)

    async def _go_on(self, baton: Orchestrator) -> bool:
        """False when interrupted."""
        if self._open is None:
            self._greet(len(await baton.store.unfinished()))
        for execution_id in list(self._open or ()):
            await self._take_up(baton, execution_id)
        while self._open is None or self._open:
            letter = await self._mail.get()
            if not isinstance(letter, Record):
                grace = self._setting.settings.grace
                self._view.note(f"Stopping: what runs has {grace:g} s to finish; Ctrl-C again leaves at once.")
                await baton.drain()
                return False
            await self._take(baton, letter)
        return True

    async def _take_up(self, baton: Orchestrator, execution_id: str) -> None:
        execution = await baton.get(execution_id)
        if execution.status is ExecutionStatus.PAUSED:  # whoever goes on with everything lets nobody's hold go
            self._mail.put_nowait(Record(execution_id, RESTED, baton.clock.now()))
            return
        execution = await take_up(baton, execution_id, self._mail.put_nowait)
        if execution.status.final:
            self._leave(Left(execution))

    def _greet(self, unfinished: int) -> None:
        where = self._setting.settings.database
        self._view.note(f"Driving {where} (process {os.getpid()}), {unfinished} unfinished. Ctrl-C stops in order.")

    async def _take(self, baton: Orchestrator, record: Record) -> None:
        story = self._stories.get(record.execution_id)
        if story is None:
            story = self._stories[record.execution_id] = Story(await baton.get(record.execution_id))
        story.apply(record)
        self._view.happened(record, story)
        if (failure := given_up(record)) is not None:
            self.failures.append(failure)
            self._leave(Left(story.execution))
        elif record.kind.startswith("execution."):
            await self._look(baton, story, rested=record.kind == RESTED)

    async def _look(self, baton: Orchestrator, story: Story, *, rested: bool) -> None:
        execution = await baton.get(story.execution.id)
        if execution.status.final:
            self._stories.pop(execution.id, None)
            self._leave(Left(execution))
            return
        held = execution.status is ExecutionStatus.PAUSED
        if not rested or not (held or execution.status.resting):
            return
        waits = await baton.waits(execution.id)
        if waits:
            self._view.rests(story, waits)
        if (waits or held) and enough(self._until, execution, waits):
            self._leave(Left(execution, waits))

    def _leave(self, left: Left) -> None:
        if self._open is not None and left.execution.id in self._open:
            self._open.discard(left.execution.id)
            self.left[left.execution.id] = left


async def drive_until_interrupted(setting: Setting) -> int:
    """`baton engine`."""
    questions = Questions(setting, {})
    view = JsonLines(questions) if setting.shared.as_json else Lines(questions, named=True)
    await Company(setting, view, None).drive(questions.command("engine"))
    return Exit.COMPLETED


async def go_on_with_all(setting: Setting, *, watch: bool | None, until_rest: bool | None) -> int:
    """`baton resume` without an id."""
    async with looking(setting) as baton:
        expected = [execution_id for execution_id, _ in await baton.store.unfinished()]
    as_json, questions = setting.shared.as_json, Questions(setting, {})
    view: View = Lines(questions, named=True)
    if as_json or watch is False:
        view = JsonLines(questions) if as_json and watch else Quiet()
    until: Until = "somebody" if until_rest is None else "rest" if until_rest else "end"
    company = Company(setting, view, expected, until)
    interrupted = await company.drive(questions.command("resume")) if expected else None
    _tell(company, questions, as_json=as_json, in_one_line=bool(watch), finished=interrupted is None)
    if company.failures:
        raise company.failures[0]
    codes = [exit_of_status(left.execution.status) for left in company.left.values()]
    return worst(codes) if interrupted is None else interrupted


def _tell(company: Company, questions: Questions, *, as_json: bool, in_one_line: bool, finished: bool) -> None:
    if as_json:
        executions = [as_called(left.execution) for left in company.left.values()]
        waits = [as_document(wait, questions) for left in company.left.values() for wait in left.waits]
        document = {"executions": executions, "waits": waits, "interrupted": not finished}
        (print_json_line if in_one_line else print_json)(document)
        return
    if not company.left and finished:
        output().print("Nothing is unfinished.")
    for left in company.left.values():
        execution = left.execution
        about = f"  {execution.workflow}@{execution.version}  {execution.id}"
        output().print(status_text(execution.status).append(about, "dim"))
        for line in [line for wait in left.waits for line in questions.lines(wait)]:
            output().print(Text("  ").append_text(line))
    if not finished:
        output().print(f"Parked; nothing finished is lost. Go on: {questions.command('resume')}")
