"""What an engine finds to be taken up when it begins: its ids, until there is room to carry them out.

An execution that waits for a seat has a task of its own, a few kilobytes; of a hundred thousand only those at the front
need one.
"""

from collections.abc import Callable, Iterable


class Backlog:
    """Who is to be taken up, the most urgent first.

    Args:
        take: Takes one up, and says whether it waits for a seat now.
        ahead: So many wait for a seat at the same time, those left out that came otherwise.
    """

    def __init__(self, take: Callable[[str], bool], ahead: int) -> None:
        self._take = take
        self._ahead = ahead
        self._ids: dict[str, None] = {}
        self._waiting: set[str] = set()

    def __contains__(self, execution_id: str) -> bool:
        return execution_id in self._ids

    def add(self, execution_ids: Iterable[str]) -> None:
        """These are to be taken up too."""
        self._ids.update(dict.fromkeys(execution_ids))
        self._fill()

    def seated(self, execution_id: str) -> None:
        """It has a seat, or wants none any more: the next one may wait for its own."""
        if execution_id in self._waiting:
            self._waiting.discard(execution_id)
            self._fill()

    def drop(self, execution_id: str) -> bool:
        """It is taken up by another way; whether it was still to be."""
        was = execution_id in self._ids
        self._ids.pop(execution_id, None)
        return was

    def clear(self) -> list[str]:
        """Nobody more is taken up; whoever is left."""
        left = list(self._ids)
        self._ids.clear()
        return left

    def _fill(self) -> None:
        while self._ids and len(self._waiting) < self._ahead:
            execution_id = next(iter(self._ids))
            del self._ids[execution_id]
            if self._take(execution_id):
                self._waiting.add(execution_id)
