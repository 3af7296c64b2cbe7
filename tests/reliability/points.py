"""Named places in the engine at which a child process dies. Put in by the child, from outside: the product has none.

For everything that is stored there are four places, in their order:

    NAME.before        asked for, nothing done
    NAME.uncommitted   inside the transaction, everything written, not committed
    NAME.committed     durable, and nobody has been told
    NAME.after         the caller goes on

and further ones for what happens in memory right after: `result.heard` and `result.released` (before and after
dependents are woken), `answer.stored` and `answer.delivered` (before and after the waiting body gets it), `park.before`
and `park.after` (everybody rests, and is told to stop), `suspect.before` and `suspect.after` (one over which processes
have died is taken up); `effect.begun` and `effect.done` (a step has acted outside), `told.before` and `told.after` (a
sink is told of an alert).

Where one transaction is several things, it has several names: the end of an execution (`finish`) that leaves a dead
letter is `letter` too, a start with another's results is `fork`, going back because of a dead letter `redriven`.

What is only handed over (results, records, checkpoints) is on its way to the disk at `.after`, or there already.
"""

import functools
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from graphs.errors import BatonError
from graphs.flow import Flow
from orchestrator.alerts.sinks import FileSink
from orchestrator.driving.driver import Driver
from orchestrator.store.saver import BatonSaver
from orchestrator.store.sqlite import SqliteStore
from orchestrator.store.writer import Unit, Writer
from tests.reliability.journal import Journal

Given = Mapping[str, Any]


def _always(_: Given) -> bool:
    return True


STORED: Mapping[str, Mapping[str, Callable[[Given], bool]]] = {
    "create": {"start": lambda more: not more.get("inherits"), "fork": lambda more: bool(more.get("inherits"))},
    "begin_drive": {"begin": _always},
    "open_wait": {"wait": _always},
    "close_wait": {"close": _always},
    "set_timer": {"timer": _always},
    "end_timer": {"end_timer": _always},
    "act_on": {"decision": _always},
    "publish_event": {"event": _always},
    "rest": {"rest": _always},
    "conclude": {"conclude": _always},
    "finish": {"finish": _always, "letter": lambda more: bool(more.get("letters"))},
    "request_cancel": {"cancel": _always},
    "request_pause": {"pause": _always},
    "request_go_on": {"go_on": _always},
    "rewind": {"rewind": _always, "redriven": lambda more: bool(more.get("letters"))},
    "redrive": {"redrive": _always},
    "undo": {"undo": _always},
    "edit_letter": {"edit": _always},
    "keep": {"keep": _always},
    "told_sink": {"sink": _always},
}
"""By the store's method: the names of the places around it, and when each applies."""

HANDED_OVER = {"append": "record", "stirred": "stirred", "keep_breaker": "breaker"}
"""What the store is handed, and nobody waits for."""

UNNAMED = {
    "_make_room": "one delete of what nobody can take any more",
    "add_sinks": "once, before anything is driven",
    "discard": "one update that nothing follows",
    "request_resume": "a call to look again, of which nothing is kept",
    "reset_breaker": "one update; whoever waits looks again by himself",
}
"""Writing methods of the store that have no places, and why."""

LINGER_SECONDS = 0.03
"""Before a death inside a transaction: whatever runs on a result that is not durable gives itself away by then."""

_lock = threading.Lock()
_reached: Counter[str] = Counter()
_now: ContextVar[tuple[str, ...]] = ContextVar("_now", default=())
_crash_at: tuple[str, int] = ("", 0)


def reached() -> dict[str, int]:
    """How often each place was come by."""
    return dict(sorted(_reached.items()))


def come_by(place: str, *, linger: float = 0.0) -> None:
    """Here the process may die, with everything it had not yet given away.

    Args:
        linger: Seconds that everything else in the process still gets, to show what it would do.
    """
    with _lock:  # the loop, the writer's thread, and those of the steps
        _reached[place] += 1
        here = (place, _reached[place]) == _crash_at
    if here:
        time.sleep(linger)
        os.kill(os.getpid(), signal.SIGKILL)


def install(crash_at: str) -> None:
    """Put the places into the engine's classes. `name:n` dies there; `count` only counts."""
    global _crash_at
    if crash_at != "count":
        name, _, number = crash_at.rpartition(":")
        _crash_at = (name, int(number))
    for method, names in STORED.items():
        _replace(SqliteStore, method, functools.partial(_stored, names))
    for method, name in HANDED_OVER.items():
        _replace(SqliteStore, method, functools.partial(_handed_over, name))
    _replace(BatonSaver, "aput", functools.partial(_stored, {"checkpoint": _always}))
    _replace(BatonSaver, "_put_results", _results)
    _replace(BatonSaver, "keep", functools.partial(_handed_over, "result"))
    _replace(BatonSaver, "_committed", functools.partial(_around, "result.heard", "result.released"))
    _replace(Driver, "answered", functools.partial(_around, "answer.stored", "answer.delivered"))
    _replace(Driver, "_take_suspect", functools.partial(_around, "suspect.before", "suspect.after"))
    _replace(FileSink, "tell", _told)
    _replace(Flow, "park", _park)
    _replace(Journal, "write", _written)
    _replace(Writer, "submit", _marked)
    _replace(Writer, "hand_over", _marked)
    _replace(Writer, "_commit", _committed)


def _replace(owner: type, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(wrap(original)))


def _stored(names: Mapping[str, Callable[[Given], bool]], original: Callable[..., Any]) -> Callable[..., Any]:
    async def stored(*given: Any, **more: Any) -> Any:
        with _named(*(name for name, applies in names.items() if applies(more))):
            return await original(*given, **more)

    return stored


def _handed_over(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def handed_over(*given: Any, **more: Any) -> Any:
        with _named(name):
            return original(*given, **more)

    return handed_over


@contextmanager
def _named(*names: str) -> Iterator[None]:
    """Come by the places before and after; what is given to the writer in between bears the names."""
    for name in names:
        come_by(f"{name}.before")
    token = _now.set(names)
    try:
        yield
    finally:
        _now.reset(token)
    for name in names:
        come_by(f"{name}.after")


def _told(original: Callable[..., Any]) -> Callable[..., Any]:
    async def tell(*given: Any) -> None:
        come_by("told.before")
        await original(*given)
        come_by("told.after")

    return tell


def _results(original: Callable[..., Any]) -> Callable[..., Any]:
    def put(self: Any, thread: str, listener: Any, where: Any, writes: Sequence[tuple[str, Any]], *more: Any) -> Any:
        # What LangGraph says of a body that was interrupted takes the same way, and is no result.
        name = "result" if any(channel == "steps" for channel, _ in writes) else "interrupt"
        return _handed_over(name, original)(self, thread, listener, where, writes, *more)

    return put


def _around(before: str, after: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def around(*given: Any, **more: Any) -> Any:
        come_by(before)
        value = original(*given, **more)
        come_by(after)
        return value

    return around


def _park(original: Callable[..., Any]) -> Callable[..., Any]:
    def park(self: Flow) -> None:
        if self.parent is not None:
            original(self)
            return
        come_by("park.before")
        original(self)
        come_by("park.after")

    return park


def _written(original: Callable[..., Any]) -> Callable[..., Any]:
    def write(self: Journal, what: str, key: str) -> None:
        original(self, what, key)
        come_by("effect.begun" if what == "begin" else "effect.done")

    return write


class _Marked:
    """A unit's work that says what it is for."""

    def __init__(self, names: tuple[str, ...], work: Any) -> None:
        self.names = names
        self._work = work

    def __call__(self, db: sqlite3.Connection) -> Any:
        unit = Unit(self._work, None, None, False, None, None)
        unit.run(db)
        if unit.error is None:
            for name in self.names:
                come_by(f"{name}.uncommitted", linger=LINGER_SECONDS)
        return unit.error if unit.error is not None else unit.value


def _marked(original: Callable[..., Any]) -> Callable[..., Any]:
    def put(self: Writer, work: Any, **more: Any) -> Any:
        names = _now.get()
        return original(self, _Marked(names, work) if names and work else work, **more)

    return put


def _committed(original: Callable[..., Any]) -> Callable[..., Any]:
    def commit(self: Writer, group: list[Unit]) -> None:
        original(self, group)
        for unit in group:
            if isinstance(unit.work, _Marked) and not isinstance(unit.error, BatonError):
                for name in unit.work.names:
                    come_by(f"{name}.committed")

    return commit
