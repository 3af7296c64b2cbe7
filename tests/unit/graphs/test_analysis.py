"""What the orchestrator finds out about a workflow, and what it decides."""

from typing import Any

import pytest

from graphs.analysis import Analysis, Past, analyse, choose, too_wide
from graphs.composites.subworkflow import root_plan
from graphs.prepare import Library
from graphs.spec import Config
from tests.support.engine.engines import TYPES, act, ask, chain, workflow

LIBRARY = Library(TYPES)


def _of(steps: list[dict[str, Any]], **config: Any) -> Analysis:
    return analyse(root_plan(workflow("w", steps, config=config), LIBRARY), LIBRARY)


@pytest.mark.capability("O22", "M16", "A51")
def test_size_width_depth_kinds_and_sensitive_steps_are_measured() -> None:
    """Steps inside composite ones count; so do the nodes that will perform them."""
    found = _of(
        [
            act("a", sensitive=True),
            act("b", "a"),
            act("c", "a"),
            {"name": "p", "type": "parallel", "depends_on": ["b"], "steps": [act("x", sensitive=True), act("y")]},
            ask("q", "c"),
        ]
    )
    assert (found.size, found.width, found.depth) == (7, 2, 3)
    assert found.kinds == {"act": 5, "parallel": 1, "approval": 1}
    assert found.nodes == {"parallel_executor": 4, "human_approval": 1}
    assert found.sensitive == ("a", "x")


@pytest.mark.capability("O22", "A51")
def test_the_score_is_the_sum_of_its_parts() -> None:
    """What acts on the world outside, what agents must be able to do, and how it went before count too."""
    read = {"name": "r", "type": "service_call", "config": {"service": "s", "endpoint": "/x"}}
    write = {"name": "w", "type": "service_call", "config": {"service": "s", "endpoint": "/x", "method": "post"}}
    agent = {"name": "t", "type": "agent", "config": {"agent_capability": "refunds", "message": "?"}}
    found = _of([read, write, agent, ask("q")])
    assert (found.side_effects, found.capabilities) == (("w", "t"), ("refunds",)), "which tools it has is not known"
    assert found.parts == {
        "size": 0.4,
        "width": 0.4,
        "depth": 0.1,
        "kinds": 0.6,
        "side_effects": 0.2,
        "capabilities": 0.2,
    }
    assert found.complexity_score == 1.9
    later = found.with_past(Past(10, 5, 99.0))
    assert later.parts["history"] == 0.7 and later.complexity_score == 2.6
    assert found.with_past(None) == found


def test_complexity_grows_with_each_measure_and_nothing_is_nothing() -> None:
    """So that two workflows can be compared."""
    empty, one, many = _of([]), _of([act("a")]), _of(chain(5))
    assert empty.complexity_score == 0 < one.complexity_score < many.complexity_score


@pytest.mark.capability("F18", "M16", "F02")
@pytest.mark.parametrize(
    ("steps", "pattern"),
    [
        ([], "complete"),
        (chain(3), "sequential"),
        ([act("a"), act("b")], "parallel"),
        ([{"name": "c", "type": "conditional", "config": {"if": "true"}, "then": []}], "conditional"),
        ([{"name": "t", "type": "think"}, act("a")], "react"),
        ([ask("q"), {"name": "t", "type": "think"}], "approval"),
    ],
)
def test_what_prevails_in_a_workflow_names_its_pattern(steps: list[dict[str, Any]], pattern: str) -> None:
    """The routing keys of the course."""
    assert choose(_of(steps), Config(), 250).pattern == pattern


@pytest.mark.parametrize(
    ("asked", "count", "dispatch"),
    [
        ("auto", 10, "dataflow"),
        ("auto", 312, "dataflow"),
        ("auto", 313, "partitioned"),
        ("dataflow", 1000, "dataflow"),
        ("partitioned", 10, "partitioned"),
        ("staged", 1000, "staged"),
    ],
)
def test_the_dispatch_follows_the_wish_and_else_the_size(asked: Any, count: int, dispatch: str) -> None:
    """Very large plans are split; the reason is said."""
    strategy = choose(_of(chain(count)), Config(strategy=asked), 250)
    assert strategy.dispatch == dispatch and strategy.reason


def test_a_plan_a_little_over_the_limit_is_not_split() -> None:
    """A second partition of five steps would cost more than it saves."""
    assert [too_wide(count, 100) for count in (100, 125, 126)] == [False, False, True]
