"""Waits, pauses between attempts, and the ends of times, seen from the nodes."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from graphs.flow import Flow
from graphs.steps import Answer, Wait


class Waiting(Protocol):
    """What of a host is about time, and about the world outside that is waited for."""

    async def open_wait(self, path: str, wait: Wait, state: Any) -> tuple[Wait, Answer | None]:
        """Keep a wait before anybody rests on it. Gives the one that was kept first (its end does not move when the
        step is entered again), and the answer when there already is one. `state` is for the hooks, the first time."""
        ...

    async def close_wait(self, path: str, *, elapsed: bool) -> Answer | None:
        """The wait is over; gives the answer when one came first after all."""
        ...

    async def set_timer(self, path: str, wait: Wait, *, record: tuple[str, Mapping[str, Any]] | None = None) -> None:
        """Keep a timer for a step that rests between attempts, in place of the one before; with the record that says
        why, in one transaction."""
        ...

    async def end_timer(self, path: str) -> None:
        """The step's timer is over, if it has one."""
        ...

    async def tried(self, path: str) -> Mapping[str, Any] | None:
        """The newest `step.retrying` or `step.held` of a step, as kept before this drive; None when there is none."""
        ...

    def remind(self, path: str, due: datetime, call: Callable[[], None]) -> None:
        """Call then: a composite step's time is over. Should the execution rest, it is taken up at that time."""
        ...

    def pauses_until(self, path: str) -> datetime | None:
        """When the last of the steps below a path goes on that rest between two attempts; None where none does."""
        ...

    async def worked(self, path: str) -> Mapping[str, Any] | None:
        """What earlier processes kept of how long they were at work on the plan inside a step: the newest
        `work.counted`, with when (`at`), and when something was last kept of what is inside (`last`)."""
        ...

    def forget(self, path: str) -> None:
        """The step is left: it has ended, or the flow parks, and then its time runs on."""
        ...

    def expect(self, path: str, wait: Wait, flow: Flow, name: str) -> Answer | None:
        """Wake the body when an answer arrives or the wait is due; gives the answer when it just has."""
        ...

    def unexpect(self, path: str) -> None: ...
