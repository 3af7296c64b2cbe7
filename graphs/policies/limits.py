"""Who may act when not everybody can: places and rates, fair between executions. Pure: time goes in as a number.

A step needs a place under several limits at once: its plan's, its execution's, the engine's, those of the service it
calls. It gets all of them together or waits for the first that is full, holding nothing meanwhile: a saturated service
takes no place from anybody else.

Executions take turns at every limit, so that one with a thousand steps does not keep another's single step waiting
behind them; within an execution, who came first goes first.

Own code, because what async limiters there are (aiolimiter, pyrate-limiter, asyncio's semaphores) serve in the order
of asking, take one limit at a time, and read a clock they were not handed.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any


@dataclass(frozen=True, slots=True)
class Rate:
    """So many beginnings in any span of so many seconds."""

    calls: int
    per: float


class Limit:
    """What bounds who may act at the same time, or how often somebody may begin.

    Args:
        name: What it is called in records.
        places: How many may act at once; None for any number.
        rate: How often somebody may begin.
        named: It was asked for by its name, and not because of where the step stands.
        reserved: So many of the places are only for executions that have none yet: however wide another one is, and
            however long its steps take, they need not wait for one of these to end.
    """

    __slots__ = ("_begun", "_held", "_reserved", "name", "named", "places", "queue", "rate", "taken")

    def __init__(
        self,
        name: str,
        places: int | None = None,
        rate: Rate | None = None,
        *,
        named: bool = False,
        reserved: int = 0,
    ) -> None:
        self.name = name
        self.named = named
        self.places = places
        self.rate = rate
        self.taken = 0
        self.queue = Queue()
        self._reserved = reserved
        self._held: Counter[str] = Counter()
        self._begun: deque[float] = deque(maxlen=rate.calls if rate is not None else 0)

    def free(self, now: float, group: str) -> bool:
        """Whether one more of that group may begin now (`now` in seconds of a clock that never goes back)."""
        if self.places is not None and self.places - self.taken <= (self._reserved if group in self._held else 0):
            return False
        return self.rate is None or self.free_from(now) <= now

    def free_from(self, now: float) -> float:
        """When its rate allows the next beginning."""
        if self.rate is None or len(self._begun) < self.rate.calls:
            return now
        return self._begun[0] + self.rate.per

    def take(self, now: float, group: str) -> None:
        self.taken += 1
        if self._reserved:
            self._held[group] += 1
        if self.rate is not None:
            self._begun.append(now)

    def give_back(self, group: str) -> None:
        self.taken -= 1
        if self._reserved:
            self._held[group] -= 1
            if not self._held[group]:
                del self._held[group]


@dataclass(eq=False, slots=True)
class Ticket:
    """Somebody who wants to act.

    Attributes:
        limits: What he needs a place under.
        group: Whose turn he takes: his execution.
        held: Whether he has his places.
        waits_at: The limit he stands at, while he waits.
        waiter: Of whoever is to be told; not looked at here.
    """

    limits: Sequence[Limit]
    group: str
    held: bool = False
    waits_at: Limit | None = None
    waiter: Any = None
    number: int = 0

    def __lt__(self, other: "Ticket") -> bool:
        return self.number < other.number


@dataclass(slots=True)
class Queue:
    """Those who wait at one limit: groups in turn, and within a group who came first."""

    _groups: OrderedDict[str, list[Ticket]] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return sum(len(group) for group in self._groups.values())

    def __bool__(self) -> bool:
        return bool(self._groups)

    def __iter__(self) -> Iterator[Ticket]:
        return (ticket for group in self._groups.values() for ticket in group)

    def push(self, ticket: Ticket) -> None:
        heappush(self._groups.setdefault(ticket.group, []), ticket)

    def pop(self, may: Callable[[str], bool]) -> Ticket | None:
        """The next of the first group that may; that group goes to the end of the line. None: no group may."""
        name = next((name for name in self._groups if may(name)), None)
        if name is None:
            return None
        group = self._groups.pop(name)
        ticket = heappop(group)
        if group:
            self._groups[name] = group
        return ticket

    def remove(self, ticket: Ticket) -> None:
        group = self._groups[ticket.group]
        group.remove(ticket)
        group.sort()  # a sorted list is a heap
        if not group:
            del self._groups[ticket.group]


class Turnstile:
    """Lets in who may act. Whoever waits stands at a limit that is full: nobody waits for nothing."""

    def __init__(self) -> None:
        self._number = 0

    def ask(self, ticket: Ticket, now: float) -> bool:
        """Whether he may act at once; otherwise he waits, and somebody's leaving (or `tick`) will let him in."""
        for limit in ticket.limits:
            if not limit.free(now, ticket.group):
                self._number += 1
                ticket.number = self._number
                _stand(ticket, limit)
                return False
        _enter(ticket, now)
        return True

    def leave(self, ticket: Ticket, now: float) -> list[Ticket]:
        """He has acted, or does not want to any more. Gives those who are let in."""
        if not ticket.held:
            if ticket.waits_at is not None:
                ticket.waits_at.queue.remove(ticket)
                ticket.waits_at = None
            return []
        ticket.held = False
        for limit in ticket.limits:
            limit.give_back(ticket.group)
        return [one for limit in ticket.limits if limit.queue for one in self.tick(limit, now)]

    def tick(self, limit: Limit, now: float) -> list[Ticket]:
        """Let in whoever may, of those who stand at a limit."""
        let_in: list[Ticket] = []
        while (ticket := limit.queue.pop(lambda group: limit.free(now, group))) is not None:
            full = next((other for other in ticket.limits if not other.free(now, ticket.group)), None)
            if full is not None:
                _stand(ticket, full)
            else:
                _enter(ticket, now)
                let_in.append(ticket)
        return let_in


def _stand(ticket: Ticket, limit: Limit) -> None:
    ticket.waits_at = limit
    limit.queue.push(ticket)


def _enter(ticket: Ticket, now: float) -> None:
    ticket.waits_at, ticket.held = None, True
    for limit in ticket.limits:
        limit.take(now, ticket.group)
