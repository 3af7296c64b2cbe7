"""The planner's verdicts: who may run, who stands for whom, in which order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.errors import EngineError
from graphs.planner import Need, Plan, PlannedStep, Run, Skip, ordered, plan_steps
from graphs.spec import Step
from graphs.state import Result
from graphs.steps import Node
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
    companion,
    plan,
    planned,
)

VERDICTS: list[tuple[str, Result, str | None]] = [
    ("succeeded", COMPLETED, None),
    ("succeeded", CONTINUED, None),
    ("succeeded", SKIPPED, None),
    ("succeeded", FAILED, "upstream"),
    ("succeeded", TIMED_OUT, "upstream"),
    ("succeeded", CANCELLED, "upstream"),
    ("succeeded", UPSTREAM, "upstream"),
    ("succeeded", HALTED, "upstream"),
    ("succeeded", UNNEEDED, "unneeded"),
    ("settled", COMPLETED, None),
    ("settled", FAILED, None),
    ("settled", CANCELLED, None),
    ("settled", UPSTREAM, None),
    ("failed", FAILED, None),
    ("failed", TIMED_OUT, None),
    ("failed", CONTINUED, None),
    ("failed", COMPLETED, "unneeded"),
    ("failed", SKIPPED, "unneeded"),
    ("failed", CANCELLED, "upstream"),
    ("failed", UPSTREAM, "upstream"),
]


@pytest.mark.capability("F03", "X06")
@pytest.mark.parametrize(("outcome", "result", "skipped"), VERDICTS)
def test_a_step_runs_when_what_it_needs_settled_as_needed(outcome: str, result: Result, skipped: str | None) -> None:
    """A step that is there for a failure which did not come is not needed; all else is missing upstream."""
    verdict = plan(planned("a"), planned("b", f"a!{outcome}")).verdict("b", {"a": result})
    assert (verdict.reason if isinstance(verdict, Skip) else None) == skipped


def test_one_unmet_need_is_enough_and_missing_weighs_more_than_not_needed() -> None:
    """The reason says whether something went wrong."""
    found = plan(planned("a"), planned("b"), planned("c", "a!failed", "b"))
    assert found.verdict("c", {"a": FAILED, "b": COMPLETED}) == Run()
    assert found.verdict("c", {"a": COMPLETED, "b": COMPLETED}) == Skip("unneeded", "'a' was to fail, and completed")
    assert found.verdict("c", {"a": COMPLETED, "b": FAILED}) == Skip("upstream", "'b' failed")


@pytest.mark.capability("E17")
def test_a_companion_stands_for_the_failed_step() -> None:
    """Dependents wait for both and see the companion's result; it runs only after a failure."""
    found = plan(planned("a"), companion("a"), planned("b", "a"))
    assert set(found.awaits("b")) == {"a", "a~fallback"}
    assert found.awaits("a~fallback") == ("a",)
    assert found.verdict("a~fallback", {"a": FAILED}) == Run()
    assert isinstance(found.verdict("a~fallback", {"a": COMPLETED}), Skip)
    assert found.verdict("b", {"a": FAILED, "a~fallback": COMPLETED}) == Run()
    assert isinstance(found.verdict("b", {"a": FAILED, "a~fallback": FAILED}), Skip)
    assert found.effective("a", {"a": COMPLETED, "a~fallback": UNNEEDED}) is COMPLETED


def test_ready_steps_are_those_that_wait_for_nothing_any_more() -> None:
    """The staged strategy sends these only."""
    found = plan(planned("a"), companion("a"), planned("b", "a"), planned("c"))
    assert found.ready({}) == ["a", "c"]
    assert found.ready({"a": FAILED, "c": COMPLETED}) == ["a~fallback"]
    assert found.ready({"a": COMPLETED, "a~fallback": UNNEEDED, "c": COMPLETED}) == ["b"]
    assert found.unfinished({"a": COMPLETED}) == ["c", "a~fallback", "b"]


@pytest.mark.capability("F27", "X16")
def test_circles_and_strangers_are_refused_by_name() -> None:
    """Validation finds these earlier; a plan that cannot end is never begun."""
    with pytest.raises(EngineError, match="the steps b, c need each other in a circle"):
        ordered([planned("a"), planned("b", "c"), planned("c", "b")])
    with pytest.raises(EngineError, match="step 'a' needs 'nobody', which is not in its plan"):
        ordered([planned("a", "nobody")])


@given(st.integers(1, 30), st.randoms(use_true_random=False))
def test_order_puts_each_step_after_all_it_needs(count: int, chance: object) -> None:
    """Whatever order they are written in; none is lost."""
    names = [f"s{i}" for i in range(count)]
    steps = [planned(name, *chance.sample(names[:i], chance.randint(0, min(i, 3)))) for i, name in enumerate(names)]  # type: ignore[attr-defined]
    chance.shuffle(steps)  # type: ignore[attr-defined]
    order = ordered(steps)
    place = {name: index for index, name in enumerate(order)}
    assert set(place) == set(names)
    assert all(place[need.step] < place[name] for name, step in order.items() for need in step.needs)


def _nodes(step: Step) -> Node:
    return "human_approval" if step.type == "approval" else "parallel_executor"


def _of(**steps: list[str]) -> list[Step]:
    return [Step(name=name, depends_on=needs) for name, needs in steps.items()]  # type: ignore[arg-type]


@pytest.mark.capability("F01", "F06")
def test_a_sequence_links_steps_that_name_nothing_themselves() -> None:
    """A step that says what it depends on is left alone."""
    found = plan_steps(_of(a=[], b=[], c=["a"], d=[]), _nodes, local="x.", sequential=True)
    assert {step.name: [need.step for need in step.needs] for step in found} == {
        "x.a": [],
        "x.b": ["x.a"],
        "x.c": ["x.a"],
        "x.d": ["x.c"],
    }


@pytest.mark.capability("F23")
def test_next_is_depends_on_from_the_other_side() -> None:
    """Named by both sides it counts once."""
    steps = [Step(name="a", next=("b", "c")), Step(name="b"), Step(name="c", depends_on="a")]  # type: ignore[arg-type]
    assert [step.needs for step in plan_steps(steps, _nodes)] == [
        (),
        (Need("a", "succeeded"),),
        (Need("a", "succeeded"),),
    ]


@pytest.mark.capability("E17", "T13")
def test_a_fallback_becomes_a_companion_in_the_recovery_node() -> None:
    """Unless it waits for the world outside: then it goes to the only node that interrupts."""
    steps = [
        Step.model_validate({"name": "a", "on_failure": {"action": "fallback", "fallback": {"name": "x"}}}),
        Step.model_validate(
            {"name": "b", "on_failure": {"action": "fallback", "fallback": {"name": "y", "type": "approval"}}}
        ),
    ]
    found = {step.name: step for step in plan_steps(steps, _nodes, index=2, group="g")}
    assert found["a~fallback"].node == "error_recovery" and found["b~fallback"].node == "human_approval"
    assert found["a~fallback"].stands_for == "a" and found["a~fallback"].needs == (Need("a", "failed"),)
    assert (found["a~fallback"].index, found["a~fallback"].group) == (2, "g")


def test_writers_are_found_however_deep_they_are() -> None:
    """Where nobody sets variables, nothing is folded."""
    inside = {"name": "p", "type": "parallel", "steps": [{"name": "x", "variables": {"n": 1}}]}
    instead = {"name": "f", "on_failure": {"action": "fallback", "fallback": {"name": "y", "variables": {"n": 1}}}}
    for document, writes in ((inside, True), (instead, True), ({"name": "z"}, False)):
        step = Step.model_validate(document)
        assert Plan({"s": PlannedStep("s", step, "parallel_executor")}).writers is writes
