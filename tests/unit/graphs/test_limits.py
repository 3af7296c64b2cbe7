"""Limits: nobody too many, nobody too often, nobody for nothing, everybody in turn."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from graphs.policies.limits import Limit, Rate, Ticket, Turnstile
from graphs.policies.named import Bounds, NamedLimits, parse_rate


class Crowd(RuleBasedStateMachine):
    """People of three executions, before five limits, in a time that goes by in steps."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = [Limit("a", 2), Limit("b", 1), Limit("c", None, Rate(2, 10)), Limit("d", 3, Rate(4, 5))]
        self.limits.append(Limit("e", 3, reserved=1))
        self.turnstile = Turnstile()
        self.now = 0.0
        self.inside: list[Ticket] = []
        self.waiting: list[Ticket] = []
        self.begun: list[tuple[float, Ticket]] = []
        self.passed: Counter[tuple[int, str]] = Counter()

    def _let_in(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            assert ticket.held and ticket in self.waiting
            self.waiting.remove(ticket)
            self._enter(ticket)

    def _enter(self, ticket: Ticket) -> None:
        self.inside.append(ticket)
        self.begun.append((self.now, ticket))

    @rule(which=st.sets(st.integers(0, 4), min_size=1), group=st.sampled_from("xyz"))
    def ask(self, which: set[int], group: str) -> None:
        ticket = Ticket([self.limits[index] for index in sorted(which)], group)
        if self.turnstile.ask(ticket, self.now):
            self._enter(ticket)
        else:
            self.waiting.append(ticket)

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        if self.inside:
            self._let_in(self.turnstile.leave(self.inside.pop(data.draw(_index(self.inside))), self.now))

    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        if self.waiting:
            self._let_in(self.turnstile.leave(self.waiting.pop(data.draw(_index(self.waiting))), self.now))

    @rule(seconds=st.sampled_from([0.5, 1, 5, 10]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for limit in self.limits:
            self._let_in(self.turnstile.tick(limit, self.now))

    @invariant()
    def nobody_too_many(self) -> None:
        for limit in self.limits:
            assert limit.taken == sum(limit in ticket.limits for ticket in self.inside)
            assert limit.places is None or limit.taken <= limit.places

    @invariant()
    def nobody_too_often(self) -> None:
        for limit in self.limits:
            if limit.rate is not None:
                times = [at for at, ticket in self.begun if limit in ticket.limits]
                for first, after in zip(times, times[limit.rate.calls :], strict=False):
                    assert after - first >= limit.rate.per

    @invariant()
    def nobody_has_the_reserved_ones_beside_others(self) -> None:
        held = Counter(ticket.group for ticket in self.inside if self.limits[4] in ticket.limits)
        assert sum(held.values()) - len(held) < 2

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        for ticket in self.waiting:
            assert ticket.waits_at is not None and not ticket.waits_at.free(self.now, ticket.group)
            assert ticket in list(ticket.waits_at.queue)
        assert sum(len(limit.queue) for limit in self.limits) == len(self.waiting)


def _index(items: list[Any]) -> st.SearchStrategy[int]:
    return st.integers(0, len(items) - 1)


TestCrowd = pytest.mark.capability("P06", "Q05", "F11")(Crowd.TestCase)
TestCrowd.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.capability("P06")
@given(st.lists(st.sampled_from("xyz"), min_size=1, max_size=60))
def test_executions_take_turns(asking: list[str]) -> None:
    """However many one of them has: between two turns of it, everybody else who waits has had one."""
    limit, turnstile = Limit("a", 1), Turnstile()
    held = Ticket([limit], "first")
    turnstile.ask(held, 0)
    for group in asking:
        turnstile.ask(Ticket([limit], group), 0)
    order: list[Ticket] = []
    while limit.queue:
        [held] = turnstile.leave(held, 0)
        order.append(held)
    assert Counter(ticket.group for ticket in order) == Counter(asking)
    for group in set(asking):
        own = [place for place, ticket in enumerate(order) if ticket.group == group]
        assert [order[place].number for place in own] == sorted(order[place].number for place in own)
        for before, after in pairwise(own):
            between = {ticket.group for ticket in order[before + 1 : after]}
            waiting = {ticket.group for ticket in order[after:]} - {group}
            assert waiting <= between


@pytest.mark.capability("P06", "R14")
def test_the_last_places_are_for_those_who_have_none() -> None:
    limit, turnstile = Limit("engine", 10, reserved=2), Turnstile()
    wide = [Ticket([limit], "wide") for _ in range(12)]
    assert [turnstile.ask(ticket, 0) for ticket in wide] == [True] * 8 + [False] * 4
    others = [Ticket([limit], name) for name in ("x", "x", "y", "z")]
    assert [turnstile.ask(ticket, 0) for ticket in others] == [True, False, True, False]
    assert turnstile.leave(wide[0], 0) == [others[3]], "it has none, and so goes before all who have"
    assert turnstile.leave(others[0], 0) == [others[1]]
    assert turnstile.leave(others[2], 0) == [] and turnstile.leave(others[3], 0) == [], "these are kept free again"
    assert turnstile.leave(wide[1], 0) == [wide[8]]


def test_who_waits_holds_nothing() -> None:
    """A full service takes no place from those who do not want it."""
    engine, service, turnstile = Limit("engine", 2), Limit("service", 1), Turnstile()
    assert turnstile.ask(Ticket([engine, service], "x"), 0)
    assert not turnstile.ask(Ticket([engine, service], "y"), 0)
    assert turnstile.ask(Ticket([engine], "z"), 0)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("100/m", Rate(100, 60)), ("5/s", Rate(5, 1)), ("1000/15m", Rate(1000, 900)), (" 3 / 0.5s ", Rate(3, 0.5))],
)
def test_rates_as_people_write_them(text: str, rate: Rate) -> None:
    """Calls in a time."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "100", "0/s", "5/0s", "-1/s", "5/month", "5 per s", "1.5/s"])
def test_what_is_no_rate(text: str) -> None:
    """The sentence shows one that is."""
    with pytest.raises(ValueError, match="such as 100/m, 5/s or 1000/15m"):
        parse_rate(text)


def test_limits_by_name() -> None:
    """A model is known by its own name or its provider's; `*` stands for who is not named."""
    named = NamedLimits(
        {"openai": Bounds(max_concurrency=2), "openai:big": Bounds(rate="1/s"), "*": Bounds(rate="9/s")}
    )
    assert named.of(["openai:small", "openai:mini"]) == [named.limit("openai")]
    assert named.limit("openai:big") is not named.limit("openai")
    assert [limit.name for limit in named.of(["payments", "openai:big"])] == ["payments", "openai:big"]
    assert NamedLimits({}).of(["payments"]) == []
