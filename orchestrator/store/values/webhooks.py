"""Where webhooks come from, and whom we tell."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Somebody outside who may send us messages.

    Attributes:
        id: Where they are sent: a part of the path.
        event_type: The type of the events they become.
        secrets: What they are signed with; encrypted.
    """

    id: str
    tenant: str
    name: str
    event_type: str
    secrets: bytes
    created_at: datetime
    created_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Somebody outside who is told what happens.

    Attributes:
        kinds: Kinds of records.
        secret: What messages are signed with; encrypted.
        told: The last record they know.
        failures, next_at, error: Attempts that failed in a row, when the next one is, and what went wrong.
    """

    id: str
    tenant: str
    url: str
    kinds: tuple[str, ...]
    secret: bytes
    told: int = 0
    failures: int = 0
    next_at: datetime | None = None
    error: str | None = None
    created_at: datetime
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class Untold:
    """A record that a target could not be told."""

    seq: int
    error: str
    given_up_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a source's, as it was signed.

    Attributes:
        id: Its name: the same when it is sent again.
        digest: SHA-256 of its body.
        signed_at: Seconds since 1970: another time for each attempt to send it.
    """

    id: str
    digest: bytes
    signed_at: int
