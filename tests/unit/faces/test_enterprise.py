"""The course's dataclasses: every field of M03 and M04 means something in the model, or is refused."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agents import Agent, Agents, Functions, Tools, tool
from graphs.errors import BatonError, DefinitionError
from graphs.loader import dump_yaml, load_workflow
from graphs.spec import Step
from orchestrator.faces.enterprise import AdvancedWorkflow, StepStatus, StepType, WorkflowStep
from orchestrator.faces.running import Ended, Means, Start, carry_out, known_step_types
from tests.unit.faces.conftest import PromptClock, scripted

TYPES = known_step_types()


def workflow(*steps: WorkflowStep, **more: Any) -> AdvancedWorkflow:
    return AdvancedWorkflow("advanced", "advanced", "", steps=list(steps), **more)


def only(step: WorkflowStep, **more: Any) -> Step:
    return workflow(step, **more).to_workflow().spec.steps[0]


def act(step_id: str, action: str = "act", **fields: Any) -> WorkflowStep:
    return WorkflowStep(step_id, step_id, StepType.SINGLE, action=action, **fields)


class Office:
    """Functions that note what they are given."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.calls: list[tuple[str, Any]] = []

    def functions(self) -> Functions:
        offered = Functions()
        for name in ("act", "look_up", "charge", "undo", "mail", "review"):
            offered.register(name, self._function(name))
        return offered

    def _function(self, name: str) -> Callable[..., Any]:
        def run(**given: Any) -> dict[str, Any]:
            self.calls.append((name, given))
            if name in self.failing:
                raise ConnectionError(f"{name} is down")
            return {"id": len(self.calls), "by": name}

        return run

    @property
    def called(self) -> list[str]:
        return [name for name, _ in self.calls]


async def run(advanced: AdvancedWorkflow, office: Office, **given: Any) -> Ended:
    @tool
    def stamp(text: str) -> dict[str, str]:
        """Stamp a text."""
        return {"stamped": text.upper()}

    clerk = Agent(name="clerk", capabilities=("data_analysis",))
    resources = (office.functions(), Tools([stamp]), Agents([clerk]), scripted())
    means = Means(resources=resources, clock=PromptClock())
    return await carry_out(advanced.to_workflow(), Start(input=given), means)


# -- the whole -------------------------------------------------------------------------------------------------------


def order_workflow() -> AdvancedWorkflow:
    return AdvancedWorkflow(
        workflow_id="order",
        name="Order handling",
        description="Looks up, charges, and mails",
        version="2.1",
        steps=[
            act("look_up", "look_up", input_mapping={"customer": "customer.id"}, output_mapping={"record": "id"}),
            act(
                "charge",
                "charge",
                dependencies=["look_up"],
                input_mapping={"record": "record", "total": "total"},
                input_validation={"total": {"type": "number", "minimum": 0}},
                timeout=30,
                retry_policy={"max_retries": 2, "backoff_strategy": "exponential", "initial_delay": 1},
                rollback_actions=["undo"],
                custom_metrics=["amount", "currency"],
            ),
            act("mail", "mail", dependencies=["charge"], retry_policy={"continue_on_failure": True}),
        ],
        global_variables={"currency": "EUR"},
        timeout=120,
        max_parallel_steps=4,
        retry_policy={"max_attempts": 2},
        sla_targets={"p95_ms": 2000},
        optimization_enabled=False,
        adaptive_routing=False,
        created_at="2026-01-31T12:00:00+00:00",
        created_by="sol",
        tags=["orders"],
    )


@pytest.mark.capability("C06", "M03", "M04", "D07", "D08", "D09", "D12", "P01", "P06")
def test_every_field_has_its_place_in_the_definition() -> None:
    definition = order_workflow().to_workflow()
    assert definition.as_document() == {
        "apiVersion": "workflow/v1",
        "kind": "Workflow",
        "metadata": {
            "name": "order",
            "version": "2.1",
            "description": "Looks up, charges, and mails",
            "tags": ["orders"],
            "labels": {"title": "Order handling", "sla_targets": '{"p95_ms": 2000}', "optimization": "off"},
            "created_at": "2026-01-31T12:00:00+00:00",
            "created_by": "sol",
        },
        "spec": {
            "config": {
                "timeout": "2m",
                "retry_policy": {"max_attempts": 2},
                "max_parallel_steps": 4,
                "strategy": "dataflow",
            },
            "variables": {"currency": "EUR"},
            "steps": [
                {
                    "name": "look_up",
                    "type": "function",
                    "config": {"function": "look_up", "args": {"customer": "{{ input.customer.id }}"}},
                    "variables": {"record": "{{ output.id }}"},
                    "timeout": "5m",
                },
                {
                    "name": "charge",
                    "type": "function",
                    "depends_on": [{"step": "look_up"}],
                    "config": {
                        "function": "charge",
                        "args": {"record": "{{ vars.record }}", "total": "{{ input.total }}"},
                    },
                    "input": {"record": "{{ vars.record }}", "total": "{{ input.total }}"},
                    "input_schema": {
                        "type": "object",
                        "properties": {"total": {"type": "number", "minimum": 0}},
                        "required": ["total"],
                    },
                    "timeout": "30s",
                    "retry": {},
                    "compensate": {
                        "name": "charge_rollback_1",
                        "type": "function",
                        "config": {"function": "undo"},
                        "input": {"output": "{{ steps['charge'].output }}", "input": "{{ input }}"},
                    },
                    "labels": {"custom_metrics": "amount,currency"},
                },
                {
                    "name": "mail",
                    "type": "function",
                    "depends_on": [{"step": "charge"}],
                    "config": {"function": "mail"},
                    "timeout": "5m",
                    "on_failure": {"action": "continue"},
                },
            ],
        },
    }


@pytest.mark.capability("C06", "C15")
def test_it_is_the_definition_that_yaml_says_too() -> None:
    definition = order_workflow().to_workflow()
    assert load_workflow(dump_yaml(definition), step_types=TYPES).workflow.digest == definition.digest


def test_when_an_object_was_made_is_no_part_of_the_definition() -> None:
    first, second = workflow(act("a")), workflow(act("a"))
    assert first.created_at != second.created_at and first.created_at.endswith("+00:00")
    assert first.to_workflow().digest == second.to_workflow().digest


@pytest.mark.capability("M03", "M04")
def test_the_defaults_are_those_of_the_course() -> None:
    step = {field.name: field for field in dataclasses.fields(WorkflowStep)}
    assert (step["timeout"].default, step["loop_max_iterations"].default) == (300, 100)
    advanced = {field.name: field.default for field in dataclasses.fields(AdvancedWorkflow)}
    assert (advanced["version"], advanced["timeout"], advanced["max_parallel_steps"]) == ("1.0", 3600, 10)
    assert advanced["optimization_enabled"] is advanced["adaptive_routing"] is True
    assert [status.value for status in StepStatus] == [
        "pending", "running", "completed", "failed", "skipped", "waiting", "retrying",
    ]  # fmt: skip


async def test_it_runs() -> None:
    office = Office("mail")
    ended = await run(order_workflow(), office, customer={"id": "c1"}, total=12.5)
    assert ended.execution.status == "completed"
    assert office.calls[:2] == [("look_up", {"customer": "c1"}), ("charge", {"record": 1, "total": 12.5})]


@pytest.mark.capability("E13", "E10")
async def test_a_failure_rolls_back() -> None:
    office = Office("review")
    advanced = workflow(
        act("first", "charge", rollback_actions=["undo", "mail"]),
        act("second", "review", dependencies=["first"]),
    )
    ended = await run(advanced, office, total=1)
    assert ended.execution.status == "compensated"
    assert office.calls[2:] == [
        ("undo", {"output": {"id": 1, "by": "charge"}, "input": {"total": 1}}),
        ("mail", {"output": {"id": 1, "by": "charge"}, "input": {"total": 1}}),
    ]


async def test_arguments_that_do_not_fit_fail_the_step() -> None:
    advanced = workflow(act("charge", input_mapping={"total": "total"}, input_validation={"total": "number"}))
    ended = await run(advanced, Office(), total="twelve")
    assert ended.execution.status == "failed" and ended.results["charge"]["error"]["code"] == "step_input_invalid"


# -- actions ---------------------------------------------------------------------------------------------------------


@pytest.mark.capability("I10", "T12")
@pytest.mark.parametrize(
    ("step", "kind", "config"),
    [
        (act("a", "send"), "function", {"function": "send"}),
        (act("a", "tool:stamp"), "tool", {"tool": "stamp"}),
        (act("a", "agent:clerk"), "agent", {"agent": "clerk"}),
        (act("a", "workflow:clean-up@1.2"), "workflow", {"workflow": "clean-up", "version": "1.2"}),
        (act("a", "approval: Ship it?", timeout=60), "approval", {"message": "Ship it?", "timeout": 60}),
        (act("a", "event:order.paid"), "wait_for_event", {"event_type": "order.paid", "timeout": 300}),
        (
            WorkflowStep("a", "a", action="Find outliers", agent_capability="data_analysis"),
            "agent",
            {"agent_capability": "data_analysis", "message": "Find outliers"},
        ),
    ],
)
def test_an_action_names_what_is_done(step: WorkflowStep, kind: str, config: Mapping[str, Any]) -> None:
    made = only(step)
    assert (made.type, made.config) == (kind, config)
    assert (made.timeout is None) == (kind in ("approval", "wait_for_event", "workflow"))


@pytest.mark.capability("I10")
async def test_a_tool_and_an_agent_that_has_the_capability_act() -> None:
    advanced = workflow(
        act("stamp", "tool:stamp", input_mapping={"text": "text"}),
        WorkflowStep(
            "judge", "judge", action="Is it fine?", agent_capability="data_analysis", dependencies=["stamp"],
            output_mapping={"answer": "answer"},
        ),
    )  # fmt: skip
    ended = await run(advanced, Office(), text="ok")
    assert ended.results["stamp"]["output"] == {"stamped": "OK"}
    assert ended.results["judge"]["output"]["agent"] == "clerk"
    assert ended.results["judge"]["variables"] == {"answer": "You said: Is it fine?"}


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


# -- what is refused -------------------------------------------------------------------------------------------------

COND = StepType.CONDITIONAL
YES = {"expression": "true"}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: only(WorkflowStep("a", "a")),
            "step 'a' does nothing. Give it an 'action' or an 'agent_capability'.",
        ),
        (
            lambda: only(act("a", "shell:rm")),
            "step 'a': 'shell:rm' is no action. Write the name of a registered function, or one of tool:NAME, "
            "agent:NAME, workflow:NAME, approval:NAME, event:NAME.",
        ),
        (
            lambda: only(act("a", parallel_steps=[act("b")])),
            "step 'a': a single step has no use for 'parallel_steps'. Make it a parallel step.",
        ),
        (
            lambda: only(act("a", loop_condition="true")),
            "step 'a': a single step has no use for 'loop_condition'. Make it a loop step.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", StepType.PARALLEL, action="b")),
            "step 'a': a parallel step has no use for 'action'. Give it steps inside, or make it a single step.",
        ),
        (
            lambda: workflow(
                WorkflowStep("a", "a", COND, timeout=60, conditions=[YES], next_steps=["b"]), act("b")
            ).to_workflow(),
            "step 'a': a conditional step has no use for 'timeout'.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", StepType.PARALLEL, retry_policy={"max_attempts": 3})),
            "step 'a': a parallel step is not tried again itself. "
            "Give the retries to the steps inside; 'continue_on_failure' can stay.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", StepType.LOOP, action="b")),
            "step 'a' is a loop and has no 'loop_condition'.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", StepType.LOOP, loop_condition="true")),
            "step 'a' repeats nothing. Give it an 'action' or 'parallel_steps'.",
        ),
        (
            lambda: only(act("a", retry_policy={"max_atempts": 3})),
            "step 'a', retry_policy: there is no key 'max_atempts'. Did you mean 'max_attempts'?",
        ),
        (
            lambda: only(act("a", retry_policy={"max_retries": 3, "max_attempts": 3})),
            "step 'a', retry_policy: 'max_retries' and 'max_attempts' are both given. "
            "Keep one: attempts count the first try too, so max_attempts is max_retries + 1.",
        ),
        (
            lambda: only(act("a", retry_policy={"backoff": "slow"})),
            "step 'a', retry_policy, backoff: 'slow' is none of fixed, linear, exponential.",
        ),
        (
            lambda: only(act("a", retry_policy={"parallel_failure_threshold": 0.5})),
            "step 'a': only a parallel step has a 'parallel_failure_threshold'.",
        ),
        (
            lambda: only(act("a", conditions=[{"field": "x", "operator": "like", "value": 1}])),
            "step 'a', conditions[0]: there is no operator 'like'. Known: equals, not_equals, greater_than, "
            "greater_or_equal, less_than, less_or_equal, in, not_in, contains, exists, not_exists.",
        ),
        (
            lambda: only(act("a", conditions=[{"if": "x"}])),
            "step 'a', conditions[0]: there is no key 'if' in a condition. A condition has 'expression', or 'field', "
            "'operator' and 'value'; of a conditional step also 'next'.",
        ),
        (
            lambda: only(act("a", input_mapping={"x": "a b"})),
            "step 'a', input_mapping.x: 'a b' is no place in the data. "
            "Write order.id, steps.charge.output.id, or an expression in braces: {{ … }}.",
        ),
        (
            lambda: only(act("a", input_validation={"x": 5})),
            "step 'a', input_validation.x: 5 is no rule. Write a JSON Schema, or one of string, number, integer, "
            "boolean, object, array, null.",
        ),
        (
            lambda: only(act("a", status=StepStatus.RUNNING)),
            "step 'a': 'status' is the state of a run, which a definition does not have. "
            "Leave it as it is; `observed` gives a copy with how a run went.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", COND, conditions=[YES])),
            "conditional step 'a' does not say what follows, and when. "
            "Give it conditions, and next_steps: [when they hold, when not]; or a 'next' in every condition.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", COND, conditions=[YES], next_steps=["b"])),
            "conditional step 'a' leads to 'b', which is not a step beside it. Steps there: none.",
        ),
        (
            lambda: workflow(act("a"), act("a")).to_workflow(),
            "two steps are called 'a'. Give one another step_id.",
        ),
        (
            lambda: workflow(act("a", error_handlers=["b"]), act("b", dependencies=["a"])).to_workflow(),
            "step 'b' handles errors or rolls back, and has dependencies, next_steps or error_handlers. "
            "Take them away: it runs when it is called for. Handlers that follow each other are one list.",
        ),
        (
            lambda: workflow(act("a", error_handlers=["b"]), act("b"), act("c", dependencies=["b"])).to_workflow(),
            "step 'c' depends on or leads to 'b', which handles errors or rolls back. Make them two steps.",
        ),
        (
            lambda: only(
                WorkflowStep("a", "a", StepType.PARALLEL, parallel_steps=[act("b", rollback_actions=["undo"])])
            ),
            "step 'b': its rollback_actions would not run, because it is inside of another step. "
            "Give them to the step around it.",
        ),
    ],
)
def test_what_does_not_go_together_is_a_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(BatonError) as caught:
        make()
    assert str(caught.value) == sentence
    assert isinstance(caught.value, DefinitionError)
