"""When a plan ends early, and how it ended: policies, joins, rates, the first so many."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.composites.groups import JoinConfig
from graphs.errors import EngineError
from graphs.planner import Conclusion, Halt, Join, Plan, Tally
from graphs.state import Result
from tests.support.engine.plans import (
    CANCELLED,
    COMPLETED,
    CONTINUED,
    FAILED,
    HALTED,
    SKIPPED,
    TIMED_OUT,
    UNNEEDED,
    UPSTREAM,
    at,
    companion,
    plan,
    planned,
)


def _settle(found: Plan, **results: Result) -> Halt | None:
    """Count results one by one, in the order given; the first halt."""
    tally, known = Tally(found), {}
    for name, result in results.items():
        known[name.replace("__", "~")] = result
        if halt := tally.settle(name.replace("__", "~"), known):
            return halt
    return None


def _groups(count: int, join: Join, policy: Any = "continue") -> Plan:
    return plan(*(planned(f"g{i}", group=f"g{i}") for i in range(count)), policy=policy, join=join)


@pytest.mark.capability("X18", "X04")
@pytest.mark.parametrize(
    ("policy", "halted", "cancel"), [("stop", 1, False), ("cancel", 1, True), ("continue", 0, False)]
)
def test_a_failure_ends_the_plan_as_its_policy_says(policy: Any, halted: bool, cancel: bool) -> None:
    """`stop` starts nothing new, `cancel` also stops what runs, `continue` goes on."""
    halt = _settle(plan(planned("a"), planned("b"), policy=policy), a=FAILED)
    assert (halt is not None, bool(halt and halt.cancel)) == (bool(halted), cancel)
    assert halt is None or halt == Halt("failure", "'a' failed", cancel)


@pytest.mark.parametrize("result", [COMPLETED, CONTINUED, SKIPPED, UPSTREAM, CANCELLED])
def test_nothing_else_ends_a_plan_early(result: Result) -> None:
    """A failure that goes on is none; a step that is skipped is none."""
    assert _settle(plan(planned("a")), a=result) is None


def test_a_failure_with_a_companion_is_the_companions_to_decide() -> None:
    """Only when it fails as well does the plan end."""
    found = plan(planned("a"), companion("a"))
    assert _settle(found, a=FAILED) is None
    assert _settle(found, a=FAILED, a__fallback=COMPLETED) is None
    assert _settle(found, a=FAILED, a__fallback=FAILED) == Halt("failure", "'a' failed", False)


@pytest.mark.capability("F12", "X32")
def test_the_first_so_many_release_the_join_and_cancel_the_rest() -> None:
    """At exactly that number, and not again."""
    found = _groups(4, Join(2, first=True))
    tally = Tally(found)
    halts = [tally.settle(f"g{i}", {f"g{j}": COMPLETED for j in range(i + 1)}) for i in range(4)]
    assert halts == [None, Halt("join", "2 of 4 have succeeded", True), None, None]


@pytest.mark.capability("F12", "E19")
def test_without_first_the_join_waits_for_all() -> None:
    """Enough successes release nothing early."""
    assert _settle(_groups(3, Join(1)), g0=COMPLETED, g1=COMPLETED, g2=FAILED) is None


@pytest.mark.capability("E19")
def test_a_join_that_can_no_longer_be_met_ends_the_plan_by_its_policy() -> None:
    """As soon as too many are lost."""
    assert _settle(_groups(3, Join(2), "stop"), g0=FAILED) is None
    assert _settle(_groups(3, Join(2), "stop"), g0=FAILED, g1=TIMED_OUT) == Halt("failure", "'g1' timed out", False)
    assert _settle(_groups(3, Join(2), "cancel"), g0=FAILED, g1=FAILED) == Halt("failure", "'g1' failed", True)
    assert _settle(_groups(3, Join(2), "continue"), g0=FAILED, g1=FAILED) is None


def test_a_group_counts_when_its_last_step_has_settled() -> None:
    """Fallbacks among them; what was not needed does not lose the group."""
    join = Join(1, first=True)
    found = plan(
        planned("x.a", group="x"),
        planned("x.b", "x.a!failed", group="x"),
        planned("y.a", group="y"),
        join=join,
        policy="continue",
    )
    tally = Tally(found)
    assert tally.settle("x.a", {"x.a": COMPLETED}) is None
    assert tally.settle("x.b", {"x.a": COMPLETED, "x.b": UNNEEDED}) == Halt("join", "1 of 2 have succeeded", True)


CONCLUSIONS: list[tuple[dict[str, Result], Halt | None, Conclusion]] = [
    ({"a": COMPLETED, "b": SKIPPED}, None, Conclusion("completed")),
    ({"a": CONTINUED, "b": COMPLETED}, None, Conclusion("completed")),
    ({"a": FAILED, "b": UPSTREAM}, None, Conclusion("failed", "a", FAILED["error"])),
    ({"a": TIMED_OUT, "b": UPSTREAM}, None, Conclusion("timed_out", "a", TIMED_OUT["error"])),
    ({"a": CANCELLED, "b": HALTED}, Halt("cancelled", "", True), Conclusion("cancelled")),
    ({"a": CANCELLED, "b": HALTED}, Halt("timeout", "", True), Conclusion("timed_out")),
    ({"a": COMPLETED, "b": COMPLETED}, Halt("timeout", "", True), Conclusion("completed")),
    ({"a": FAILED, "b": HALTED}, Halt("failure", "", False), Conclusion("failed", "a", FAILED["error"])),
    ({"a": COMPLETED, "b": CANCELLED}, None, Conclusion("cancelled")),
]


@pytest.mark.capability("ST4", "X16")
@pytest.mark.parametrize(("results", "halt", "expected"), CONCLUSIONS)
def test_how_a_plan_ended(results: dict[str, Result], halt: Halt | None, expected: Conclusion) -> None:
    """A limit or a cancel that came too late to cut anything short changes nothing."""
    assert plan(planned("a"), planned("b")).conclude(results, halt) == expected


def test_the_failure_that_came_first_is_the_plans() -> None:
    """By the time it ended, not by its place in the plan."""
    found = plan(planned("a"), planned("b"), policy="continue")
    assert found.conclude({"a": at(FAILED, "2026-01-02"), "b": at(TIMED_OUT, "2026-01-01")}).step == "b"


def test_a_plan_that_has_not_settled_is_not_concluded() -> None:
    """That would be a defect of the engine, and it says so."""
    with pytest.raises(EngineError, match="b had not settled"):
        plan(planned("a"), planned("b")).conclude({"a": COMPLETED})


@given(st.lists(st.sampled_from([COMPLETED, FAILED, SKIPPED, CONTINUED]), min_size=1, max_size=8), st.integers(0, 8))
def test_a_join_is_met_when_enough_groups_succeeded(results: list[Result], required: int) -> None:
    """Whatever they were, in whatever order. Where nothing was to be done, nothing is asked for."""
    found = _groups(len(results), Join(required))
    known = {f"g{i}": result for i, result in enumerate(results)}
    succeeded, failed = results.count(COMPLETED), results.count(FAILED)
    assert (found.conclude(known).status == "completed") == (succeeded >= min(required, succeeded + failed))


@given(st.lists(st.sampled_from([COMPLETED, FAILED, SKIPPED, CONTINUED]), min_size=1, max_size=8), st.integers(0, 8))
def test_a_plan_ends_early_when_its_join_cannot_be_met_and_only_then(results: list[Result], required: int) -> None:
    """The count that looks at one result at a time and the one that looks at all of them agree."""
    found = _groups(len(results), Join(required), "stop")
    known = {f"g{i}": result for i, result in enumerate(results)}
    assert (_settle(found, **known) is None) == (found.conclude(known).status == "completed")


@pytest.mark.capability("F12", "X32", "E19")
@pytest.mark.parametrize("idle", [SKIPPED, CONTINUED])
def test_a_branch_with_nothing_to_do_is_not_the_first_to_succeed(idle: Result) -> None:
    """Nor does it count where so many must."""
    join = Join(1, first=True)
    assert _settle(_groups(2, join, "stop"), g0=idle) is None
    assert _settle(_groups(2, join, "stop"), g0=idle, g1=COMPLETED) == Halt("join", "1 of 2 have succeeded", True)
    assert _settle(_groups(2, join, "stop"), g0=idle, g1=FAILED) == Halt("failure", "'g1' failed", False)
    assert _settle(_groups(2, join, "stop"), g1=FAILED, g0=idle) == Halt("failure", "'g1' failed", False)


@pytest.mark.capability("X14", "E19")
@given(st.integers(0, 100), st.integers(1, 200))
def test_a_rate_is_what_is_written(percent: int, groups: int) -> None:
    """0.56 of 25 is 14."""
    join = JoinConfig(min_success_rate=percent / 100).join(groups)
    assert join.needed(groups) == -(-percent * groups // 100)


JOINS: list[tuple[dict[str, Any], int, Join]] = [
    ({}, 5, Join(5)),
    ({"first": 2}, 5, Join(2, first=True)),
    ({"first": 9}, 5, Join(9, first=True)),
    ({"min_success": 3}, 5, Join(3)),
    ({"minimum_success_count": 9}, 5, Join(9)),
    ({"min_success": 0}, 5, Join(0)),
    ({"min_success_rate": 0.5}, 5, Join(Fraction(1, 2))),
    ({"parallel_failure_threshold": 0.5}, 4, Join(Fraction(1, 2))),
    ({"failure_policy": "continue_on_partial_failure"}, 5, Join(1)),
    ({"failure_policy": "continue_on_partial_failure"}, 0, Join(0)),
    ({"wait_for_all": False}, 5, Join(1, first=True)),
    ({"wait_for_all": False, "min_success_rate": 0.5}, 5, Join(3, first=True)),
    ({"wait_for_all": False, "min_success": 3}, 5, Join(3, first=True)),
]


@pytest.mark.capability("F12", "E19", "P07", "X14", "X32")
@pytest.mark.parametrize(("config", "groups", "join"), JOINS)
def test_the_words_of_all_documents_come_to_one_join(config: dict[str, Any], groups: int, join: Join) -> None:
    """First, count, rate, partial failure, not waiting for all."""
    assert JoinConfig.model_validate(config).join(groups) == join


@pytest.mark.capability("P06")
def test_ten_at_a_time_unless_it_is_said() -> None:
    """And never more than ten thousand."""
    assert JoinConfig().max_concurrency == 10
    with pytest.raises(ValueError, match="less than or equal to 10000"):
        JoinConfig(max_concurrency=10_001)
