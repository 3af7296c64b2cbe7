"""What somebody does, told in the audit trail by the transaction that does it.

Whoever lets somebody act says so (`Act.under_way`). Whatever is then handed to the writer, in that task and in those it
waits for, looks at the things the act is about before its work and after it, and adds an entry for each that it has
changed. So an entry and its change are kept together or not at all, and nothing of anybody else's lies between
`before` and `after`.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Final

from graphs.errors import BatonError
from orchestrator.store.chain import add_entry
from orchestrator.store.standing import Thing, standing, thing_named
from orchestrator.store.units import Work, carry_out
from orchestrator.store.values import AuditEntry


class Act:
    """Something that somebody does.

    Args:
        entry: Makes the entry for a thing: who does what to it, and when.
        named: What is known of the thing it is about.

    Attributes:
        told: Whether an entry of it was added.
    """

    def __init__(self, entry: Callable[[Thing], AuditEntry], named: Thing) -> None:
        self.told = False
        self.things: Sequence[Thing] = [named]
        self._entry = entry
        self._over = False

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """What is kept in here is the act's."""
        before = _ACT.set(self)
        try:
            yield
        finally:
            self.ends()
            _ACT.reset(before)

    def ends(self) -> None:
        """It was answered: what goes on behind it is not its own."""
        self._over = True

    def telling(self, work: Work) -> Work:
        """The same work, with the entries for what it changes."""
        entries = [(thing, self._entry(thing)) for thing in self.things if thing_named(thing)]
        if self._over or not entries or not work:
            return work

        def both(db: sqlite3.Connection) -> Any:
            before = [standing(db, thing, entry.tenant) for thing, entry in entries]
            value = carry_out(work, db)
            if isinstance(value, BatonError):
                return value
            for (thing, entry), was in zip(entries, before, strict=True):
                now = standing(db, thing, entry.tenant)
                if now != was:
                    add_entry(db, replace(entry, detail={**entry.detail, "before": was, "after": now}))
                    self.told = True
            return value

        return both


_ACT: Final[ContextVar[Act | None]] = ContextVar("act", default=None)


def about(*things: Thing) -> None:
    """Say what the act under way is about, where there is one: what is made is not named before."""
    if (act := _ACT.get()) is not None:
        act.things = things


def told(work: Work) -> Work:
    """Work as the act under way tells of it."""
    return work if (act := _ACT.get()) is None else act.telling(work)


def nobodys() -> None:
    """This task goes on by itself: what it does is not the act's that set it going."""
    _ACT.set(None)
