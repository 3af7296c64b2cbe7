"""Policies: how often, how long apart, which failures are worth another try."""

import random
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.errors import Category, ConflictError, StepCancelledError, StepError, StepTimeoutError
from graphs.policies import (
    Again,
    GiveUp,
    after_failure,
    as_step_error,
    attempt_timeout,
    backoff,
    error_value,
    retry_policy,
)
from graphs.policies.classify import MAX_RETRY_AFTER
from graphs.policies.responses import RETRIED
from graphs.spec import Config, RetryPolicy, Step
from tests.support.engine.steps import Act

CHANCE = random.Random(1)
THREE = {"max_attempts": 3}
SEVEN = {"max_attempts": 7}


@pytest.mark.capability("X03", "Y15", "E04", "P03")
@pytest.mark.parametrize(
    ("step", "config", "attempts"),
    [
        ({}, {}, 1),
        ({}, {"retry_policy": SEVEN}, 7),
        ({"on_failure": {"action": "retry"}}, {}, 3),
        ({"on_failure": {"action": "retry"}}, {"retry_policy": SEVEN}, 7),
        ({"on_failure": {"action": "retry", "max_attempts": 5}}, {"retry_policy": SEVEN}, 5),
        ({"on_failure": {"action": "continue", "max_attempts": 4}}, {}, 4),
        ({"config": {"max_attempts": 6}}, {"retry_policy": SEVEN}, 6),
        ({"config": {"max_attempts": "{{ input.n }}"}}, {"retry_policy": SEVEN}, 7),
        ({"config": {"max_attempts": True}}, {}, 1),
        ({"retry": THREE, "on_failure": {"action": "retry", "max_attempts": 5}}, {"retry_policy": SEVEN}, 3),
    ],
)
def test_the_number_of_attempts_is_said_nearest_to_the_step(
    step: dict[str, Any], config: dict[str, Any], attempts: int
) -> None:
    """The step's `retry`, then `on_failure` or `config`, then the workflow's, then once."""
    policy = retry_policy(Step.model_validate({"name": "a", **step}), Config.model_validate(config))
    assert policy.max_attempts == attempts


@pytest.mark.capability("X01", "M19")
def test_max_attempts_counts_the_first_try() -> None:
    """Three attempts are two retries."""
    policy = RetryPolicy(max_attempts=3, jitter=0)
    failure = StepError("oh", category="transient")
    decisions = [after_failure(policy, attempt, failure, CHANCE) for attempt in (1, 2, 3)]
    assert [type(decision) for decision in decisions] == [Again, Again, GiveUp]


@pytest.mark.capability("E03", "E21", "X13")
@pytest.mark.parametrize(
    ("category", "again"),
    [
        ("transient", True),
        ("resource", True),
        ("dependency", True),
        ("timeout", True),
        ("validation", False),
        ("logic", False),
        ("cancelled", False),
        ("budget", False),
    ],
)
def test_the_category_decides_about_retries(category: Any, again: bool) -> None:
    """What will fail again the same way is not tried again."""
    decision = after_failure(RetryPolicy(max_attempts=9), 1, StepError("oh", category=category), CHANCE)
    assert isinstance(decision, Again) == again


def test_a_failure_may_say_itself_whether_it_can_be_retried() -> None:
    """That weighs more than its category; `give_up_on` and `retry_on` change what categories mean."""
    many = RetryPolicy(max_attempts=9)
    assert isinstance(after_failure(many, 1, StepError("", category="logic", retryable=True), CHANCE), Again)
    assert isinstance(after_failure(many, 1, StepError("", category="transient", retryable=False), CHANCE), GiveUp)
    picky = RetryPolicy(max_attempts=9, give_up_on=("transient",), retry_on=("transient", "logic"))
    assert isinstance(after_failure(picky, 1, StepError("", category="transient"), CHANCE), GiveUp)
    assert isinstance(after_failure(picky, 1, StepError("", category="logic"), CHANCE), Again)
    assert isinstance(after_failure(picky, 1, StepError("", category="resource"), CHANCE), GiveUp)


@pytest.mark.capability("E02", "P04", "M19")
@pytest.mark.parametrize(
    ("kind", "delays"),
    [("fixed", [2, 2, 2, 2]), ("linear", [2, 4, 6, 8]), ("exponential", [2, 4, 8, 10])],
)
def test_delays_grow_as_the_policy_says_up_to_its_cap(kind: Any, delays: list[float]) -> None:
    """Exponential by default, doubled each time."""
    policy = RetryPolicy(backoff=kind, initial_delay=2, max_delay=10, jitter=0)
    assert [backoff(policy, attempt, CHANCE) for attempt in (1, 2, 3, 4)] == delays


@pytest.mark.capability("X22")
@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0, 1e6), st.integers())
def test_jitter_spreads_a_delay_within_its_bounds(attempt: int, jitter: float, initial: float, seed: int) -> None:
    """However late the attempt: no overflow, never negative, and the cap holds."""
    policy = RetryPolicy(initial_delay=initial, max_delay=300, multiplier=10, jitter=jitter)
    plain = backoff(policy.model_copy(update={"jitter": 0.0}), attempt, CHANCE)
    spread = backoff(policy, attempt, random.Random(seed))
    assert plain <= 300
    assert plain * (1 - jitter) - 1e-6 <= spread <= min(plain * (1 + jitter), 300) + 1e-6


@pytest.mark.capability("X22")
def test_at_the_cap_delays_are_spread_too() -> None:
    """Cut off there, half of all who wait would come at the same instant."""
    policy, chance = RetryPolicy(backoff="fixed", initial_delay=300, max_delay=300, jitter=0.1), random.Random(1)
    delays = [backoff(policy, 1, chance) for _ in range(100)]
    assert len(set(delays)) == 100 and min(delays) < 280 and max(delays) <= 300


@pytest.mark.parametrize(("asked", "delay"), [(None, 1), (0.5, 1), (7, 7), (120, 120), (10_000, 3600)])
def test_a_server_that_asks_for_patience_is_heard_up_to_a_cap(asked: float | None, delay: float) -> None:
    """`Retry-After` lengthens a delay beyond the policy's own cap, and cannot stop a workflow for a week."""
    policy = RetryPolicy(initial_delay=1, max_delay=60, jitter=0)
    failure = StepError("busy", category="transient", retry_after=asked)
    assert after_failure(policy, 1, failure, CHANCE) == Again(delay)


_POLICIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 20),
    backoff=st.sampled_from(["fixed", "linear", "exponential"]),
    initial_delay=st.floats(0, 1000),
    max_delay=st.floats(0, 1000),
    multiplier=st.floats(1, 10),
    jitter=st.floats(0, 1),
)
_FAILURES = st.builds(
    StepError,
    st.just("oh"),
    category=st.sampled_from(get_args(Category)),
    retryable=st.none() | st.booleans(),
    retry_after=st.none() | st.floats(0, 1e6),
)


@pytest.mark.capability("E01", "E02", "E03", "E21")
@given(_POLICIES, st.lists(_FAILURES, min_size=20, max_size=20), st.integers())
def test_whatever_fails_however_often_the_policy_is_kept(
    policy: RetryPolicy, failures: list[StepError], seed: int
) -> None:
    """Never more attempts than allowed; never sooner than a server asked, up to the cap; never what cannot help."""
    chance = random.Random(seed)
    for attempt, failure in enumerate(failures, start=1):
        decision = after_failure(policy, attempt, failure, chance)
        if not isinstance(decision, Again):
            assert attempt == policy.max_attempts or failure.retryable is not True
            return
        assert attempt < policy.max_attempts
        assert failure.retryable is not False
        assert failure.retryable or failure.category in (RETRIED if policy.retry_on is None else policy.retry_on)
        asked = min(failure.retry_after or 0.0, MAX_RETRY_AFTER)
        assert asked <= decision.delay <= max(asked, policy.max_delay) + 1e-6
    raise AssertionError("it goes on for ever")


@pytest.mark.capability("P02", "E07")
def test_the_time_limit_nearest_to_the_step_counts() -> None:
    """Its own, the workflow's, the type's: five minutes."""
    kind = Act()
    assert attempt_timeout(Step(name="a", timeout=5), Config(step_timeout=20), kind) == 5
    assert attempt_timeout(Step(name="a"), Config(step_timeout=20), kind) == 20
    assert attempt_timeout(Step(name="a"), Config(), kind) == 300


@pytest.mark.capability("E20", "E21")
@pytest.mark.parametrize(
    ("error", "category", "code"),
    [
        (StepError("a", category="resource"), "resource", "step_failed"),
        (StepTimeoutError("late"), "timeout", "step_timeout"),
        (StepCancelledError("stop"), "cancelled", "step_cancelled"),
        (ConflictError("taken", code="taken"), "validation", "taken"),
        (TimeoutError(), "timeout", "timeout"),
        (ConnectionResetError("gone"), "transient", "connection_error"),
        (KeyError("x"), "logic", "exception"),
    ],
)
def test_any_exception_becomes_a_step_error_with_a_category(error: Exception, category: str, code: str) -> None:
    """What nobody classified is a fault of logic, and is not tried again."""
    found = as_step_error(error)
    assert (found.category, found.code) == (category, code)
    assert error_value(found, attempt=2)["attempt"] == 2
