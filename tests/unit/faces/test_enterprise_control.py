"""The course's dataclasses: conditions, branches, parallel steps, loops and error handlers, as they run."""

import dataclasses
from typing import Any

import pytest

from orchestrator.faces.enterprise import AdvancedWorkflow, StepStatus, StepType, WorkflowStep
from tests.unit.faces.office import Office, act, only, run, workflow

# -- conditions ------------------------------------------------------------------------------------------------------


@pytest.mark.capability("F15", "D21")
@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        ({"field": "total", "operator": "greater_than", "value": 10}, True),
        ({"field": "total", "operator": "less_or_equal", "value": 10}, False),
        ({"field": "tier", "value": 'it\'s "gold"\\'}, True),
        ({"field": "tier", "operator": "not_equals", "value": None}, True),
        ({"field": "tier", "operator": "in", "value": ["silver", 'it\'s "gold"\\']}, True),
        ({"field": "nothing.there", "operator": "exists"}, False),
        ({"field": "nothing.there", "operator": "not_exists"}, True),
        ({"field": "nothing.there", "operator": "greater_than", "value": 1}, False),
        ({"field": "nothing.there", "operator": "equals", "value": None}, True),
        ({"field": "tags", "operator": "contains", "value": "vip"}, True),
        ({"field": "options", "value": {"gift": True, "notes": [1, None]}}, True),
        ({"field": "limit", "operator": "greater_or_equal", "value": 5}, True),
        ({"expression": "{{ input.total > vars.limit }}"}, True),
        ({"expression": "input.total > 10 and vars.limit > 10"}, False),
    ],
)
async def test_conditions_say_whether_a_step_runs(condition: dict[str, Any], runs: bool) -> None:
    office = Office()
    advanced = workflow(act("a", conditions=[condition]), global_variables={"limit": 5})
    ended = await run(
        advanced,
        office,
        total=12,
        tier='it\'s "gold"\\',
        tags=["vip"],
        options={"gift": True, "notes": [1, None]},
    )
    assert ended.execution.status == "completed"
    assert office.called == (["act"] if runs else [])


def branching(**fields: Any) -> AdvancedWorkflow:
    return workflow(
        WorkflowStep("check", "check", StepType.CONDITIONAL, **fields),
        act("big", "review"),
        act("small", "mail"),
        act("after", "act", dependencies=["big", "small"]),
    )


@pytest.mark.capability("F13", "T05", "F23")
@pytest.mark.parametrize(("total", "called"), [(500, ["review", "act"]), (5, ["mail", "act"])])
async def test_a_conditional_step_chooses_what_follows(total: int, called: list[str]) -> None:
    office = Office()
    over = {"field": "total", "operator": "greater_than", "value": 100}
    ended = await run(branching(conditions=[over], next_steps=["big", "small"]), office, total=total)
    assert ended.execution.status == "completed" and office.called == called


@pytest.mark.capability("F14")
@pytest.mark.parametrize(
    ("tier", "called"), [("gold", ["review", "act"]), ("silver", ["mail", "act"]), ("none", ["act"])]
)
async def test_each_condition_may_lead_to_a_step_of_its_own(tier: str, called: list[str]) -> None:
    office = Office()
    cases = [{"field": "tier", "value": "gold", "next": "big"}, {"field": "tier", "value": "silver", "next": "small"}]
    ended = await run(branching(conditions=cases), office, tier=tier)
    assert ended.execution.status == "completed" and office.called == called


# -- steps inside ----------------------------------------------------------------------------------------------------


@pytest.mark.capability("F05", "E19", "X14", "P07", "M11")
@pytest.mark.parametrize(
    ("failing", "policy", "status"),
    [
        ((), {}, "completed"),
        (("mail",), {}, "completed"),
        (("mail", "review"), {}, "failed"),
        (("mail",), {"parallel_failure_threshold": 1.0}, "failed"),
        (("mail", "review"), {"parallel_failure_threshold": 0.3}, "completed"),
        (("mail", "review"), {"continue_on_failure": True}, "completed"),
    ],
)
async def test_half_of_a_parallel_step_is_enough(failing: tuple[str, ...], policy: dict[str, Any], status: str) -> None:
    group = WorkflowStep(
        "group", "group", StepType.PARALLEL, retry_policy=policy,
        parallel_steps=[act("one", "act"), act("two", "mail"), act("three", "review")],
    )  # fmt: skip
    ended = await run(workflow(group), Office(*failing))
    assert ended.execution.status == status
    assert ended.results["group"]["output"]["failed_steps"] == len(failing)


def test_the_default_time_limit_is_for_each_step_inside() -> None:
    group = WorkflowStep("group", "group", StepType.PARALLEL, parallel_steps=[act("one")])
    loop = WorkflowStep("loop", "loop", StepType.LOOP, action="act", loop_condition="true", timeout=60)
    assert (only(group).timeout, only(group).steps[0].timeout) == (None, 300)
    assert only(dataclasses.replace(group, timeout=60)).timeout == 60
    assert (only(loop).timeout, only(loop).steps[0].timeout) == (60, 300)
    assert only(act("a", "workflow:b", timeout=60)).timeout == 60


async def test_a_parallel_step_without_steps_has_gone_well() -> None:
    ended = await run(workflow(WorkflowStep("group", "group", StepType.PARALLEL)), Office())
    assert ended.execution.status == "completed"
    assert ended.results["group"]["output"]["total_steps"] == 0


@pytest.mark.capability("F19", "F21", "P08")
async def test_a_loop_goes_on_while_its_condition_holds() -> None:
    office = Office()
    loop = WorkflowStep(
        "poll", "poll", StepType.LOOP, action="act", loop_condition="vars.seen < 3", loop_max_iterations=5,
        output_mapping={"seen": "id"},
    )  # fmt: skip
    ended = await run(workflow(loop, global_variables={"seen": 0}), office)
    assert ended.execution.status == "completed" and len(office.calls) == 3


async def test_a_loop_has_a_bound() -> None:
    group = [act("one"), act("two", "mail")]
    loop = WorkflowStep(
        "poll", "poll", StepType.LOOP, loop_condition="true", loop_max_iterations=2, parallel_steps=group
    )
    office = Office()
    ended = await run(workflow(loop), office)
    assert ended.execution.error is not None and ended.execution.error["code"] == "loop_limit"
    assert len(office.calls) == 4


# -- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.capability("E15", "E17", "E06", "P11")
@pytest.mark.parametrize(
    ("failing", "status", "called"),
    [
        (("charge",), "completed", ["charge", "review", "act"]),
        (("charge", "review"), "completed", ["charge", "review", "mail", "act"]),
        (("charge", "review", "mail"), "failed", ["charge", "review", "mail"]),
    ],
)
async def test_error_handlers_answer_one_after_the_other(
    failing: tuple[str, ...], status: str, called: list[str]
) -> None:
    office = Office(*failing)
    advanced = workflow(
        act("pay", "charge", error_handlers=["manual", "mail"]),
        act("manual", "review"),
        act("after", dependencies=["pay"]),
    )
    assert [step.name for step in advanced.to_workflow().spec.steps] == ["pay", "after"]
    ended = await run(advanced, office)
    assert ended.execution.status == status and office.called == called


@pytest.mark.capability("M03", "D17", "M12")
async def test_a_step_can_be_shown_as_a_run_left_it() -> None:
    good, bad = act("good", "charge"), act("bad", "review", dependencies=["good"], retry_policy={"max_retries": 1})
    late = act("late", dependencies=["bad"])
    ended = await run(workflow(good, bad, late), Office("review"))
    done, failed, skipped = (step.observed(ended.results.get(step.step_id)) for step in (good, bad, late))
    assert done.status is StepStatus.COMPLETED and done.execution_data == {"id": 1, "by": "charge"}
    assert done.start_time is not None and done.end_time is not None and done.retry_count == 0
    assert failed.status is StepStatus.FAILED and failed.retry_count == 1
    assert failed.error_info == {"error": "ConnectionError: review is down", "timestamp": failed.end_time}
    assert skipped.status is StepStatus.SKIPPED and good.status is StepStatus.PENDING
    assert good.observed(None).status is StepStatus.PENDING
