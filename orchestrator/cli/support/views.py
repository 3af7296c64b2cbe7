"""Who is shown what happens: nobody, a log of plain lines, a program (JSON lines), or a person at a terminal."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Protocol

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from graphs.state import ExecutionStatus
from orchestrator.cli.support.finding import shortened
from orchestrator.cli.support.questions import Questions, as_document
from orchestrator.cli.support.story import Story
from orchestrator.cli.support.terminal import (
    errors,
    note,
    output,
    print_json_line,
)
from orchestrator.cli.support.tree import story_tree
from orchestrator.cli.support.wording import open_waits, record_line, title, wait_of
from orchestrator.ids import shown_id
from orchestrator.store.port import OpenWait, Record

_FRAME: Final = 0.125
"""Seconds between two pictures: often enough for a spinner, seldom enough for the engine beside it."""

_ENDS: Final = frozenset(f"execution.{status}" for status in ExecutionStatus if status.final)


class View(Protocol):
    """What following an execution tells whoever looks."""

    def begin(self, story: Story) -> None:
        """The story so far; again when another source goes on with it."""

    def happened(self, record: Record, story: Story) -> None:
        """A record, already taken into the story."""

    def rests(self, story: Story, waits: Sequence[OpenWait]) -> None:
        """Nothing goes on without help from outside."""

    def note(self, text: str) -> None:
        """A remark."""

    def end(self, story: Story) -> None:
        """The last of it."""

    def close(self) -> None:
        """Give the terminal back, whatever has happened. May be called twice."""


class Quiet:
    """Shows nothing but remarks."""

    def begin(self, story: Story) -> None:
        """Nothing."""

    def happened(self, record: Record, story: Story) -> None:
        """Nothing."""

    def rests(self, story: Story, waits: Sequence[OpenWait]) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        note(text)

    def end(self, story: Story) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class JsonLines(Quiet):
    """A line for every record, and one for what is waited for whenever the execution rests."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    def happened(self, record: Record, story: Story) -> None:
        print_json_line({"record": replace(record, execution_id=shown_id(record.execution_id))})

    def rests(self, story: Story, waits: Sequence[OpenWait]) -> None:
        print_json_line({"waits": [as_document(wait, self._questions) for wait in waits]})


class Lines(Quiet):
    """A line for everything that matters: for logs, pipes and several executions at once.

    Args:
        questions: How to answer.
        named: Whether each line says whose it is.
    """

    def __init__(self, questions: Questions, *, named: bool = False) -> None:
        self._questions = questions
        self._named = named
        self._asked: set[tuple[str, str, int]] = set()
        self._begun = False

    def begin(self, story: Story) -> None:
        execution = story.execution
        if not self._begun:
            self._print(execution.id, Text(f"{execution.workflow}@{execution.version}  {execution.id}", "bold"))
        self._begun = True
        for wait in open_waits(story):
            self._ask(wait)

    def happened(self, record: Record, story: Story) -> None:
        if record.seq is None:
            return  # not kept, so a watcher in another process does not see it either
        if record.kind == "step.started" and story.node(record.path or "").question is not None:
            return  # what it waits for was said
        # Of one execution, its end is told by the command, with what came of it.
        if (line := record_line(record)) is not None and (self._named or record.kind not in _ENDS):
            self._print(record.execution_id, line)
        if record.kind == "step.waiting":
            self._ask(wait_of(record))

    def _ask(self, wait: OpenWait) -> None:
        key = (wait.execution_id, wait.path, wait.generation)
        if wait.wait.kind == "timer" or key in self._asked:
            return
        self._asked.add(key)
        for line in self._questions.lines(wait):
            self._print(wait.execution_id, Text("  ").append_text(line))

    def _print(self, execution_id: str, line: Text) -> None:
        who = f"{shortened(execution_id)}  " if self._named else ""
        output().print(Text.assemble((who, "dim"), line))


class Picture(Quiet):
    """The tree of steps, drawn anew while it changes, with the open questions below it."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._live: Live | None = None
        self._drawing: asyncio.Task[None] | None = None
        self._story: Story | None = None

    def begin(self, story: Story) -> None:
        self._story = story
        if self._live is None:
            self._live = Live(console=output(), auto_refresh=False)
            self._live.start()
            self._drawing = asyncio.create_task(self._draw_again_and_again(self._live), name="picture")

    def note(self, text: str) -> None:
        (self._live.console if self._live is not None else errors()).print(Text(f"note: {text}", "dim"))

    def end(self, story: Story) -> None:
        if self._live is not None:
            self._live.update(self._picture(story, last=True), refresh=True)
        self.close()

    def close(self) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
        if self._live is not None:
            self._live.stop()
            self._live = None

    async def _draw_again_and_again(self, live: Live) -> None:
        with suppress(asyncio.CancelledError):
            while True:
                if self._story is not None:
                    # In a thread: a terminal that is held (Ctrl-S) must not hold the engine.
                    await asyncio.to_thread(live.update, self._picture(self._story), refresh=True)
                await asyncio.sleep(_FRAME)

    def _picture(self, story: Story, *, last: bool = False) -> RenderableType:
        now = datetime.now(UTC)
        asked: list[Text] = []
        for wait in open_waits(story):
            if wait.wait.kind != "timer":
                asked += [Text(""), *self._questions.lines(wait)]
        # What does not fit would be cut off at the bottom, where the questions are.
        room = None if last else max(3, output().height - len(asked) - 1)
        tree = story_tree(story, now, title=title(story, now), live=not last, room=room)
        return Group(tree, *asked, *([Text("")] if asked else []))
