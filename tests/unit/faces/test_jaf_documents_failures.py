"""X-9 to X-13: the examples of the JAF document in which something fails, is counted or is logged."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from agents import Tool, tool
from orchestrator.faces.jaf import (
    AgentStep,
    ConditionalStep,
    ParallelStep,
    ToolStep,
    Workflow,
    WorkflowBuilder,
    WorkflowContext,
    WorkflowLogger,
)
from tests.unit.faces.conftest import Equip, PromptClock, scripted
from tests.unit.faces.jaf_parts import agent, boom, recorder

# -- X-9 -------------------------------------------------------------------------------------------------------------


def payment(handler: Callable[..., Any], failure: Callable[..., Any], **options: Any) -> tuple[Workflow, list[Any]]:
    def pay(amount: float = 0.0, retry: bool = False) -> Any:
        calls.append({"amount": amount, "retry": retry})
        return {"paid": True} if retry else failure()

    calls: list[Any] = []
    payment_tool = Tool(name="payment", description="Takes money", function=pay)
    workflow = Workflow("payment_processing", "Payment Processing")

    def payment_error_handler(step_result: Any, context: Any) -> Any:
        return handler(step_result, context, payment_tool)

    workflow.add_error_handler("process_payment", payment_error_handler)
    payment_step = ToolStep("process_payment", payment_tool, {"amount": 100})
    payment_step.with_retry(max_retries=3).with_timeout(options.get("timeout", 30))
    return workflow.add_step(payment_step), calls


def as_printed(step_result: Any, context: Any, payment_tool: Tool) -> Any:
    if "timeout" in step_result.error:
        return ToolStep("retry_payment", payment_tool, {"retry": True})
    return AgentStep("manual_review", agent("review_agent"), "Manual payment review required")


def late() -> Any:
    raise TimeoutError("the gateway did not answer: timeout")


@pytest.mark.capability("A04", "E15", "E17", "A22", "O05", "X01")
async def test_a_payment_that_timed_out_is_made_by_the_step_the_handler_names(equip: Equip, clock: PromptClock) -> None:
    workflow, calls = payment(as_printed, late)
    with equip():
        result = await workflow.execute()
    assert result.status == "completed"
    assert [call["retry"] for call in calls] == [False] * 4 + [True]
    assert [round(slept) for slept in clock.slept] == [1, 2, 4]
    assert [(step.step_id, step.status) for step in result.steps] == [
        ("process_payment", "timed_out"),
        ("retry_payment", "completed"),
    ]
    assert (result.steps_completed, result.total_steps, result.success_rate) == (1, 1, 50.0)
    assert result.context.variables == {"paid": True}


async def test_any_other_failed_payment_is_reviewed(equip: Equip) -> None:
    workflow, calls = payment(as_printed, boom)
    with equip(models=scripted(Manual_payment_review="I have asked Ms. Sol.")):
        result = await workflow.execute()
    assert result.status == "completed" and len(calls) == 4
    assert result.context.variables == {"manual_review": "I have asked Ms. Sol."}
    assert result.steps[0].error == "logic: ValueError: boom"


# -- X-10 ------------------------------------------------------------------------------------------------------------


@pytest.mark.capability("Q01", "D22", "D16")
@pytest.mark.parametrize("known", [False, True])
async def test_an_account_is_created_if_there_is_none(known: bool, equip: Equip) -> None:
    users = {"u1": {}} if known else {}
    accounts: list[dict[str, Any]] = []

    @tool
    def create_user_account(user_id: str, email: str, upsert: bool) -> dict[str, Any]:
        """Create or update an account."""
        accounts.append({"user_id": user_id, "email": email, "upsert": upsert})
        return {"created": user_id}

    def user_exists(user_id: str) -> bool:
        return user_id in users

    idempotent_step = ToolStep("create_user_account").with_params_function(
        lambda state: {"user_id": state["user_id"], "email": state["email"], "upsert": True}
    )
    safe_step = (
        ConditionalStep("create_if_not_exists")
        .condition(lambda state: not user_exists(state["user_id"]))
        .if_true(idempotent_step)
    )
    with equip(create_user_account):
        result = (
            await Workflow("accounts")
            .add_step(safe_step)
            .execute(WorkflowContext(initial_data={"user_id": "u1", "email": "u1@example.com"}))
        )
    assert result.is_success
    assert accounts == ([] if known else [{"user_id": "u1", "email": "u1@example.com", "upsert": True}])


# -- X-11 ------------------------------------------------------------------------------------------------------------


@pytest.mark.capability("E19", "Q02", "P07")
@pytest.mark.parametrize(
    ("down", "status"), [([], "completed"), (["billing"], "completed"), (["crm", "billing"], "failed")]
)
async def test_two_of_three_systems_are_enough(down: list[str], status: str, equip: Equip) -> None:
    tools = {}
    for name in ("update_crm", "update_billing", "update_analytics"):
        fails = name.removeprefix("update_") in down
        tools[name], _ = recorder(name, boom if fails else lambda **given: {})
    robust_parallel = (
        ParallelStep("multi_system_update")
        .add_branch(ToolStep("update_crm").with_retry(max_attempts=3))
        .add_branch(ToolStep("update_billing").with_retry(max_attempts=3))
        .add_branch(ToolStep("update_analytics").with_retry(max_attempts=2))
        .with_failure_policy("continue_on_partial_failure")
        .with_minimum_success_count(2)
    )
    with equip(*tools.values()):
        result = await Workflow("update").add_step(robust_parallel).execute()
    assert result.status == status
    assert result.steps[0].output["failed_steps"] == len(down)


# -- X-12 ------------------------------------------------------------------------------------------------------------


@pytest.mark.capability("Q03", "P02", "A05")
async def test_each_kind_of_work_has_its_own_limit(equip: Equip) -> None:
    quick_validation, _ = recorder("quick_validation")
    heavy_computation, _ = recorder("heavy_computation")
    workflow = (
        WorkflowBuilder("data_processing")
        .add_step(ToolStep("quick_validation").with_timeout(10))
        .add_step(ToolStep("heavy_computation").with_timeout(300))
        .add_step(AgentStep("human_review").with_timeout(3600))
        .build()
    )
    assert [step.timeout for step in workflow.to_workflow().spec.steps] == [10, 300, 3600]
    with equip(quick_validation, heavy_computation, agents=(agent("human_review"),)):
        result = await workflow.execute()
    assert result.is_success


# -- X-13 ------------------------------------------------------------------------------------------------------------


@pytest.mark.capability("A11", "A24", "O11", "O12", "Q04", "M08")
async def test_the_detailed_logger_is_told_of_every_step(equip: Equip) -> None:
    logger = structlog.get_logger()

    class DetailedWorkflowLogger(WorkflowLogger):
        def log_step_start(self, step_name: str, state: Any) -> None:
            logger.info(
                f"Starting step: {step_name}",
                workflow_id=state.workflow_id,
                step_name=step_name,
                state_keys=list(state.data.keys()),
            )

        def log_step_complete(self, step_name: str, result: Any, duration_ms: float) -> None:
            logger.info(
                f"Completed step: {step_name}", step_name=step_name, duration_ms=duration_ms, success=result.success
            )

    first, _ = recorder("first", lambda **given: {"found": 1})
    second, _ = recorder("second", boom)
    workflow = (
        WorkflowBuilder("logged_workflow")
        .add_step(ToolStep("first", first))
        .add_step(ConditionalStep("check", lambda state: True, ToolStep("second", second)))
        .add_step(ToolStep("third", first))
        .with_logger(DetailedWorkflowLogger())
        .build()
    )
    with equip(), capture_logs() as lines:
        result = await workflow.execute(WorkflowContext("run_1", initial_data={"given": 0}))
    assert result.status == "failed"
    told = [line for line in lines if "step: " in line["event"]]
    assert [line["event"] for line in told] == [
        "Starting step: first",
        "Completed step: first",
        "Starting step: check",
        "Starting step: second",
        "Completed step: second",
        "Completed step: check",
    ]
    assert told[2]["workflow_id"] == "logged_workflow" and told[2]["state_keys"] == ["given", "found"]
    assert [line["success"] for line in told if "success" in line] == [True, False, False]
    assert all(line["duration_ms"] >= 0 for line in told if "duration_ms" in line)


async def test_the_printed_workflow_without_steps_completes(equip: Equip) -> None:
    with equip():
        result = await WorkflowBuilder("logged_workflow").with_logger(WorkflowLogger()).build().execute()
    assert (result.status, result.steps, result.success_rate) == ("completed", [], 100.0)
