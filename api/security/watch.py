"""Streams and sockets end when whoever hears them may no longer: their key was revoked, it or their token has expired,
the application's auth knows them no more, or a gateway that was open has keys now. One look for all of them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from api.security.keys import NotAuthenticatedError
from api.security.principal import Principal
from graphs.clock import Clock
from graphs.errors import BatonError, NotAllowedError
from orchestrator.serving.bell import Bell
from orchestrator.store.port import Store

_log = logging.getLogger("baton.api")

_EVERY: Final = 2.0
"""Seconds between two looks."""

_ASK_AGAIN: Final = 60.0
"""Seconds after which the application's auth is asked again about each of its users who hears something."""

_AT_ONCE: Final = 50
"""Users about whom it is asked at the same time."""

_PATIENCE: Final = 10.0
"""Seconds for one of its answers. Without any, they go on: nothing was said against them."""


@dataclass(eq=False, slots=True)
class Hearer:
    """Somebody who hears something that lasts.

    Attributes:
        again: Finds out once more who they are, and whether they may.
        end: Ends what they hear, and says why.
    """

    who: Principal
    again: Callable[[], Awaitable[Any]]
    end: Callable[[BatonError], None]


class Watch:
    """Knows who hears something that lasts.

    Args:
        guarded: Whether somebody must say who they are.
    """

    def __init__(self, store: Store, clock: Clock, guarded: Callable[[], bool]) -> None:
        self._store = store
        self._clock = clock
        self._guarded = guarded
        self._hearers: set[Hearer] = set()
        self._users: set[Hearer] = set()
        self._told: set[str] = set()
        """What goes wrong in the application's auth, and has been said."""
        self._looking = Bell(clock, "keys of hearers", lambda: _EVERY if self._hearers else None, self._look)
        self._asking = Bell(clock, "users who hear", lambda: _ASK_AGAIN if self._users else None, self._ask)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Look until the block ends."""
        async with self._looking.serving(), self._asking.serving():
            yield

    @contextmanager
    def hears(self, hearer: Hearer) -> Iterator[None]:
        """They hear something until the block ends, or until they may no longer."""
        for known, bell, wanted in (
            (self._hearers, self._looking, True),
            (self._users, self._asking, hearer.who.user is not None),
        ):
            if wanted:
                known.add(hearer)
                if len(known) == 1:
                    bell.arm()
        try:
            yield
        finally:
            self._forget(hearer)

    async def _look(self) -> float:
        hearers = list(self._hearers)
        keys = {hearer.who.key for hearer in hearers if hearer.who.key is not None}
        revoked = self._store.revoked(keys) if keys else frozenset()
        now, guarded = self._clock.now(), self._guarded()
        for hearer in hearers:
            who = hearer.who
            if who.key in revoked:
                self._end(hearer, NotAuthenticatedError("The key was revoked."))
            elif who.until is not None and who.until <= now:
                self._end(hearer, NotAuthenticatedError(f"The {'key' if who.key else 'token'} has expired."))
            elif who.open and guarded:
                self._end(hearer, NotAuthenticatedError("The gateway has keys now, so this needs one."))
        return 0.0

    async def _ask(self) -> float:
        places = asyncio.Semaphore(_AT_ONCE)
        troubles = await asyncio.gather(*(self._ask_about(hearer, places) for hearer in list(self._users)))
        self._tell([trouble for trouble in troubles if trouble is not None])
        return 0.0

    async def _ask_about(self, hearer: Hearer, places: asyncio.Semaphore) -> Exception | None:
        """Ask about one user; what went wrong, where there was no answer."""
        try:
            async with places, asyncio.timeout(_PATIENCE):
                await hearer.again()
        except (NotAuthenticatedError, NotAllowedError) as error:
            self._end(hearer, error)
        except Exception as error:  # noqa: BLE001 - a team's own code, which has not said that they may not
            return error
        return None

    def _tell(self, troubles: Sequence[Exception]) -> None:
        """Say once what goes wrong in the application's auth, not every minute and for each user."""
        kinds = {type(trouble).__name__ for trouble in troubles}
        for trouble in troubles:
            if (kind := type(trouble).__name__) not in self._told:
                self._told.add(kind)
                what = f"no answer within {_PATIENCE:g} s" if isinstance(trouble, TimeoutError) else str(trouble)
                _log.warning(
                    "the application's auth cannot say of %d users whether they may still listen (%s: %s); they go on",
                    sum(type(each).__name__ == kind for each in troubles),
                    kind,
                    what,
                    exc_info=trouble,
                )
        self._told &= kinds

    def _end(self, hearer: Hearer, why: BatonError) -> None:
        if hearer in self._hearers:
            self._forget(hearer)
            hearer.end(why)

    def _forget(self, hearer: Hearer) -> None:
        self._hearers.discard(hearer)
        self._users.discard(hearer)
