"""What an execution found done when it was forked off another: whose it is, and so who undoes it. Pure."""

from collections.abc import Iterator, Sequence

from graphs.spec import Step
from graphs.state import Happened, join_path
from graphs.undo.reading import may_read

_TRIED = ("completed", "failed", "timed_out", "cancelled")


class Inheritance:
    """What of a history is another execution's. An effect has exactly one owner."""

    def __init__(self, history: Sequence[Happened]) -> None:
        theirs = [deed for deed in history if deed.owner is not None and deed.kind == "settled" and not deed.superseded]
        self._owners = {deed.path: str(deed.owner) for deed in theirs if deed.data.get("status") in _TRIED}
        self._variables = frozenset(name for deed in theirs for name in deed.data.get("variables", ()))

    def owner_of(self, path: str) -> str | None:
        """Whose a step is, where that is another execution. What is undone as a whole is not this one's when a part of
        it is not."""
        return self._owners.get(path) or next(self._inside(path), None)

    def owner_of_what_is_read(self, step: Step, around: str) -> str | None:
        """Whose results a step beside others may read, where that is another execution."""
        before = join_path(around, "_")[:-1]
        names = {
            path.removeprefix(before).partition(".")[0].partition("[")[0]
            for path in self._owners
            if path.startswith(before)
        }
        if not may_read(step, frozenset(names), self._variables):
            return None
        return next(iter(self._owners.values()))

    def _inside(self, path: str) -> Iterator[str]:
        below = (f"{path}.", f"{path}[")
        return (owner for other, owner in self._owners.items() if other.startswith(below))
