"""The audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A row of the audit trail.

    Attributes:
        actor: Who; None where nobody is known.
        action: What: a request (`POST /v1/executions`), or an act (`approval.decided`, `key.created`).
        target: On what.
        outcome: How it ended: a status code, or `done`.
        detail: What else there is to say; of an act that changes something, `before` and `after` are digests of that.
        seq, previous, hash: Its place in the chain; given when it is kept.
    """

    at: datetime
    tenant: str
    action: str
    actor: str | None = None
    target: str | None = None
    outcome: str = "done"
    detail: Mapping[str, Any] = field(default_factory=dict)
    seq: int | None = None
    previous: str | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which rows of the audit trail to list, oldest first; `after` is the last one's of the page before."""

    tenant: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    after: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Whether the chain holds. `rows` and `head`, the hash of the last, are of those that were asked about, as far as
    it does; `broken_at` is the first row of all that does not."""

    ok: bool
    rows: int
    head: str
    broken_at: int | None = None
    reason: str | None = None
