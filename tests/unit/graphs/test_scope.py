"""What a step can see: siblings first, then outwards; variables of its ancestors only; sub-workflows by themselves."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.planner import Plan
from graphs.scope import Frame
from graphs.state import Result
from graphs.state_view import StateView
from tests.support.engine.plans import COMPLETED, FAILED, companion, plan, planned


def _frame(found: Plan, results: dict[str, Result] | None = None, **more: Any) -> Frame:
    given = {"input": {"n": 1}, "variables": {}, "execution": {"id": "e", "workflow": "w"}} | more
    return Frame(plan=found, results=results if results is not None else {}, **given)


def _inner(outer: Frame, step: str, found: Plan, results: dict[str, Result] | None = None, **more: Any) -> Frame:
    return _frame(found, results, parent=outer, parent_step=outer.plan.steps[step], variables=outer.variables, **more)


def _set(**variables: Any) -> Result:
    return {"status": "completed", "variables": variables}


def _step(name: str, *needs: str) -> Any:
    return planned(name, *needs, variables={"x": 1})


@pytest.mark.capability("D04", "D06", "D07")
def test_variables_are_those_of_the_ancestors_over_the_first_values() -> None:
    """The one set last on the way to the step wins."""
    found = plan(_step("a"), _step("b", "a"), _step("c", "b"))
    frame = _frame(found, {"a": _set(x=1, y=1), "b": _set(x=2)}, variables={"x": 0, "z": 9})
    assert frame.variables_at(found.steps["a"]) == {"x": 0, "z": 9}
    assert frame.variables_at(found.steps["b"]) == {"x": 1, "y": 1, "z": 9}
    assert frame.variables_at(found.steps["c"]) == {"x": 2, "y": 1, "z": 9}


def test_what_runs_at_the_same_time_is_not_seen() -> None:
    """The value would depend on who was faster; by a join both are seen, in the plan's order (rule 5)."""
    found = plan(_step("a"), _step("b"), _step("c", "a"), _step("join", "b", "c"))
    frame = _frame(found, {"b": _set(x="b"), "a": _set(x="a"), "c": _set(x="c")})
    assert frame.variables_at(found.steps["c"]) == {"x": "a"}
    assert frame.variables_at(found.steps["join"]) == {"x": "c"}


def test_at_the_end_every_writer_counts_in_the_order_of_the_plan() -> None:
    """Not in the order in which they happened to finish."""
    found = plan(_step("a"), _step("b"))
    late_first = {"b": _set(x="b"), "a": _set(x="a")}
    assert _frame(found, late_first).variables_at(None) == {"x": "b"}
    assert _frame(found, late_first).written() == {"x": "b"}


def test_a_fallbacks_variables_count_for_those_who_wait_for_the_failed_step() -> None:
    """What stands for a result also stands for what it would have set."""
    found = plan(_step("a"), companion("a"), _step("b", "a"))
    frame = _frame(found, {"a": FAILED, "a~fallback": _set(x="instead")})
    assert frame.variables_at(found.steps["b"]) == {"x": "instead"}


@given(st.integers(1, 40), st.integers())
def test_variables_fold_to_the_same_whatever_order_results_came_in(count: int, seed: int) -> None:
    """A plain recursion over ancestors says what they must be."""
    chance = random.Random(seed)
    names = [f"s{i}" for i in range(count)]
    needs = {name: chance.sample(names[:i], chance.randint(0, min(i, 3))) for i, name in enumerate(names)}
    found = plan(*(_step(name, *needs[name]) for name in names))
    results = {name: _set(**{chance.choice("xyz"): name}) for name in chance.sample(names, count)}
    ancestors: dict[str, set[str]] = {}
    for name in names:
        ancestors[name] = set(needs[name]).union(*(ancestors[need] for need in needs[name]))
    frame = _frame(found, results)
    for name in chance.sample(names, count):
        expected: dict[str, Any] = {}
        for other in found.steps:
            if other in ancestors[name]:
                expected |= results[other]["variables"]
        assert frame.variables_at(found.steps[name]) == expected


def test_a_chain_of_thousands_is_folded_without_recursion() -> None:
    """Where nobody had read a variable before its last step."""
    count = 3000
    found = plan(*(_step(f"s{i}", *([f"s{i - 1}"] if i else [])) for i in range(count)))
    frame = _frame(found, {f"s{i}": _set(x=i) for i in range(count)})
    assert frame.variables_at(found.steps[f"s{count - 1}"]) == {"x": count - 2}


def _read(frame: Frame, step: str | None, name: str) -> Any:
    return frame.names(frame.plan.steps[step] if step else None)["steps"][name]


@pytest.mark.capability("D14", "F24")
def test_a_name_is_looked_up_among_siblings_first_and_then_outwards() -> None:
    """An inner step hides an outer one of the same name; others stay visible."""
    outer = _frame(
        plan(planned("a"), planned("b"), planned("group")),
        {"a": {"status": "completed", "output": "outer a"}, "b": {"status": "completed", "output": "outer b"}},
    )
    inner = _inner(
        outer,
        "group",
        plan(planned("[0].a"), planned("[0].x", "[0].a"), planned("[1].a")),
        {"[0].a": {"status": "completed", "output": "item 0"}},
    )
    names = inner.names(inner.plan.steps["[0].x"])["steps"]
    assert names["a"]["output"] == "item 0" and names["b"]["output"] == "outer b"
    assert set(names) == {"a", "x", "b", "group"} and len(names) == 4
    with pytest.raises(KeyError):
        names["nobody"]


def test_a_step_that_has_not_settled_is_pending_and_a_failed_one_shows_what_stands_for_it() -> None:
    """`completed`, `attempts`, `error` and `route` are there where they mean something."""
    found = plan(planned("a"), companion("a"), planned("b"))
    results: dict[str, Result] = {
        "a": {**FAILED, "attempts": 3},
        "b": {"status": "completed", "output": None, "route": "then"},
    }
    frame = _frame(found, results)
    assert _read(frame, None, "a") == {"status": "failed", "completed": False, "attempts": 3, "error": FAILED["error"]}
    assert _read(frame, None, "b") == {
        "status": "completed",
        "completed": True,
        "attempts": 0,
        "output": None,
        "route": "then",
    }
    results["a~fallback"] = {"status": "completed", "output": 7}
    assert _read(frame, None, "a")["output"] == 7
    del results["b"]
    assert _read(frame, None, "b") == {"status": "pending", "completed": False, "attempts": 0}


@pytest.mark.capability("F20", "X31")
def test_items_of_the_innermost_plan_win_and_outer_ones_keep_their_own_names() -> None:
    """`item` and `index` are the nearest; `as` gives an outer item a name of its own."""
    step = planned("m", index=1)
    outer = _frame(plan(step), items=["A", "B"], item_name="order")
    place = planned("[0].x", index=0)
    inner = _inner(outer, "m", plan(place), items=["line"], item_name="line")
    names = inner.names(place)
    assert (names["item"], names["index"], names["line"], names["order"]) == ("line", 0, "line", "B")


def test_a_fallback_sees_the_error_it_answers() -> None:
    """And so do the steps inside it."""
    found = plan(planned("a"), companion("a"))
    frame = _frame(found, {"a": FAILED})
    assert frame.names(found.steps["a~fallback"])["error"] == FAILED["error"]
    inner = _inner(frame, "a~fallback", plan(planned("x")))
    assert inner.names(inner.plan.steps["x"])["error"] == FAILED["error"]


@pytest.mark.capability("F24")
def test_a_sub_workflow_has_no_way_out() -> None:
    """It sees its own input, its own variables and its own steps."""
    outer = _frame(plan(planned("sub"), planned("a")), {"a": COMPLETED}, variables={"secret": 1})
    inner = _inner(outer, "sub", plan(planned("x")))
    inner.parent = None
    inner.variables, inner.input = {"own": 2}, {"given": 3}
    names = inner.names(inner.plan.steps["x"])
    assert dict(names["vars"]) == {"own": 2} and names["input"] == {"given": 3} and set(names["steps"]) == {"x"}


@pytest.mark.capability("X02", "D16", "M08")
def test_a_callable_sees_one_mapping_over_input_and_variables() -> None:
    """Variables win; items are there inside maps; outputs by name."""
    found = plan(_step("a"), _step("b", "a"))
    frame = _frame(
        found,
        {"a": {"status": "completed", "output": 5, "variables": {"n": 2}}},
        user_context={"user": "u"},
        metadata={"m": 1},
    )
    state = StateView(frame, found.steps["b"], frame.names(found.steps["b"]))
    assert dict(state) == {"n": 2} and state["n"] == 2 and len(state) == 1 and state.get("x", 3) == 3
    assert state.outputs == {"a": 5} and state.input == {"n": 1} and state.variables == {"n": 2}
    assert (state.execution_id, state.workflow_id, state.user_context, state.metadata) == (
        "e",
        "w",
        {"user": "u"},
        {"m": 1},
    )


def test_nothing_is_folded_where_nobody_sets_variables() -> None:
    """The usual case costs nothing."""
    found = plan(planned("a"), planned("b", "a"))
    frame = _frame(found, {"a": COMPLETED}, variables={"x": 1})
    assert frame.variables_at(found.steps["b"]) == {"x": 1} and not frame._written
