"""X-3 to X-8, and streaming: the small examples of the JAF document, on the real engine and a real database."""

import asyncio
from typing import Any

import pytest

from agents import Agent, Call, Models, Script, Tool, Turn
from orchestrator.faces.jaf import (
    AgentStep,
    ConditionalStep,
    LoopStep,
    ParallelStep,
    ToolStep,
    Workflow,
    WorkflowBuilder,
    WorkflowContext,
    WorkflowEngine,
    execute_workflow_stream,
)
from tests.unit.faces.conftest import Equip, scripted
from tests.unit.faces.jaf_parts import agent, boom, instructions, recorder

# -- X-3 -------------------------------------------------------------------------------------------------------------

ONBOARDING = WorkflowContext(
    workflow_id="onboarding_001",
    user_context={"customer_id": "cust_12345"},
    variables={"customer_email": "john@example.com", "verification_status": "pending"},
    metadata={"started_by": "system", "priority": "high"},
)


@pytest.mark.capability("A01", "A02", "A03", "A06", "A07", "A13", "A25", "C04", "D18", "D19", "O13", "O24")
async def test_customer_onboarding(equip: Equip) -> None:
    account_tool, accounts = recorder("account_tool", lambda **given: {"account_id": "acc_1", **given})
    welcome_agent = agent("welcome_agent")
    workflow = (
        WorkflowBuilder("customer_onboarding", "Customer Onboarding")
        .add_agent_step("welcome", welcome_agent, "Welcome new customer")
        .add_tool_step("create_account", account_tool, {"type": "standard"})
        .build()
    )
    with equip(models=scripted(Welcome_new_customer="Welcome, John!")):
        result = await workflow.execute(ONBOARDING)
    assert result.status == "completed"
    assert result.total_execution_time_ms > 0
    assert len(result.steps) == 2
    assert result.success_rate == 100.0
    assert accounts == [{"type": "standard"}]
    assert [step.output for step in result.steps] == [
        "Welcome, John!",
        {"account_id": "acc_1", "type": "standard"},
    ]
    assert result.context.variables == {
        "customer_email": "john@example.com",
        "verification_status": "pending",
        "welcome": "Welcome, John!",
        "account_id": "acc_1",
        "type": "standard",
    }
    assert result.context.user_context == {"customer_id": "cust_12345"}


@pytest.mark.capability("A01", "A02")
async def test_the_same_workflow_step_by_step(equip: Equip) -> None:
    account_tool, _ = recorder("account_tool")
    welcome_agent = agent("welcome_agent")
    workflow = Workflow(
        workflow_id="customer_onboarding",
        name="Customer Onboarding Process",
        description="Complete customer onboarding workflow",
    )
    workflow.add_step(AgentStep("welcome_step", welcome_agent, "Welcome new customer"))
    workflow.add_step(ToolStep("create_account", account_tool, {"type": "standard"}))
    definition = workflow.to_workflow()
    assert definition.name == "customer_onboarding"
    assert definition.metadata.labels == {"title": "Customer Onboarding Process"}
    assert definition.metadata.description == "Complete customer onboarding workflow"
    assert [need.step for need in definition.spec.steps[1].depends_on] == ["welcome_step"]
    with equip():
        result = await workflow.execute(ONBOARDING)
    assert result.is_success and result.workflow_id == "onboarding_001"


# -- X-4, X-5 --------------------------------------------------------------------------------------------------------


@pytest.mark.capability("A16", "A21", "A22", "A23", "F15")
@pytest.mark.parametrize(("priority", "status"), [("high", "completed"), ("low", "skipped")])
async def test_the_billing_inquiry_is_handled_when_it_is_urgent(priority: str, status: str, equip: Equip) -> None:
    agent_step = AgentStep(
        step_id="customer_service",
        agent=Agent(name="CustomerServiceAgent", instructions=instructions, tools=[]),
        message="Handle customer inquiry about billing",
    )
    agent_step.with_timeout(60).with_retry(3)
    agent_step.add_condition(lambda context: context.variables.get("priority") == "high")
    with equip():
        result = (
            await Workflow("service", "Service")
            .add_step(agent_step)
            .execute(WorkflowContext("c1", variables={"priority": priority}))
        )
    assert result.status == "completed"
    assert [step.status for step in result.steps] == [status]
    step = agent_step_of(agent_step)
    assert step.timeout == 60 and step.retry.max_attempts == 4


def agent_step_of(step: Any) -> Any:
    return Workflow("one").add_step(step).to_workflow().spec.steps[0]


@pytest.mark.capability("A17", "A25")
async def test_the_welcome_email(equip: Equip) -> None:
    email_tool, mails = recorder("send_email", lambda **given: {"sent": True})
    args = {"to": "customer@example.com", "subject": "Welcome to our service", "template": "welcome_email"}
    tool_step = ToolStep(step_id="send_welcome_email", tool=email_tool, args=args)
    tool_step.with_timeout(30).with_retry(2)
    with equip():
        result = await Workflow("mail").add_step(tool_step).execute()
    assert result.is_success and mails == [args]
    assert agent_step_of(tool_step).retry.max_attempts == 3


# -- X-6 -------------------------------------------------------------------------------------------------------------


@pytest.mark.capability("A18", "F13", "P13")
@pytest.mark.parametrize(
    ("amount", "output"),
    [(1500, "A person should look at it."), (1000, {"approved": True}), (None, {"approved": True})],
)
async def test_the_payment_check(amount: int | None, output: Any, equip: Equip) -> None:
    auto_approve_tool, _ = recorder("auto_approve", lambda auto_approve: {"approved": auto_approve})
    high_value_agent = agent("high_value_agent")
    conditional_step = ConditionalStep(
        step_id="payment_check",
        condition=lambda context: context.variables.get("payment_amount", 0) > 1000,
        true_step=AgentStep("approval", high_value_agent, "Review high-value transaction"),
        false_step=ToolStep("auto_approve", auto_approve_tool, {"auto_approve": True}),
    )
    variables = {} if amount is None else {"payment_amount": amount}
    with equip(models=scripted(Review="A person should look at it.")):
        result = await Workflow("payments").add_step(conditional_step).execute(WorkflowContext(variables=variables))
    assert result.steps[0].output == output


# -- X-7 -------------------------------------------------------------------------------------------------------------


@pytest.mark.capability("A19", "F05", "F12")
async def test_the_customer_setup(equip: Equip) -> None:
    database_tool, _ = recorder("database", lambda table: {"record_id": 7})
    email_tool, _ = recorder("email", lambda template: {"mailed": template})
    manager_agent = agent("manager_agent")
    parallel_step = ParallelStep(
        step_id="customer_setup",
        steps=[
            ToolStep("create_record", database_tool, {"table": "customers"}),
            ToolStep("send_email", email_tool, {"template": "welcome"}),
            AgentStep("assign_manager", manager_agent, "Assign account manager"),
        ],
        wait_for_all=True,
    )
    parallel_step.with_timeout(120)
    with equip(models=scripted(Assign="Ms. Sol")):
        result = await Workflow("setup").add_step(parallel_step).execute()
    assert result.is_success
    assert result.context.variables == {"record_id": 7, "mailed": "welcome", "assign_manager": "Ms. Sol"}
    assert result.steps[0].output["successful_steps"] == 3


@pytest.mark.capability("A21", "E07", "Q07")
async def test_a_group_that_takes_too_long_is_stopped(equip: Equip) -> None:
    async def hangs() -> None:
        await asyncio.Event().wait()

    slow = ToolStep("slow", Tool(name="slow", description="Hangs", function=hangs))
    with equip():
        result = await Workflow("w").add_step(ParallelStep("group", [slow]).with_timeout(0.05)).execute()
    assert result.status == "timed_out"
    assert result.steps[0].error == "timeout: step 'group' took longer than its 0.05 s."


# -- X-8 -------------------------------------------------------------------------------------------------------------


@pytest.mark.capability("A20", "F19", "F20", "F21", "X31", "P08")
@pytest.mark.parametrize(("orders", "done"), [(3, 3), (0, 0), (12, 10)])
async def test_the_orders_are_processed_one_by_one(orders: int, done: int, equip: Equip) -> None:
    processing_tool, calls = recorder("processing", lambda order: {"last_order": order})
    process_step = ToolStep("process_item", processing_tool).with_params_function(
        lambda state: {"order": state["orders"][state["index"]]}
    )
    loop_step = LoopStep(
        step_id="process_orders",
        step=process_step,
        condition=lambda context, iteration: iteration < len(context.variables.get("orders", [])),
        max_iterations=10,
    )
    loop_step.with_timeout(300)
    numbers = [f"A-{number}" for number in range(orders)]
    with equip():
        result = await Workflow("orders").add_step(loop_step).execute(WorkflowContext(variables={"orders": numbers}))
    assert result.is_success
    assert [call["order"] for call in calls] == numbers[:done]
    assert result.steps[0].output == [{"last_order": number} for number in numbers[:done]]


@pytest.mark.capability("X31")
async def test_a_loop_over_items_knows_the_current_one(equip: Equip) -> None:
    processing_tool, calls = recorder("processing", lambda order, number: {"total": number})
    step = ToolStep("process_item", processing_tool).with_params_function(
        lambda state: {"order": state["order"], "number": state["index"]}
    )
    loop = LoopStep("all", step, items=lambda state: state["orders"], item_name="order")
    with equip():
        await Workflow("orders").add_step(loop).execute(WorkflowContext(initial_data={"orders": ["a", "b"]}))
    assert calls == [{"order": "a", "number": 0}, {"order": "b", "number": 1}]


async def test_a_loop_sees_what_its_steps_have_set(equip: Equip) -> None:
    counting, calls = recorder("count", lambda left: {"left": left - 1})
    step = ToolStep("count", counting).with_params_function(lambda state: {"left": state["left"]})
    loop = LoopStep("down", step, lambda state, iteration: state["left"] > 0)
    with equip():
        result = await Workflow("count").add_step(loop).execute(WorkflowContext(variables={"left": 3}))
    assert [call["left"] for call in calls] == [3, 2, 1]
    assert result.context.variables["left"] == 0


# -- streaming -------------------------------------------------------------------------------------------------------


@pytest.mark.capability("A15", "O02", "ST6")
async def test_the_stream_tells_success_and_failure(equip: Equip) -> None:
    good, _ = recorder("good", lambda: {"ok": 1})
    bad, _ = recorder("bad", boom)
    workflow = Workflow("streamed").add_step(ToolStep("good", good)).add_step(ToolStep("bad", bad))
    workflow.add_step(ToolStep("never", good))
    with equip():
        seen = [step async for step in execute_workflow_stream(workflow, WorkflowContext())]
    assert [(step.step_id, step.status) for step in seen] == [
        ("good", "completed"),
        ("bad", "failed"),
        ("never", "skipped"),
    ]
    assert seen[0].is_success and seen[0].success and seen[0].output == {"ok": 1}
    assert seen[1].is_failure and seen[1].error == "logic: ValueError: boom" and seen[1].execution_time_ms >= 0


@pytest.mark.capability("I05", "I06")
async def test_an_agent_may_use_tools(equip: Equip) -> None:
    look_up, calls = recorder("look_up", lambda **given: {"balance": 12})
    script = Script("clerk", turns=(Turn(calls=(Call("look_up", {"customer": "c1"}),)), Turn("It is 12.")))
    clerk = Agent(name="clerk", instructions=instructions, tools=(look_up,), model="scripted:clerk")
    with equip(models=Models(allow_real=False, scripts=[script])):
        result = await WorkflowEngine().execute_workflow(
            WorkflowBuilder("clerk").add_agent_step("ask", clerk, "What is the balance?").build(), WorkflowContext()
        )
    assert result.steps[0].output == "It is 12." and len(calls) == 1
