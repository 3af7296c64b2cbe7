"""Places to act in: who waits for one, and since when. The decisions are `graphs.policies.limits`'."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import TracebackType

from graphs.clock import Alarm, Clock
from graphs.policies.limits import Limit, Ticket, Turnstile

Tell = Callable[[str, Limit], None]

_RESERVED = 10
"""One place in so many is for executions that have no step at work."""


class Places:
    """All the places of an engine.

    Args:
        most: How many steps may act at once, over all executions.
    """

    def __init__(self, clock: Clock, most: int) -> None:
        self.clock = clock
        self.engine = Limit("engine", most, reserved=most // _RESERVED)
        self.turnstile = Turnstile()
        self._timed: set[Limit] = set()
        self._alarms: dict[Limit, Alarm] = {}

    def place(self, limits: Sequence[Limit], group: str, path: str, tell: "Tell") -> "Place":
        """A place under all of these limits.

        Args:
            group: Whose turn it is: the execution.
            path: Which of its steps wants to act.
            tell: Called with the path and the limit when it has to wait.
        """
        return Place(self, Ticket(limits, group), path, tell)

    def stand(self, ticket: Ticket) -> None:
        """He waits: be awake when a rate may let him in."""
        self._timed.update(limit for limit in ticket.limits if limit.rate is not None)
        self._watch()

    def let_in(self, tickets: Iterable[Ticket]) -> None:
        """Tell those who may act now."""
        for ticket in tickets:
            if not ticket.waiter.done():
                ticket.waiter.set_result(None)
        if self._timed:
            self._watch()

    def _watch(self) -> None:
        """Where somebody waits for time to pass, and not for somebody to leave, look again when it has."""
        now = self.clock.monotonic()
        for limit in self._timed - self._alarms.keys():
            if limit.queue and (left := limit.free_from(now) - now) > 0:
                self._alarms[limit] = self.clock.call_later(left, partial(self._ring, limit))

    def _ring(self, limit: Limit) -> None:
        del self._alarms[limit]
        self.let_in(self.turnstile.tick(limit, self.clock.monotonic()))


class Place:
    """`async with places.place(…) as waited:` — acts under all of its limits; `waited` is how many seconds that took
    (0.0 when it did not have to)."""

    __slots__ = ("_path", "_places", "_tell", "_ticket")

    def __init__(self, places: Places, ticket: Ticket, path: str, tell: Tell) -> None:
        self._places = places
        self._ticket = ticket
        self._path = path
        self._tell = tell

    async def __aenter__(self) -> float:
        clock = self._places.clock
        asked = clock.monotonic()
        if self._places.turnstile.ask(self._ticket, asked):
            return 0.0
        await self._queue()
        return max(clock.monotonic() - asked, 1e-6)  # it had to wait, be it for less than a clock can tell

    async def _queue(self) -> None:
        self._ticket.waiter = asyncio.get_running_loop().create_future()
        self._places.stand(self._ticket)
        if self._ticket.waits_at is not None:
            self._tell(self._path, self._ticket.waits_at)
        try:
            await self._ticket.waiter
        except BaseException:
            self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        places = self._places
        places.let_in(places.turnstile.leave(self._ticket, places.clock.monotonic()))
