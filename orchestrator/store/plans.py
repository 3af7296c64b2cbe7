"""What the saver keeps in memory about the plans that run in this process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.types import INTERRUPT

from graphs.checkpoints import CommitListener
from graphs.state import Result

Key = tuple[str, str]
"""A thread and a checkpoint namespace."""


@dataclass(slots=True)
class Plans:
    """One object, shared by the copies that LangGraph makes of a saver (one for each list of allowed types).

    Attributes:
        listeners: The live flows.
        empty: Plans of which nothing was ever kept; until the first checkpoint.
        flat: Threads that began in this process and have had no plan inside a plan.
        asking: Tasks that LangGraph shows as interrupted, since their plan was taken up.
        loaded: Checkpoints just loaded, or made for a new plan; the next read of each is answered from here, once.
        pending: How many checkpoints of a thread are handed over and not yet committed.
        lists_open: Whether the connection for the official saver's lists was started.
    """

    listeners: dict[Key, CommitListener] = field(default_factory=dict)
    empty: set[Key] = field(default_factory=set)
    flat: set[str] = field(default_factory=set)
    asking: dict[Key, frozenset[str]] = field(default_factory=dict)
    loaded: dict[Key, CheckpointTuple] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    lists_open: bool = False

    def forget(self, key: Key) -> None:
        self.listeners.pop(key, None)
        self.empty.discard(key)
        self.asking.pop(key, None)
        if not key[1]:
            self.flat.discard(key[0])
        self.stale(key)

    def taken_up(self, key: Key, found: CheckpointTuple) -> None:
        """The plan goes on from its checkpoint; the next read of it is answered with this."""
        self.loaded[key] = found
        if asking := frozenset(task for task, channel, _ in found.pending_writes or () if channel == INTERRUPT):
            self.asking[key] = asking

    def first(self, key: Key) -> bool:
        """Whether this is the plan's first checkpoint: nothing older is to be deleted."""
        if key not in self.empty:
            return False
        self.empty.discard(key)
        return True

    def stale(self, key: Key) -> None:
        """The plan's checkpoint changes: what was prepared for the next read of it no longer holds."""
        self.loaded.pop(key, None)

    def handed_over(self, thread: str) -> None:
        self.pending[thread] = self.pending.get(thread, 0) + 1

    def settled(self, thread: str) -> None:
        left = self.pending.get(thread, 0) - 1
        if left > 0:
            self.pending[thread] = left
        else:
            self.pending.pop(thread, None)


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan's checkpoint, with the results written since."""

    dispatched: list[str]
    results: dict[str, Result]
    values: Mapping[str, Any]

    @classmethod
    def of(cls, saved: CheckpointTuple) -> "SavedPlan":
        values = saved.checkpoint["channel_values"]
        results: dict[str, Result] = dict(values.get("steps") or {})
        for _, channel, value in saved.pending_writes or ():
            if channel == "steps":
                results.update(value)
        return cls(list(values.get("dispatched") or ()), results, values)
