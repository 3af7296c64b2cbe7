"""Telling listeners of records that were committed; nothing is built of them where nobody listens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.store.port import Record
from orchestrator.store.rows import to_record

Kept = Sequence[tuple[Any, ...]]
"""Rows of SELECT_RECORDS."""


def everything(execution_id: str, kind: str) -> bool:
    """Every record is of interest."""
    return True


@dataclass(frozen=True, slots=True)
class Announcer:
    """Hands records to one listener after their commit, on the event loop.

    Attributes:
        tell: The listener.
        wanted: Whether it wants to hear of a kind of record of an execution at this moment.
    """

    tell: Callable[[Sequence[Record]], None] | None = None
    wanted: Callable[[str, str], bool] = everything

    def __call__(self, rows: Kept) -> None:
        if self.tell is None:
            return
        wanted = [to_record(row) for row in rows if self.wanted(row[1], row[2])]
        if wanted:
            self.tell(wanted)
