"""What the demo says and how it asks: on a terminal with a tree that moves, elsewhere in plain lines."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from api.demo.tree import StepTree

REFRESH_PER_SECOND = 12
WIDTH = 110
"""Columns where there is no terminal that says how many it has."""


class Stage:
    """Where the demo is shown.

    Args:
        aside: Say it on stderr, because stdout is for a summary (`--json`).
        ask: Whether a person may be asked; only where one sits at a terminal.
    """

    def __init__(self, *, aside: bool = False, ask: bool = True) -> None:
        self._console = Console(stderr=aside, highlight=False)
        if not self._console.is_terminal:
            self._console.width = WIDTH
        self._ask = ask and self._console.is_terminal and sys.stdin.isatty()
        self.ascii_only = self._console.options.ascii_only

    def chapter(self, title: str, text: str) -> None:
        self._console.print()
        self._console.rule(title, align="left", characters="-" if self.ascii_only else "─")
        self._console.print(text, style="dim", soft_wrap=True)

    def say(self, text: str, style: str = "default") -> None:
        self._console.print(text, style=style, markup=False, soft_wrap=True)

    def table(self, table: Table) -> None:
        self._console.print(table)

    @contextmanager
    def showing(self, tree: StepTree) -> Iterator[None]:
        """Show a tree while it changes; where nothing can move, once it has come to rest."""
        if not self._console.is_terminal:
            yield
            self._console.print(tree)
            return
        with Live(tree, console=self._console, refresh_per_second=REFRESH_PER_SECOND, transient=False):
            yield

    async def ask(self, question: str, default: str, seconds: float) -> str | None:
        """A person's answer in one line; the default after so many seconds, and None where nobody can be asked."""
        if not self._ask:
            return None
        self._console.print(f"{question} [{default} in {seconds:g} s] ", end="", style="bold", markup=False)
        try:
            line = await asyncio.wait_for(_line_of_stdin(), seconds)
        except TimeoutError:
            self._console.print(default)
            return default
        # Nothing at all, not even an empty line: the terminal is gone.
        return (line.strip() or default) if line else None


async def _line_of_stdin() -> str:
    # Watched by the loop and not read in a thread: a thread in `readline` could not be given up, and would hold the
    # process at its end until somebody pressed a key.
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def readable() -> None:
        if not line.done():
            line.set_result(sys.stdin.readline())

    loop.add_reader(sys.stdin.fileno(), readable)
    try:
        return await line
    finally:
        loop.remove_reader(sys.stdin.fileno())
