"""Shows the pieces: every one with each company, many at once; a line for each, as soon as all have played it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from api.demo.players import inside, lasting, thinking, tooling
from api.demo.players.company import Company
from api.demo.players.piece import Piece, Verdict, verdict
from api.demo.stage import Stage

PIECES: Final = (*tooling.PIECES, *inside.PIECES, *lasting.PIECES, *thinking.PIECES)
AT_ONCE: Final = 6
_WIDTHS: Final = (25, 67, 15)

Judged = Mapping[str, Sequence[Verdict]]
"""What came of each piece, by company."""


class Playing:
    """The pieces with one company. One of them kills its engine; the others wait until it is up again."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._up = asyncio.Event()
        self._places = asyncio.Semaphore(AT_ONCE)

    async def play(self, piece: Piece) -> Verdict:
        """A piece, when its turn has come."""
        if piece.alone:
            try:
                return await verdict(piece, self._company)
            finally:
                self._up.set()
        await self._up.wait()
        async with self._places:
            return await verdict(piece, self._company)


async def show(stage: Stage, companies: Sequence[Company]) -> Judged:
    """Play all pieces with all companies, and tell of each."""
    names = [company.name for company in companies]
    _say(stage, "", "", " · ".join(names), "dim")
    async with asyncio.TaskGroup() as group:
        playing = [Playing(company) for company in companies]
        tasks = [[group.create_task(one.play(piece)) for one in playing] for piece in PIECES]
        for row in tasks:
            _tell(stage, names, [await one for one in row])
    return {name: [row[number].result() for row in tasks] for number, name in enumerate(names)}


def failures(judged: Judged) -> list[str]:
    """What was expected, and was not so."""
    return [f"{one.title}, {name}: {wrong}" for name, all_ in judged.items() for one in all_ for wrong in one.wrong]


def _tell(stage: Stage, names: Sequence[str], verdicts: Sequence[Verdict]) -> None:
    calls = " · ".join(str(one.calls) for one in verdicts)
    alike = len({one.text for one in verdicts}) == 1
    for number, (name, one) in enumerate(zip(names, verdicts, strict=True)):
        sign, style = ("✗", "red") if one.wrong else ("✓", "green") if one.shown else ("-", "dim")
        plain = {"✗": "x", "✓": "+"}.get(sign, sign)
        title = one.title if number == 0 else f"  {name}"
        if number == 0 or not alike:
            _say(stage, f"{plain if stage.ascii_only else sign} {title}", one.text, calls if number == 0 else "", style)
        for wrong in one.wrong:
            _say(stage, "", f"{name}: not so: {wrong}", "", "red")


def _say(stage: Stage, title: str, text: str, calls: str, style: str) -> None:
    row = Table.grid(padding=(0, 1))
    for width in _WIDTHS:
        row.add_column(width=width, overflow="fold")
    row.add_row(Text(title, style), Text(text), Text(calls, "dim"))
    stage.table(row)
