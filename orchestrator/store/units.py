"""What the writer is given: work for one transaction, and whom to tell."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphs.errors import BatonError

Statement = tuple[str, Sequence[Any]]
"""SQL and its parameters; a list of parameter rows means "once for each"."""

Work = Callable[[sqlite3.Connection], Any] | Sequence[Statement]
"""What a unit does inside the transaction.

A callable may be run twice (alone, after its group failed), so it must do nothing but read and write the connection.
To refuse, it *returns* a BatonError and has written nothing: raising would roll its whole group back.
"""


@dataclass(frozen=True, slots=True)
class Beside:
    """Work that is kept in one transaction with another's, or not at all.

    Attributes:
        work: What to do; gives a value, or the BatonError for which all of it is taken back.
        kept: Told of the value once it is committed.
    """

    work: Callable[[sqlite3.Connection], Any]
    kept: Callable[[Any], None]


class Unit:
    """One piece of work that is committed whole or not at all."""

    __slots__ = ("error", "future", "lost", "on_commit", "on_lost", "reset", "thread", "value", "work")

    def __init__(
        self,
        work: Work,
        future: asyncio.Future[Any] | None,
        thread: str | None,
        reset: bool,
        on_commit: Callable[[Any], None] | None,
        on_lost: Callable[[BatonError], None] | None,
    ) -> None:
        self.work = work
        self.future = future
        self.thread = thread
        self.reset = reset
        self.on_commit = on_commit
        self.on_lost = on_lost
        self.value: Any = None
        self.error: BatonError | None = None

    def run(self, db: sqlite3.Connection) -> None:
        value = carry_out(self.work, db)
        if isinstance(value, BatonError):
            self.error = value
        else:
            self.value = value


def carry_out(work: Work, db: sqlite3.Connection) -> Any:
    """Do what a unit is to do; gives its value, or why it refuses."""
    if callable(work):
        return work(db)
    for sql, parameters in work:
        if isinstance(parameters, list):
            db.executemany(sql, parameters)
        else:
            db.execute(sql, parameters)
    return None
