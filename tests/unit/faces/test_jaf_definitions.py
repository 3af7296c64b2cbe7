"""What JAF steps compile to: the one model, the digest other ways to write it give, sentences for what is wrong."""

from collections.abc import Callable
from typing import Any

import pytest

from agents import Agent, Tool
from graphs import builder
from graphs.errors import BatonError
from graphs.spec import Step
from graphs.spec import Workflow as Definition
from orchestrator.faces.handler import step_types
from orchestrator.faces.jaf import (
    AgentStep,
    ConditionalStep,
    LoopStep,
    ParallelStep,
    ToolStep,
    Workflow,
    WorkflowBuilder,
    WorkflowContext,
    WorkflowStep,
)
from orchestrator.faces.running import all_steps, check, known_step_types


def compiled(step: WorkflowStep) -> Step:
    return Workflow("one").add_step(step).to_workflow().spec.steps[0]


@pytest.mark.capability("A05", "C05", "X30")
def test_with_names_in_place_of_objects_it_is_the_definition_another_face_gives() -> None:
    jaf = (
        WorkflowBuilder("customer_onboarding", "Customer Onboarding")
        .description("Welcomes a customer")
        .add_agent_step("welcome", "welcome_agent", "Welcome {{ vars.customer_email }}")
        .add_tool_step("create_account", "account_tool", {"type": "standard"})
        .build()
        .to_workflow()
    )
    own = (
        builder.workflow(
            "customer_onboarding", description="Welcomes a customer", labels={"title": "Customer Onboarding"}
        )
        .agent(
            "welcome",
            "welcome_agent",
            "Welcome {{ vars.customer_email }}",
            variables={"welcome": "{{ output.structured | default(output.answer) }}"},
        )
        .tool("create_account", "account_tool", {"type": "standard"}, variables="merge", depends_on="welcome")
        .build()
    )
    assert jaf.as_document() == own.as_document() and jaf.digest == own.digest
    assert jaf.callables() == ()


@pytest.mark.capability("X01")
@pytest.mark.parametrize(
    ("retry", "attempts"), [(((3,), {}), 4), (((), {"max_retries": 3}), 4), (((), {"max_attempts": 3}), 3)]
)
def test_retries_are_counted_as_they_are_called(retry: Any, attempts: int) -> None:
    arguments, keywords = retry
    step = compiled(ToolStep("act").with_retry(*arguments, **keywords))
    assert step.retry is not None and step.retry.max_attempts == attempts
    assert "validation" not in step.retry.retry_on and "logic" in step.retry.retry_on


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: ToolStep("act").with_retry(3, max_attempts=3),
            "step 'act': give with_retry either max_retries or max_attempts. "
            "Attempts count the first try too: max_attempts is max_retries + 1.",
        ),
        (
            lambda: ToolStep("act").with_retry(),
            "step 'act': give with_retry either max_retries or max_attempts. "
            "Attempts count the first try too: max_attempts is max_retries + 1.",
        ),
        (lambda: ToolStep("act").with_retry(max_attempts=0), "step 'act': it is tried once at least."),
        (
            lambda: compiled(ConditionalStep("check").if_true(ToolStep("act"))),
            "conditional step 'check' has no condition. Give it both: .condition(lambda state: …).if_true(step).",
        ),
        (
            lambda: compiled(ConditionalStep("check").condition(lambda state: True)),
            "conditional step 'check' has no step to run. Give it both: .condition(lambda state: …).if_true(step).",
        ),
        (
            lambda: compiled(LoopStep("again", ToolStep("act"))),
            "loop step 'again' has no condition. "
            "Give it both: LoopStep(id, step, condition=lambda context, iteration: …).",
        ),
        (
            lambda: ParallelStep("all").with_failure_policy("continue_on_failure"),
            "parallel step 'all': there is no failure policy 'continue_on_failure'. "
            "Known: continue, stop, cancel, fail_fast, continue_on_partial_failure.",
        ),
        (
            lambda: compiled(ToolStep("look up")),
            "step 'look up', name: 'look up' cannot be a name. A name begins with a letter or '_' and goes on with "
            "letters, digits, '_' and '-', 128 characters at most.",
        ),
    ],
)
def test_what_is_wrong_is_a_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(BatonError) as caught:
        make()
    assert str(caught.value) == sentence


def test_steps_of_one_name_are_refused_before_anything_runs() -> None:
    twice = Workflow("twice").add_step(ToolStep("act")).add_step(ToolStep("act"))
    with pytest.raises(BatonError, match="'act'"):
        check(twice.to_workflow(), known_step_types())


@pytest.mark.capability("X31", "A20")
def test_steps_inside_inherit_retries() -> None:
    own = ToolStep("own").with_retry(1).with_timeout(5)
    group = ParallelStep("group", [ToolStep("plain"), ConditionalStep("maybe", lambda state: True, own)])
    step = compiled(group.with_retry(4).with_timeout(60))
    assert step.retry is None and step.timeout == 60
    limits = {one.name: (one.retry and one.retry.max_attempts, one.timeout) for one in all_steps(step.steps)}
    assert limits == {"plain": (5, None), "maybe": (None, None), "own": (2, 5.0)}


def test_conditions_add_up() -> None:
    step = compiled(ToolStep("act").add_condition(lambda state: state["a"]).add_condition(lambda state: state["b"]))
    holds = step.condition.function
    assert holds({"a": 1, "b": "yes"}) is True
    assert holds({"a": 1, "b": ""}) is False


@pytest.mark.capability("X02", "M08")
def test_the_context_is_one_mapping_over_both_shapes() -> None:
    context = WorkflowContext("run", variables={"a": 2, "b": 3}, initial_data={"a": 1, "c": 4})
    assert dict(context) == context.data == {"a": 2, "b": 3, "c": 4}
    assert context["a"] == 2 and context.get("d", "none") == "none" and len(context) == 3


@pytest.mark.capability("D18")
@pytest.mark.parametrize(("priority", "number"), [("high", 10), ("Normal", 0), (7, 7), (None, 0), ("vip", 0)])
def test_priorities_may_be_words(priority: Any, number: int) -> None:
    assert WorkflowContext(metadata={"priority": priority}).as_start().priority == number


def over(limit: int) -> Definition:
    step = ToolStep("act").add_condition(lambda state: state["amount"] > limit)
    return Workflow("limits").add_step(step).to_workflow()


def test_what_a_lambda_has_captured_is_part_of_the_definition() -> None:
    assert over(10).digest == over(10).digest
    assert over(10).digest != over(20).digest


def test_an_agents_form_gives_variables_of_their_own() -> None:
    judge = Agent(name="judge", output_schema={"properties": {"order_valid": {"type": "boolean"}}})
    assert compiled(AgentStep("judge", judge, "Is it?")).variables == {
        "order_valid": "{{ output.structured['order_valid'] | default(none) }}",
        "judge": "{{ output.structured | default(output.answer) }}",
    }


def test_tools_may_be_given_as_objects_which_yaml_cannot_hold() -> None:
    mail = Tool(name="mail", description="Sends mail", function=lambda to: {"to": to})
    definition = Workflow("mail").add_step(ToolStep("send", mail, {"to": "a@example.com"})).to_workflow()
    assert definition.callables() == ("spec.steps[0].config.tool.function",)
    check(definition, known_step_types())


def test_a_loop_may_have_several_steps() -> None:
    step = compiled(LoopStep("again", [ToolStep("a"), ToolStep("b")], until=lambda state, iteration: iteration > 2))
    assert [one.name for one in step.steps] == ["a", "b"] and set(step.config) == {
        "until",
        "max_iterations",
        "on_limit",
    }


def test_a_branch_may_be_a_list() -> None:
    step = compiled(ParallelStep("both").add_branch([ToolStep("a"), ToolStep("b")]).add_branch([ToolStep("c")]))
    assert {name: [one.name for one in steps] for name, steps in step.branches.items()} == {
        "branch_0": ["a", "b"],
        "branch_1": ["c"],
    }


def test_the_faces_step_types_are_offered() -> None:
    offered = {kind.name for kind in step_types()}
    assert offered == {"error_handler", "tool_with_handler", "agent_with_handler"}
    assert offered <= set(known_step_types())


def test_an_error_handler_in_yaml_is_refused() -> None:
    written = builder.workflow("w").step("act", on_failure=builder.step("ask", "error_handler", {"handler": "me"}))
    with pytest.raises(BatonError) as caught:
        check(written.build(), known_step_types())
    assert "asks a handler, which only Python can give." in str(caught.value)


def test_a_context_starts_under_its_own_name() -> None:
    start = WorkflowContext("order_12345", metadata={"source": "web"}).as_start()
    assert start.metadata == {"workflow_id": "order_12345", "source": "web"}
