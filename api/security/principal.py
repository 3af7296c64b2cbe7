"""Who asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.requests import HTTPConnection

from api.security.rights import ALL, Right
from graphs.errors import EngineError
from orchestrator.serving.consent import Consent
from orchestrator.store.port import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a request comes from.

    Attributes:
        name: Who decided, cancelled, published: what is kept beside such acts. None where nobody says who they are.
        tenant: Whose executions, threads and items they see.
        rights: What they may do.
        groups: Groups whose approvals they may decide; None where nobody knows (an open gateway).
        source: What is limited together: a key, or a token's subject.
        user: As the application's own auth knows them; None for keys and tokens of ours.
        only: Conditions on metadata, where the application's auth narrows what they see.
        consent: Asks the application's auth about each run they want.
        key: The id of the key they came with.
        until: When their key or token expires.
        answering: The guard has seen that this request is nothing but an answer, for which the right to decide does.
    """

    name: str | None = None
    tenant: str = DEFAULT_TENANT
    rights: frozenset[Right] = ALL
    groups: frozenset[str] | None = None
    source: str = "open"
    user: Any = field(default=None, compare=False)
    only: Mapping[str, Any] = field(default_factory=dict, compare=False)
    consent: Consent | None = field(default=None, compare=False)
    key: str | None = None
    until: datetime | None = None
    answering: bool = False

    @property
    def reads(self) -> bool:
        """Whether they may see all there is of their tenant. Else it is what asks them (`Addressed`), or that something
        ran (`api.v1.observed`)."""
        return Right.READ in self.rights

    @property
    def open(self) -> bool:
        """Whether this is anybody on this machine, at a gateway without keys."""
        return self.source == "open"


async def principal(connection: HTTPConnection) -> Principal:
    """Who asks; a dependency of routes. The guard before the route has found out (`api.security.guard`)."""
    who = connection.scope.get("baton.principal")
    if not isinstance(who, Principal):
        raise EngineError("A route was reached past its guard.", code="unguarded_route")
    return who
