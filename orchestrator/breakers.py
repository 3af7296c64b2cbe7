"""The breakers of an engine: shared by its executions, kept in the tables so that others see them and a restart
keeps them. The decisions are `graphs.policies.breaker`'s."""

from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType

from graphs.clock import Clock
from graphs.policies.breaker import CLOSED, Breaker, BreakerOpenError, BreakerPolicy, judged
from graphs.policies.named import NamedLimits
from graphs.steps import Logger
from orchestrator.places import Place
from orchestrator.store.port import KeptBreaker
from orchestrator.store.sqlite import SqliteStore

_APART = 1.0
"""Seconds between those who come back to an open breaker: one of them probes, and the others need not look at once.
When it closes they are all called."""


class Breakers:
    """All of them, by the name of what they guard."""

    def __init__(self, store: SqliteStore, clock: Clock, limits: NamedLimits, log: Logger) -> None:
        self.clock = clock
        self._store = store
        self._limits = limits
        self._log = log
        self._guards: dict[str, Guard] = {}
        self._states: dict[str, Breaker] = {}

    async def load(self) -> None:
        """What an earlier process left. Whoever was probing then is gone."""
        for kept in await self._store.breakers():
            self._states[kept.name] = _taken_over(kept)

    def reset(self, name: str) -> None:
        """Somebody closed it by hand."""
        self._states[name] = CLOSED
        if guard := self._guards.get(name):
            guard.state, guard.refused = CLOSED, 0
        # Once more: between the reset and this a call may have ended at the breaker as it was, and kept that; and
        # somebody may have sat down to wait.
        self._store.keep_breaker(name, CLOSED, rings=True)

    def refuses(self, name: str) -> bool:
        """Whether nobody may call now."""
        guard = self._guards.get(name)
        return guard is not None and guard.state.refuses(guard.policy, self.clock.now()) is not None

    def guards(self, own: str | None, named: Sequence[str]) -> "list[Guard]":
        """What stands before a call: the breaker of the service or model, and those of further names that have one."""
        found = [self._guard(name, named=True) for name in named]
        if own is not None:
            found.append(self._guard(own, named=False))
        return [guard for guard in found if guard is not None]

    def _guard(self, name: str, *, named: bool) -> "Guard | None":
        policy = self._limits.breaker(name, named=named)
        if policy is None:
            return None
        key = self._limits.key(name)
        if key not in self._guards:
            self._guards[key] = Guard(self, key, policy, self._states.get(key, CLOSED))
        return self._guards[key]

    def changed(self, name: str, before: Breaker, now: Breaker) -> None:
        """Keep a change, and call those who wait for it."""
        self._states[name] = now
        self._store.keep_breaker(name, now, rings=now.state == "closed" and before.state != "closed")
        if now.state != before.state:
            facts = {"breaker": name, "state": now.state, "failures": now.failures, "reason": now.reason}
            self._log.warning("breaker.changed", **facts)


def _taken_over(kept: KeptBreaker) -> Breaker:
    return Breaker(kept.failures, kept.opened_at, kept.until, None, kept.reason)


class Guard:
    """One breaker, before the calls it guards."""

    def __init__(self, breakers: Breakers, name: str, policy: BreakerPolicy, state: Breaker) -> None:
        self._breakers = breakers
        self.name = name
        self.policy = policy
        self.state = state
        self.refused = 0
        """How many have been sent away since it last changed."""

    def check(self) -> None:
        """Raises:
        BreakerOpenError: nobody may call now.
        """
        if self.state.until is None:
            return
        now = self._breakers.clock.now()
        if (until := self.state.refuses(self.policy, now)) is not None:
            later = until + timedelta(seconds=_APART * self.refused)
            self.refused += 1
            raise BreakerOpenError(self.name, later, now, self.state.reason)

    def enter(self, who: str) -> None:
        """Raises:
        BreakerOpenError: nobody may call now.
        """
        self.check()
        self._become(self.state.admits(who))

    def withdraw(self, who: str) -> None:
        """He did not call after all."""
        self._become(self.state.undecided(who))

    def leave(self, who: str, error: BaseException | None) -> None:
        """A call has ended."""
        match judged(error):
            case "well":
                self._become(self.state.succeeded(who))
            case "ill":
                now = self._breakers.clock.now()
                self._become(self.state.failed(self.policy, now, who, error))  # type: ignore[arg-type]
            case "unknown":
                self.withdraw(who)

    def _become(self, state: Breaker) -> None:
        if state is not self.state:
            before, self.state = self.state, state
            if state.opened_at != before.opened_at:
                self.refused = 0
            self._breakers.changed(self.name, before, state)


class Guarded:
    """`async with Guarded(guards, who, place) as waited:` — a place to act in, behind breakers.

    They are looked at twice: before the queue for a place, and in the end.
    """

    __slots__ = ("_entered", "_guards", "_place", "_who")

    def __init__(self, guards: Sequence[Guard], who: str, place: Place) -> None:
        self._guards = guards
        self._who = who
        self._place = place
        self._entered: list[Guard] = []

    async def __aenter__(self) -> float:
        for guard in self._guards:
            guard.check()
        waited = await self._place.__aenter__()
        try:
            for guard in self._guards:
                guard.enter(self._who)
                self._entered.append(guard)
        except BreakerOpenError:
            for guard in self._entered:
                guard.withdraw(self._who)
            await self._place.__aexit__(None, None, None)
            raise
        return waited

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            for guard in self._entered:
                guard.leave(self._who, error)
        finally:
            await self._place.__aexit__(kind, error, trace)
