"""The circuit breaker as a state machine: when it opens, who probes, what a straggler may change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from graphs.errors import StepCancelledError, StepError, StepTimeoutError
from graphs.policies.breaker import CLOSED, COUNTED, Breaker, BreakerOpenError, BreakerPolicy, judged
from graphs.policies.named import Bounds, NamedLimits

T0 = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = BreakerPolicy(failure_threshold=3, open_for=30)
OH = StepError("no route", category="dependency")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def opened(seconds: float = 0) -> Breaker:
    breaker = CLOSED
    for _ in range(3):
        breaker = breaker.failed(POLICY, at(seconds), "x", OH)
    return breaker


class Callers(RuleBasedStateMachine):
    """Many callers before one breaker, in a time that also goes back, against what is promised about it."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = CLOSED
        self.now = T0
        self.calls: dict[str, tuple[str, int]] = {}
        self.count = 0
        self.epoch = 0
        self.in_a_row = 0

    @rule()
    def call(self) -> None:
        if self.breaker.refuses(POLICY, self.now) is not None:
            return
        self.count += 1
        who, before = str(self.count), self.breaker
        self.breaker = self.breaker.admits(who)
        if before.state == "closed":
            assert self.breaker is before, "nothing changes, so nothing need be kept"
        else:
            assert before.state == "open" and self.breaker.probe == who
        self.calls[who] = (before.state, self.epoch)

    @rule(data=st.data(), end=st.sampled_from(["well", "ill", "unknown"]))
    def ends(self, data: st.DataObject, end: str) -> None:
        if not self.calls:
            return
        who = data.draw(st.sampled_from(sorted(self.calls)))
        _began, epoch = self.calls.pop(who)
        before = self.breaker
        if end == "well":
            self.breaker = before.succeeded(who)
        elif end == "ill":
            self.breaker = before.failed(POLICY, self.now, who, OH)
        else:
            self.breaker = before.undecided(who)
        counts = before.state == "closed" or before.probe == who
        if not counts:
            assert self.breaker == before, "whoever began before it opened says nothing about now"
        elif before.probe == who:
            assert self.breaker.state == {"well": "closed", "ill": "open", "unknown": "open"}[end]
        elif end != "unknown":
            self.in_a_row = 0 if end == "well" else self.in_a_row + 1
            assert (self.breaker.state == "open") == (self.in_a_row >= POLICY.failure_threshold)
        if self.breaker.state == "closed" and before.state != "closed":
            self.in_a_row = 0
        if self.breaker.state != before.state:
            self.epoch = epoch + 1

    @rule(seconds=st.sampled_from([-3600, 1, 10, 29, 30]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def one_probe(self) -> None:
        probes = [who for who, (state, _) in self.calls.items() if state != "closed" and who == self.breaker.probe]
        assert len(probes) <= 1
        assert (self.breaker.state == "half_open") == (self.breaker.probe is not None)

    @invariant()
    def nobody_is_refused_for_ever(self) -> None:
        until = self.breaker.refuses(POLICY, self.now)
        assert until is None or self.now < until <= self.now + timedelta(seconds=POLICY.open_for)


TestCallers = pytest.mark.capability("E09", "P05", "E21")(Callers.TestCase)
TestCallers.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


@pytest.mark.capability("P05")
def test_five_failures_in_a_row_open_it_for_half_a_minute() -> None:
    """When nothing else is said."""
    policy, breaker = BreakerPolicy(), CLOSED
    for _ in range(4):
        breaker = breaker.failed(policy, T0, "x", OH)
        assert breaker.state == "closed"
    breaker = breaker.failed(policy, T0, "x", OH)
    assert (breaker.state, breaker.until, breaker.reason) == ("open", at(30), "no route")
    assert breaker.refuses(policy, at(29.9)) == at(30) and breaker.refuses(policy, at(30)) is None


def test_who_asks_for_patience_is_left_alone_that_long() -> None:
    """A `Retry-After` that is longer than the usual time."""
    busy = StepError("busy", category="transient", retry_after=120)
    breaker = Breaker(failures=2).failed(POLICY, T0, "x", busy)
    assert breaker.until == at(120)


def test_a_clock_that_was_set_back_does_not_keep_it_open() -> None:
    """It may be probed at once: nobody knows how much of its time is over."""
    assert opened(3600).refuses(POLICY, T0) is None


@pytest.mark.capability("E21")
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (None, "well"),
        (OH, "ill"),
        (StepTimeoutError("late"), "ill"),
        (StepError("404", category="validation", status=404), "well"),
        (StepError("bad payload", category="validation"), "unknown"),
        (StepError("507", category="resource"), "unknown"),
        (StepCancelledError("stopped"), "unknown"),
        (RuntimeError("a defect"), "unknown"),
    ],
)
def test_what_the_end_of_a_call_says_about_the_other_side(error: Any, says: str) -> None:
    """An answer, even a refusal, says that it is well; a failure before the call says nothing."""
    assert judged(error) == says
    assert "validation" not in COUNTED and "logic" not in COUNTED


def test_the_refusal_says_until_when_and_what_to_do() -> None:
    """It may be tried again, not before that."""
    error = BreakerOpenError("payments", at(30), T0, "no route.")
    assert str(error) == (
        "'payments' is left alone until 2026-01-01T00:00:30+00:00: its circuit breaker is open (no route). "
        "When it is well again: baton breakers reset payments"
    )
    assert (error.category, error.retry_after, error.code) == ("dependency", 30, "breaker_open")


def test_which_names_have_a_breaker() -> None:
    """Services and models have one unless it is switched off; a name that only steps use, when it is asked for."""
    own = BreakerPolicy(failure_threshold=1)
    named = NamedLimits({"a": Bounds(breaker=own), "b": Bounds(breaker=False), "c": Bounds(breaker=True)})
    assert named.breaker("a", named=False) == named.breaker("a", named=True) == own
    assert named.breaker("b", named=False) is None
    assert named.breaker("c", named=True) == named.breaker("other", named=False) == BreakerPolicy()
    assert named.breaker("other", named=True) is None
    assert NamedLimits({"*": Bounds(breaker=False)}).breaker("other", named=False) is None


@pytest.mark.capability("E09", "E02")
@pytest.mark.parametrize("asked", [86_400, 1e15, float("inf"), float("nan"), -1])
def test_nobody_is_left_alone_for_more_than_an_hour_because_they_asked(asked: float) -> None:
    """As with retries; whatever a client makes of a header."""
    breaker = CLOSED
    for _ in range(3):
        breaker = breaker.failed(POLICY, T0, "x", StepError("busy", category="dependency", retry_after=asked))
    assert breaker.until is not None
    assert at(30) <= breaker.until <= at(3600)
