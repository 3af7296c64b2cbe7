"""What may be done, and by whom: rights, and the roles that bundle them.

    viewer ── observe, read
    operator ── observe, read, run, redrive         approver ── decide
    editor ── all of these, edit
    admin ── everything

A key has one role or several, and `scopes` may leave it only some of its rights.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class Right(StrEnum):
    """What a route may ask for.

    `observe` shows that things ran and how they ended; `read` shows everything of a tenant, with its values; `run`
    starts, resumes, cancels, publishes events; `redrive` lets what has been done be done anew (retry, fork, edits of
    state); `decide` answers approvals, and shows those that one may answer, and nothing else; `edit` changes
    definitions; `admin` sees the audit trail and manages what others depend on.
    """

    OBSERVE = "observe"
    READ = "read"
    RUN = "run"
    REDRIVE = "redrive"
    DECIDE = "decide"
    EDIT = "edit"
    ADMIN = "admin"


class Role(StrEnum):
    """Who somebody is to a tenant."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    EDITOR = "editor"
    ADMIN = "admin"


_VIEWER: Final = frozenset({Right.OBSERVE, Right.READ})
_OPERATOR: Final = _VIEWER | {Right.RUN, Right.REDRIVE}
_APPROVER: Final = frozenset({Right.DECIDE})

RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.APPROVER: _APPROVER,
    Role.EDITOR: _OPERATOR | _APPROVER | {Right.EDIT},
    Role.ADMIN: frozenset(Right),
}

ALL: Final = frozenset(Right)
LEAST: Final = RIGHTS[Role.VIEWER]


def rights_of(roles: Iterable[str], scopes: Iterable[str] = ()) -> frozenset[Right]:
    """The rights that roles give, as far as the scopes (where there are any) leave them. Unknown words give nothing."""
    given = frozenset(right for role in roles if role in RIGHTS for right in RIGHTS[Role(role)])
    wanted = frozenset(scopes)
    return given & wanted if wanted else given
