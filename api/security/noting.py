"""What the audit trail is told of a request: who did what, and how that which it changed stood before and after."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

from starlette.types import Message, Scope, Send

from api.security.custom import Acts
from api.security.door import Door
from api.security.needs import Needs
from api.security.principal import Principal
from api.security.rights import Right
from orchestrator.store.acts import Act

_LOOKING = frozenset({Right.READ, Right.OBSERVE})


class Noting:
    """Notes what comes to one route.

    What it changes is told by the transaction that changes it (`orchestrator.store.acts`), and that it was done. How it
    was answered is told besides where that was a refusal, or nothing was changed.

    Args:
        label: The route's name in the trail.
        needed, what: What it asks of whoever comes. Those that only look change nothing; of a start, the run's own
            history tells.
    """

    def __init__(self, door: Door, label: str, needed: tuple[Needs, ...], what: Acts | None) -> None:
        self._door = door
        self._label = label
        looks = all(each.right is None or each.right in _LOOKING for each in needed)
        self.tells = not looks and (what is None or not what.inside)

    @contextmanager
    def noted(self, who: Principal, scope: Scope, send: Send) -> Iterator[Send]:
        """While a request is answered: a `send` that notes the answer as it goes out."""
        act = Act(partial(self._door.entry, who, self._label), scope["path_params"])

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                act.ends()
                if not act.told or message["status"] >= 400:
                    self._door.note(who, self._label, scope, message["status"])
            await send(message)

        with act.under_way() if self.tells else nullcontext():
            yield noting
