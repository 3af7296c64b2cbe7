"""Seats: how many executions are carried out at the same time, and how many rest in memory beside them."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from graphs.clock import Alarm, Clock


class Room:
    """Seats for those who are at work. Whoever comes back from a rest is not made to queue: it has waited already.

    Args:
        seats: How many are at work at the same time, those who come back left out.
        lingering, seconds: How many may rest beside the seats, and for how long.
    """

    def __init__(self, seats: int, *, lingering: int, seconds: float, clock: Clock) -> None:
        self._free = seats
        self._queue: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = count()
        self._lingering = lingering
        self._seconds = seconds
        self._clock = clock
        self._resting: dict[Seat, Alarm] = {}

    @property
    def full(self) -> bool:
        return self._free <= 0

    async def enter(self, on_rest: Callable[[], None], let_go: Callable[[], None], *, turn: float = 0.0) -> "Seat":
        """Take a seat, in the order of turns, then of asking.

        Args:
            turn: See `urgency`.
            on_rest: Called when the seat is given up for a rest.
            let_go: Called when it has rested for long enough, or too many rest.
        """
        if self._free > 0 and not self._queue:
            self._free -= 1
        else:
            await self._wait(turn)
        return Seat(self, on_rest, let_go)

    async def _wait(self, turn: float) -> None:
        called = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (turn, next(self._count), called))
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self.give()
            raise  # `give` passes by whoever was cancelled

    def give(self) -> None:
        """One seat is free again."""
        self._free += 1
        while self._free > 0 and self._queue:
            _, _, called = heapq.heappop(self._queue)
            if not called.done():
                self._free -= 1
                called.set_result(None)

    @property
    def may_linger(self) -> bool:
        return self._lingering > 0 and self._seconds > 0

    def rests(self, seat: "Seat") -> None:
        self._resting[seat] = self._clock.call_later(self._seconds, seat.let_go)
        self.give()
        if len(self._resting) > self._lingering:
            next(iter(self._resting)).let_go()

    def stirs(self, seat: "Seat") -> None:
        self._resting.pop(seat).cancel()
        self._free -= 1


class Seat:
    """One execution's seat: taken, or given up while it rests in memory."""

    __slots__ = ("_on_rest", "_room", "given_up", "let_go")

    def __init__(self, room: Room, on_rest: Callable[[], None], let_go: Callable[[], None]) -> None:
        self._room = room
        self._on_rest = on_rest
        self.let_go = let_go
        self.given_up = False

    @property
    def may_linger(self) -> bool:
        return self._room.may_linger

    def give_up(self) -> None:
        self.given_up = True
        self._room.rests(self)
        self._on_rest()

    def take_back(self) -> None:
        self.given_up = False
        self._room.stirs(self)

    def leave(self) -> None:
        """For good."""
        if self.given_up:
            self._room.stirs(self)
        self._room.give()
