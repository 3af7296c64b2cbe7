"""Which compensations are due, and in which order: pure decisions over a plan that has ended badly."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.composites.subworkflow import root_plan
from graphs.planner import Conclusion, PlannedStep
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Workflow
from graphs.state import Happened, Result
from graphs.undo import compensations
from tests.support.engine.engines import TYPES, act, ask, workflow
from tests.support.engine.plans import COMPLETED, CONTINUED, FAILED, SKIPPED, TIMED_OUT

LIBRARY = Library(TYPES)
BAD = Conclusion("failed", "bad", {"code": "x", "message": "oh"})


def _due(
    definition: Workflow, results: dict[str, Result], conclusion: Conclusion = BAD, order: list[str] | None = None
) -> list[PlannedStep]:
    frame = Frame(root_plan(definition, LIBRARY), results, None, {}, {}, workflow=definition)
    history = [Happened(seq, "settled", path, results[path]) for seq, path in enumerate(order or results, start=1)]
    found = compensations(frame, history, conclusion, LIBRARY, lambda value: value)
    return [due.planned for due in found.undoings]


def _undone(name: str, *needs: str, by: dict[str, Any] | None = None) -> dict[str, Any]:
    return act(name, *needs, compensate=by or act(f"undo_{name}"))


@pytest.mark.capability("E11", "X11")
def test_what_completed_is_undone_the_last_commit_first_and_then_the_clean_up_in_its_written_order() -> None:
    """Not in the plan's order, not in the order of dependencies: in that of the commits."""
    definition = workflow("w", [_undone("a"), _undone("b"), _undone("c")], compensation={"steps": [act("x"), act("y")]})
    results = {"b": COMPLETED, "c": COMPLETED, "a": COMPLETED}
    assert [(step.name, step.undoes) for step in _due(definition, results)] == [
        ("undo_a", "a"),
        ("undo_c", "c"),
        ("undo_b", "b"),
        ("x", None),
        ("y", None),
    ]


@pytest.mark.parametrize("result", [FAILED, TIMED_OUT, CONTINUED, SKIPPED], ids=lambda result: str(result)[:40])
def test_only_what_completed_is_undone(result: Result) -> None:
    """A step that failed, timed out or did not run has nothing to take back."""
    definition = workflow("w", [_undone("a"), _undone("b"), act("plain")])
    due = _due(definition, {"a": COMPLETED, "b": result, "plain": COMPLETED})
    assert [step.name for step in due] == ["undo_a"]


@pytest.mark.capability("E12")
def test_each_waits_for_the_one_before_however_that_one_ends() -> None:
    """One after the other, past failures."""
    due = _due(
        workflow("w", [_undone("a"), _undone("b")], compensation={"steps": [act("x")]}),
        {"a": COMPLETED, "b": COMPLETED},
    )
    assert [step.needs for step in due] == [(), (("undo_b", "settled"),), (("undo_a", "settled"),)]


def test_compensations_of_one_name_get_names_of_their_own() -> None:
    """Also when a clean-up step of the workflow is called the same."""
    undo = act("undo")
    definition = workflow("w", [_undone("a", by=undo), _undone("b", by=undo)], compensation={"steps": [undo]})
    due = _due(definition, {"a": COMPLETED, "b": COMPLETED})
    assert [step.name for step in due] == ["undo", "undo-a", "undo-2"]
    assert [step.undoes for step in due] == ["b", "a", None]


def test_each_is_performed_by_the_node_of_its_kind() -> None:
    """A compensation may ask a person."""
    due = _due(workflow("w", [_undone("a", by=ask("may_i")), _undone("b")]), {"a": COMPLETED, "b": COMPLETED})
    assert {step.name: step.node for step in due} == {"undo_b": "parallel_executor", "may_i": "human_approval"}


@pytest.mark.capability("E05", "E14", "F26", "Y12")
def test_a_step_that_ran_out_of_time_may_name_a_workflow_in_place_of_everything_else() -> None:
    """With the input it asks for, or with the execution's input and every step's output."""
    late = act("pay-now", on_timeout={"action": "compensate", "compensation_workflow": "clean.up"})
    definition = workflow("w", [_undone("a"), late], compensation={"steps": [act("x")]})
    timed_out = Conclusion("timed_out", "pay-now", None)
    [step] = _due(definition, {"a": COMPLETED, "pay-now": TIMED_OUT}, timed_out)
    assert (step.name, step.step.type, step.step.config["workflow"]) == ("clean-up", "workflow", "clean.up")
    assert step.step.config["input"] == {"input": "{{ input }}", "steps": {"a": "{{ steps.a.output | default(none) }}"}}

    late["on_timeout"]["compensation_input"] = {"order": "{{ input.order }}"}
    [step] = _due(workflow("w", [late]), {"pay-now": TIMED_OUT}, timed_out)
    assert step.step.config["input"] == {"order": "{{ input.order }}"}


def test_the_workflow_for_a_timeout_is_not_for_other_failures() -> None:
    """Nor for a timeout of the whole, which no step decided."""
    late = _undone("late") | {"on_timeout": {"action": "compensate", "compensation_workflow": "clean-up"}}
    definition = workflow("w", [_undone("a"), late])
    for conclusion in (Conclusion("failed", "late"), Conclusion("timed_out", None), Conclusion("timed_out", "a")):
        assert [step.name for step in _due(definition, {"a": COMPLETED, "late": FAILED}, conclusion)] == ["undo_a"]


@given(st.permutations(range(8)), st.sets(st.integers(0, 7)))
def test_the_order_is_the_reverse_of_the_commits_whatever_it_was(commits: list[int], failed: set[int]) -> None:
    """Each completed step once, nothing else."""
    definition = workflow("w", [_undone(f"s{i}") for i in range(8)])
    results = {f"s{i}": FAILED if i in failed else COMPLETED for i in range(8)}
    due = _due(definition, results, order=[f"s{i}" for i in commits])
    assert [step.undoes for step in due] == [f"s{i}" for i in reversed(commits) if i not in failed]


@pytest.mark.capability("E11", "E19")
@pytest.mark.parametrize("reserved", [COMPLETED, FAILED])
def test_of_a_good_end_is_read_only_what_may_not_have_come_to_one(reserved: Result) -> None:
    """What composite steps opened with is sealed, and as much as their items: nobody opens it for nothing."""
    group = {"name": "map", "type": "map", "config": {"items": [1], "min_success": 0}, "steps": [_undone("reserve")]}
    definition = workflow("w", [group])
    opened = Happened(1, "opened", "map", {"frame": {"items": [1], "min_success": 0}})
    history = [opened, Happened(2, "settled", "map[0].reserve", reserved), Happened(3, "settled", "map", COMPLETED)]
    frame = Frame(root_plan(definition, LIBRARY), {"map": COMPLETED}, None, {}, {}, workflow=definition)
    read: list[Any] = []

    def unseal(value: Any) -> Any:
        read.append(value)
        return value

    assert compensations(frame, history, Conclusion("completed"), LIBRARY, unseal).undoings == []
    assert bool(read) is (reserved is FAILED)
