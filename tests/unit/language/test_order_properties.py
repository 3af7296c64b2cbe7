"""What validation says about the order of steps is what the planner then does, for all small graphs."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.errors import EngineError
from graphs.planner import Plan, Run, ordered, plan_steps
from graphs.spec import Step, Workflow
from graphs.state import Result
from graphs.validation import validate
from graphs.validation.outline import Outline
from tests.support.language import STEP_TYPES

NAMES = "abcdef"
OUTCOMES = st.sampled_from(["succeeded", "succeeded", "succeeded", "failed", "settled"])


@st.composite
def workflows(draw: st.DrawFn, *, acyclic: bool) -> Workflow:
    count = draw(st.integers(1, 5))
    steps = []
    for index, name in enumerate(NAMES[:count]):
        others = NAMES[:index] if acyclic else NAMES[: count + 1]
        needs = draw(st.lists(st.tuples(st.sampled_from(others), OUTCOMES), max_size=3)) if others else []
        following = NAMES[index + 1 : count] if acyclic else NAMES[:count]
        steps.append(
            {
                "name": name,
                "type": "delay",
                "config": {"seconds": 1},
                "depends_on": [{"step": other, "outcome": outcome} for other, outcome in needs],
                "next": draw(st.lists(st.sampled_from(following), max_size=1)) if following else [],
                "on_failure": {"action": draw(st.sampled_from(["terminate", "terminate", "continue"]))},
            }
        )
    return Workflow.model_validate({"metadata": {"name": "w"}, "spec": {"steps": steps}})


def plan_of(workflow: Workflow) -> Plan:
    return Plan(ordered(plan_steps(workflow.spec.steps, lambda _: "parallel_executor")), failure_policy="continue")


def errors(workflow: Workflow) -> dict[str, set[str]]:
    """Steps by what is said about them."""
    found: dict[str, set[str]] = {}
    for problem in validate(workflow, STEP_TYPES):
        if problem.severity == "error":
            found.setdefault(problem.code, set()).add(str(problem.where).split(".")[1])
    return found


@pytest.mark.capability("C12", "F27")
@settings(max_examples=120, deadline=None)
@given(workflow=workflows(acyclic=False))
def test_the_planner_accepts_exactly_what_validation_accepts(workflow: Workflow) -> None:
    broken = errors(workflow).keys() & {"circular_dependency", "unknown_dependency"}
    try:
        plan_of(workflow)
    except EngineError:
        assert broken
    else:
        assert not broken


@pytest.mark.capability("F27")
@settings(max_examples=120, deadline=None)
@given(workflow=workflows(acyclic=False))
def test_mending_every_circle_that_is_named_leaves_fewer(workflow: Workflow) -> None:
    """Each circle is a path along links, so removing the link it points at breaks it."""
    for _ in range(20):
        circles = [one for one in validate(workflow, STEP_TYPES) if one.code == "circular_dependency"]
        if not circles:
            return
        workflow = without(workflow, str(circles[0].where))
    pytest.fail("removing the links that were pointed at did not end the circles")


def without(workflow: Workflow, where: str) -> Workflow:
    """`steps.a.depends_on[0]`"""
    _, name, place = where.split(".")
    key, _, index = place.rstrip("]").partition("[")
    steps = []
    for step in workflow.spec.steps:
        if step.name == name:
            kept = [one for at, one in enumerate(getattr(step, key)) if at != int(index)]
            step = step.model_copy(update={key: tuple(kept)})
        steps.append(step)
    return workflow.model_copy(update={"spec": workflow.spec.model_copy(update={"steps": tuple(steps)})})


@settings(max_examples=100, deadline=None)
@given(workflow=workflows(acyclic=True))
def test_what_a_step_may_read_is_what_it_waits_for(workflow: Workflow) -> None:
    plan = plan_of(workflow)
    outline = Outline(workflow, STEP_TYPES)
    for site in outline.main.sites:
        ancestors: set[str] = set()
        waiting = list(plan.awaits(site.name))
        while waiting:
            name = waiting.pop()
            ancestors.add(name)
            waiting += plan.awaits(name)
        assert {seen.name for seen in outline.view(site).sites()} == ancestors
        beside = outline.main.beside(site)
        assert beside is None or (beside.name not in ancestors and not outline.main.runs_before(site, beside))


def runs(plan: Plan, fails: dict[str, bool], steps: dict[str, Step]) -> set[str]:
    """The steps that run when these ones fail."""
    results: dict[str, Result] = {}
    ran: set[str] = set()
    for name in plan.steps:
        if not isinstance(plan.verdict(name, results), Run):
            results[name] = {"status": "skipped", "reason": "upstream"}
            continue
        ran.add(name)
        result: Result = {"status": "failed" if fails[name] else "completed"}
        if fails[name] and steps[name].on_failure.action == "continue":
            result["continued"] = True
        results[name] = result
    return ran


@pytest.mark.capability("C12", "X06")
@settings(max_examples=120, deadline=None)
@given(workflow=workflows(acyclic=True))
def test_a_step_is_unreachable_exactly_when_no_outcome_of_the_others_lets_it_run(workflow: Workflow) -> None:
    plan = plan_of(workflow)
    steps = {step.name: step for step in workflow.spec.steps}
    reached: set[str] = set()
    for fails in product([False, True], repeat=len(steps)):
        reached |= runs(plan, dict(zip(steps, fails, strict=True)), steps)
    never = steps.keys() - reached
    said = errors(workflow).get("unreachable_step", set())
    # Of a chain of such steps only the first is told, as the others follow from it.
    first: set[Any] = {name for name in never if not never & set(plan.awaits(name))}
    assert said <= never
    assert first <= said
