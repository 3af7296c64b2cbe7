"""What the audit trail is told of a request: who did what, and how that which it changed stood before and after."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Depends
from fastapi.dependencies.models import Dependant
from starlette.types import Message, Scope, Send

from api.security.custom import Acts
from api.security.door import Door
from api.security.needs import Needs
from api.security.principal import Principal
from api.security.rights import Right
from orchestrator.store.standing import thing_named

_LOOKING = frozenset({Right.READ, Right.OBSERVE})


@dataclass(frozen=True)
class Makes:
    """That a route makes a thing: which field of its answer has which of its names."""

    fields: tuple[tuple[str, str], ...]

    async def __call__(self) -> None:
        """Nothing is asked of whoever comes."""


def makes(**fields: str) -> Any:
    """Declare on a route: `dependencies=[…, makes(thread_id="thread_id")]`."""
    return Depends(Makes(tuple(fields.items())))


class Noting:
    """Notes what comes to one route.

    Args:
        label: The route's name in the trail.
        needed, what: What it asks of whoever comes. Those that only look change nothing; of a start, the run's own
            history tells.
        dependant: What else it declares, and takes.
    """

    def __init__(
        self, door: Door, label: str, needed: tuple[Needs, ...], what: Acts | None, dependant: Dependant
    ) -> None:
        self._door = door
        self._label = label
        self._makes = next((each.call for each in dependant.dependencies if isinstance(each.call, Makes)), None)
        looks = all(each.right is None or each.right in _LOOKING for each in needed)
        self._changes = not looks and (what is None or not what.inside) and self._makes is None

    def tells(self, names: Collection[str]) -> bool:
        """Whether it is told how something stood, where the path has these names."""
        return self._makes is not None or (self._changes and bool(thing_named(names)))

    def noted(self, who: Principal, scope: Scope, send: Send) -> Send:
        """A `send` that notes the answer as it goes out."""
        named: Mapping[str, Any] = scope["path_params"]
        changes = self._makes is None and self.tells(named)
        detail: dict[str, Any] = {"before": self._door.standing_of(named, who)} if changes else {}
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if changes:
                    detail["after"] = self._door.standing_of(named, who)
                if self._makes is None or status >= 300:
                    self._door.note(who, self._label, scope, status, detail)
            elif self._makes is not None and status and status < 300:
                self._door.note(who, self._label, scope, status, self._made(who, message.get("body", b"")))
                status = 0
            await send(message)

        return noting

    def _made(self, who: Principal, answer: bytes) -> dict[str, Any]:
        """How that stands which an answer tells of."""
        assert self._makes is not None
        told = orjson.loads(answer)
        named = {name: self._door.own_id(name, told[field], who) for name, field in self._makes.fields}
        return {"before": None, "after": self._door.standing_of(named, who)}
