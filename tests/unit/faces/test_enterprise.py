"""The course's dataclasses: every field of M03 and M04 means something in the model, or is refused."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from graphs.loader import dump_yaml, load_workflow
from orchestrator.faces.enterprise import AdvancedWorkflow, StepStatus, WorkflowStep
from orchestrator.faces.running import known_step_types
from tests.unit.faces.office import Office, act, only, run, workflow

TYPES = known_step_types()


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
