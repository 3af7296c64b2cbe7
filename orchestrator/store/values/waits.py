"""What is waited for, what answers it, and what the driving engine is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from graphs.steps import Answer, Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWait:
    """A wait as it is kept: an approval, an awaited event, a timer.

    `status` is `open`, `answered`, `elapsed` or `cancelled`; only one of the last three is ever written.
    """

    execution_id: str
    path: str
    generation: int
    wait: Wait
    status: Literal["open", "answered", "elapsed", "cancelled"]
    answer: Answer | None
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """Something another process (or a facade call) stored for the driving engine; `seq` grows."""

    seq: int
    execution_id: str
    kind: Literal["answer", "event", "cancel", "pause", "start", "resume", "breaker", "published"]
    path: str | None = None
    """The wait's; the breaker's name."""


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """An event that was stored. `matched` names the waits it answered; `repeated` says it was known by its key."""

    id: str
    matched: tuple[tuple[str, str], ...]
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxFilter:
    """Which approvals to list, oldest first.

    Attributes:
        workflow: `NAME`, or `NAME@VERSION`.
        due_before: Only those whose time is over before then.
        after: When the last one of the page before was opened, and its number.
    """

    tenant: str | None = None
    execution_id: str | None = None
    workflow: str | None = None
    due_before: datetime | None = None
    status: Literal["open", "answered", "elapsed", "cancelled"] = "open"
    after: tuple[datetime, int] | None = None
    limit: int = 50
