"""Whose something is that starts runs later, and whether they still could. A key is looked at each time: it may have
been revoked, or have expired. Of tokens and of users of the application's own auth nothing is left to look at by then:
what they make was judged when they made it, and goes on until somebody deletes it.
"""

from collections.abc import Mapping
from typing import Any

from api.security.keys import principal_of, refuse_ended
from api.security.needs import Needs
from api.security.principal import Principal
from api.security.rights import Right
from graphs.clock import Clock
from graphs.errors import BatonError, NotAllowedError
from orchestrator.store.port import Store
from orchestrator.store.served.values import Cron


def owner_of(who: Principal) -> Mapping[str, Any]:
    """What is kept of whoever makes it."""
    return {"name": who.name, "key": who.key}


class Owners:
    """Judges what is to start by whose it is."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def judge(self, cron: Cron) -> None:
        """Whether a cron may start what it starts.

        Raises:
            NotAllowedError: its owner no longer could.
        """
        key_id = (cron.owner or {}).get("key")
        if key_id is None:
            return
        name = cron.owner["name"]
        key = self._store.key(key_id)
        try:
            if key is None:
                raise NotAllowedError("The key is gone.")
            refuse_ended(key, self._clock.now())
            Needs(Right.RUN).check(principal_of(key))
        except BatonError as error:
            raise NotAllowedError(
                f"The cron belongs to '{name}', who may start nothing now: {error.message}",
                hint="Let somebody who may change it (PATCH), which makes it theirs; or delete it.",
                code="owner_not_allowed",
            ) from error
