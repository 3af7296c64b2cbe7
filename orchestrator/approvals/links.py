"""Links for mail and chat: whoever holds one decides one approval, once, as the person it was made for.

A link is sealed (Fernet: encrypted, and signed with a key that is not in the database), so nobody can make or change
one, and nothing can be read from it. Following it does nothing; only sending the form behind it decides.
"""

import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from graphs.errors import NotAllowedError, StoreError
from orchestrator.approvals.values import Approval, Person
from orchestrator.sealing import Cipher

_USE = "approval-link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a link says.

    Attributes:
        digest: Of what is asked; a decision by this link is bound to it.
        name, groups: As whom it decides.
        expires_at: ISO 8601.
        key: The id of the key it was made with, with which it ends.
    """

    id: str
    tenant: str
    execution_id: str
    path: str
    digest: str
    name: str
    groups: tuple[str, ...]
    expires_at: str
    key: str | None = None

    @property
    def person(self) -> Person:
        return Person(self.name, frozenset(self.groups))

    @property
    def ends(self) -> datetime:
        return datetime.fromisoformat(self.expires_at)


class Links:
    """Makes links and opens them.

    Args:
        cipher: Gives what seals; asked when it is first needed.
        now: What time it is.
    """

    def __init__(self, cipher: Callable[[], Cipher], now: Callable[[], datetime]) -> None:
        self._cipher = cipher
        self._now = now

    def make(
        self, approval: Approval, name: str, groups: frozenset[str], lasts: timedelta, *, key: str | None = None
    ) -> tuple[str, Link]:
        """A link's token, and what it says."""
        link = Link(
            id=uuid.uuid4().hex,
            tenant=approval.tenant,
            execution_id=approval.wait.execution_id,
            path=approval.wait.path,
            digest=approval.digest,
            name=name,
            groups=tuple(sorted(groups)),
            expires_at=(self._now() + lasts).isoformat(),
            key=key,
        )
        return self._cipher().encrypt({"use": _USE, **asdict(link)}).decode(), link

    def open(self, token: str) -> Link:
        """What a link says.

        Raises:
            NotAllowedError: it is none of ours, or its time is over.
        """
        try:
            said: dict[str, Any] = self._cipher().decrypt(token.encode())
            if said.pop("use", None) != _USE:
                raise _refused()
            link = Link(**{**said, "groups": tuple(said["groups"])})
        except (StoreError, TypeError, AttributeError, KeyError, ValueError):
            raise _refused() from None
        if link.ends <= self._now():
            raise NotAllowedError("The time of this link is over.", hint="Ask for a new one.", code="link_expired")
        return link


def _refused() -> NotAllowedError:
    return NotAllowedError("This link is not valid.", hint="Use it whole, as it was sent.", code="link_not_valid")
