"""Keys of the gateway."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of the gateway.

    Attributes:
        id: Its public part, which finds it.
        hash: SHA-256 of its secret part, which is kept nowhere.
        name: Who uses it: what is kept beside decisions and cancels.
        role: Its roles, by spaces: `approver`, or `approver viewer`.
        scopes: The rights it has of its roles'; all of them when empty.
        groups: Groups whose approvals its user may decide.
        used_at: When it was last used, to the minute.
    """

    id: str
    hash: bytes
    name: str
    tenant: str
    role: str
    scopes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    created_at: datetime
    created_by: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None
