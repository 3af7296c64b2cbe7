"""Waits, what answers them, and signals to the driving engine: what is asked of a database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from graphs.steps import Wait
from orchestrator.approvals.values import Approval, Turn
from orchestrator.quota import Quota
from orchestrator.store.units import Beside
from orchestrator.store.values import InboxFilter, OpenWait, PublishedEvent, Record, Signal


class Waits(Protocol):
    """Waits, what answers them, and signals to the driving engine. See `Store`."""

    async def open_wait(
        self,
        execution_id: str,
        path: str,
        generation: int,
        wait: Wait,
        since: datetime,
        *,
        records: Sequence[Record] = (),
    ) -> OpenWait:
        """Keep a wait, or give the one that is there.

        An event awaited may have come before: after the execution was kept (or, with a lookback, so long before
        `since`), it answers the wait at once (X07), and each event answers one wait of an execution at most. The
        records are kept with a wait that stays open.
        """
        ...

    async def close_wait(
        self, execution_id: str, path: str, generation: int, status: Literal["elapsed", "cancelled"]
    ) -> OpenWait:
        """Close a wait that is still open; gives it as it then stands, so that the caller learns who won."""
        ...

    async def set_timer(
        self, execution_id: str, path: str, generation: int, wait: Wait, records: Sequence[Record] = ()
    ) -> None:
        """Keep a step's timer, in place of the one it had, and these records, in one transaction."""
        ...

    async def end_timer(self, execution_id: str, path: str) -> None:
        """Close the timer of a step, if there is an open one."""
        ...

    async def tried(self, execution_id: str) -> Mapping[str, Mapping[str, Any]]:
        """What the newest `step.retrying` or `step.held` record of each path says; not of steps to be made anew."""
        ...

    async def worked(self, execution_id: str, path: str) -> Mapping[str, Any] | None:
        """What the newest `work.counted` of a path says, with its time (`at`), and that of the newest record of a step
        below it (`last`)."""
        ...

    async def waits(self, execution_id: str | None = None, *, status: str | None = "open") -> Sequence[OpenWait]: ...
    async def approvals(self, which: InboxFilter) -> Sequence[Approval]: ...
    async def approval(self, execution_id: str, path: str) -> Approval | None:
        """The approval at a path: the open one, or the last that was there."""
        ...

    async def act_on(self, execution_id: str, path: str, act: Callable[[Approval], Turn]) -> OpenWait:
        """Do something about an open wait: judged by `act` as it stands in the transaction that keeps what comes of it.

        Raises:
            NotFoundError: there is no such wait.
            ConflictError: it has been answered, is over or cancelled; the message names who won. Or its link was used.
            BatonError: whatever `act` raises; nothing is kept then.
        """
        ...

    def acting(self, execution_id: str, path: str, act: Callable[[Approval], Turn]) -> Beside:
        """The same, to be kept in one transaction with something else; its value begins with the wait as it is then."""
        ...

    async def next_due(self) -> Sequence[tuple[str, datetime]]:
        """For each resting execution that is to be looked at again: its id, and when (the first end of its waits, or
        `wake_at`)."""
        ...

    async def publish_event(
        self,
        kind: str,
        data: Any,
        *,
        key: str | None,
        source: str | None,
        id: str | None = None,  # noqa: A002 - the event's own word
        tenant: str | None = None,
        quota: Quota | None = None,
        emitted: bool = False,
    ) -> PublishedEvent:
        """Keep an event and answer every open wait it matches: of this tenant's executions, or of all without one.

        The same `id` again changes nothing; with another type, key or data it is a mistake, but for what executions
        emit. An event answers one wait of an execution at most, the oldest, and none
        whose time is over. What an execution has emitted does not count towards the quota.

        Raises:
            TooManyEventsError: nothing takes it, and the tenant has as many such events as its quota says.
            InputError: it is larger than all of them may be.
        """
        ...

    async def signals(self, after: int) -> Sequence[Signal]:
        """What was stored for the driving engine after that one; empty when an engine begins to drive."""
        ...

    def changed(self) -> bool:
        """Whether signals were stored, by any process, since this was last asked; cheap enough for every 100 ms."""
        ...
