"""The patterns one by one, on the real engine and a real database."""

# ruff: noqa: A002 - `input` is the document's word

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from graphs.errors import BatonError
from orchestrator.engine import Orchestrator
from orchestrator.faces.patterns import (
    CompensableWorkflow,
    ComplexWorkflow,
    ConditionalWorkflow,
    LLMRoutingWorkflow,
    ParallelExecutionFailed,
    ParallelWorkflow,
    RetryableStep,
    SequentialWorkflow,
    WaitForApproval,
    WorkflowPhase,
    WorkflowStep,
    WorkflowStepFailed,
)
from orchestrator.faces.running import Means, check, known_step_types
from orchestrator.settings import Settings
from tests.unit.faces.pieces import Client, Fail, Mark, by_model

# -- sequential ------------------------------------------------------------------------------------------------------


@pytest.mark.capability("A40", "F01", "X23")
async def test_each_step_is_given_what_the_one_before_gave() -> None:
    workflow = SequentialWorkflow("three").add_step(Mark("a")).add_step(Mark("b")).add_step(Mark("c"))
    assert await workflow.execute({"id": 1}) == {"id": 1, "trail": ["a", "b", "c"]}


async def test_sequences_stand_in_sequences() -> None:
    inner = SequentialWorkflow("inner").add_step(Mark("b")).add_step(SequentialWorkflow("deep").add_step(Mark("c")))
    workflow = SequentialWorkflow("outer").add_step(Mark("a")).add_step(inner).add_step(Mark("d"))
    assert await workflow.execute({}) == {"trail": ["a", "b", "c", "d"]}
    assert [step.type for step in workflow.to_workflow().spec.steps] == ["function", "sequence", "function"]


@pytest.mark.parametrize("empty", [SequentialWorkflow("none"), ConditionalWorkflow("c").add_default([])])
async def test_nothing_to_do_gives_what_was_given(empty: Any) -> None:
    assert await empty.execute({"id": 1}) == {"id": 1}
    assert await SequentialWorkflow("around").add_step(empty).add_step(Mark("a")).execute({}) == {"trail": ["a"]}


@pytest.mark.capability("A40", "A47")
async def test_a_failing_step_is_named_with_its_cause() -> None:
    failing = Fail(ValueError("no such document"), name="Classify")
    log: list[str] = []
    workflow = SequentialWorkflow("w").add_step(Mark("a", log)).add_step(failing).add_step(Mark("b", log))
    with pytest.raises(WorkflowStepFailed) as caught:
        await workflow.execute({})
    assert str(caught.value) == "step 'Classify' failed: ValueError: no such document."
    assert caught.value.step is failing and isinstance(caught.value.__cause__, ValueError)
    assert log == ["a"]


@pytest.mark.capability("ST6")
async def test_a_step_may_say_that_it_failed() -> None:
    class Soft(WorkflowStep):
        async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
            self.failed = True
            return {"partly": True}

    soft = Soft()
    with pytest.raises(WorkflowStepFailed) as caught:
        await SequentialWorkflow("w").add_step(soft).execute({})
    assert caught.value.step is soft and caught.value.output == {"partly": True}
    assert str(caught.value) == "step 'Soft' failed: it says so itself."
    assert soft.failed is False, "what one run says of itself is not seen by others"


@pytest.mark.capability("M18")
async def test_runs_of_one_step_object_do_not_see_each_others_flags() -> None:
    both = asyncio.Barrier(2)

    class Sometimes(WorkflowStep):
        async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
            self.failed = input["id"] == 1
            await both.wait()
            return input

    workflow = SequentialWorkflow("w").add_step(Sometimes())
    first, second = await asyncio.gather(
        workflow.execute({"id": 1}), workflow.execute({"id": 2}), return_exceptions=True
    )
    assert isinstance(first, WorkflowStepFailed) and second == {"id": 2}


@pytest.mark.capability("M18", "T17")
def test_patterns_tell_what_they_are_made_of() -> None:
    """Under the names of the chapter; a step's id is its name unless it is given another."""
    first, second, undo = Mark("first"), Mark("second"), Mark("undo")
    second.id = "2nd"
    sequential = SequentialWorkflow("s").add_step(first).add_step(second)
    assert (sequential.name, sequential.steps, [step.id for step in sequential.steps]) == (
        "s",
        [first, second],
        ["first", "2nd"],
    )
    assert ParallelWorkflow("p").add_branch([first]).add_branch([second]).branches == [[first], [second]]
    conditional = ConditionalWorkflow("c").add_case(bool, [first]).add_default([second])
    assert (conditional.cases, conditional.default_case) == ([(bool, [first])], [second])
    assert LLMRoutingWorkflow("scripted:x").add_route("one", [first]).routes == {"one": [first]}
    compensable = CompensableWorkflow("u").add_step(first).add_step(second, undo)
    assert (compensable.steps, compensable.compensation_steps) == ([first, second], {"2nd": undo})
    assert ComplexWorkflow("x").add_phase(sequential).phases == [sequential]
    assert (first.failed, first.error, first.output) == (False, None, None)


# -- parallel --------------------------------------------------------------------------------------------------------


@pytest.mark.capability("A41", "F06", "F07")
async def test_branches_start_from_the_same_input_and_are_combined() -> None:
    workflow = ParallelWorkflow("p").add_branch([Mark("a"), Mark("b")]).add_branch([Mark("c")]).add_branch([])
    assert await workflow.execute({"id": 1}) == {
        "branch_results": {
            "branch_0": {"id": 1, "trail": ["a", "b"]},
            "branch_1": {"id": 1, "trail": ["c"]},
            "branch_2": {"id": 1},
        }
    }


@pytest.mark.capability("F11", "Q05", "P06")
async def test_no_more_branches_are_at_work_than_may_be() -> None:
    at_work, most = 0, 0

    class Counted(WorkflowStep):
        async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
            nonlocal at_work, most
            at_work += 1
            most = max(most, at_work)
            await asyncio.sleep(0.01)
            at_work -= 1
            return input

    workflow = ParallelWorkflow("p", max_concurrency=2)
    for number in range(6):
        workflow.add_branch([Counted(f"c{number}")])
    await workflow.execute({})
    assert most == 2


@pytest.mark.capability("A41", "A47")
async def test_all_branches_come_to_their_end_and_each_failure_is_told() -> None:
    log: list[str] = []
    workflow = (
        ParallelWorkflow("p")
        .add_branch([Fail(ValueError("one"), name="first")])
        .add_branch([Mark("a", log), Mark("b", log)])
        .add_branch([Mark("c"), Fail(KeyError("two"), name="second")])
    )
    with pytest.raises(ParallelExecutionFailed) as caught:
        await workflow.execute({})
    assert [str(error) for error in caught.value.errors] == [
        "step 'first' failed: ValueError: one.",
        "step 'second' failed: KeyError: 'two'.",
    ]
    assert str(caught.value).startswith("2 branches failed: step 'first' failed")
    assert log == ["a", "b"]


async def test_results_may_be_combined_in_another_way() -> None:
    class Merged(ParallelWorkflow):
        def _combine_results(self, results: list[dict[str, Any]]) -> dict[str, Any]:
            return {"trail": sorted(name for result in results for name in result["trail"])}

    merged = Merged("m").add_branch([Mark("b")]).add_branch([Mark("a")])
    assert await SequentialWorkflow("s").add_step(merged).add_step(Mark("c")).execute({}) == {"trail": ["a", "b", "c"]}


# -- phases ----------------------------------------------------------------------------------------------------------


@pytest.mark.capability("A46", "F25", "F24", "X23")
async def test_any_pattern_is_a_phase() -> None:
    phases: list[WorkflowPhase] = [
        Mark("step"),
        SequentialWorkflow("sequence").add_step(Mark("one")),
        ConditionalWorkflow("choice").add_case(lambda state: True, [Mark("two")]),
        by_model(Client("billing")),
        RetryableStep(Mark("again")),
        CompensableWorkflow("saga").add_step(Mark("three"), Mark("undo")),
        ParallelWorkflow("both").add_branch([Mark("four")]),
    ]
    workflow = ComplexWorkflow("all")
    for phase in phases:
        workflow.add_phase(phase)
    result = await workflow.execute({})
    assert result["branch_results"]["branch_0"]["trail"] == [
        "step", "one", "two", "billed", "again", "three", "four",
    ]  # fmt: skip


class NoSuccess(WorkflowStep):
    async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
        return {"success": False, "why": "too little data"}


async def test_a_phase_without_success_fails_the_workflow() -> None:
    with pytest.raises(WorkflowStepFailed, match="step 'NoSuccess' failed") as caught:
        await ComplexWorkflow().add_phase(NoSuccess()).add_phase(Mark("after")).execute({})
    assert caught.value.output == {"success": False, "why": "too little data"}


async def test_or_goes_to_ones_own_handler() -> None:
    class Patient(ComplexWorkflow):
        async def _handle_phase_failure(self, phase: WorkflowPhase, output: dict[str, Any]) -> dict[str, Any] | None:
            return {"handled": phase.name, **output}

    result = await Patient().add_phase(NoSuccess()).add_phase(Mark("after")).execute({})
    assert result == {"handled": "NoSuccess", "success": False, "why": "too little data", "trail": ["after"]}


# -- people ----------------------------------------------------------------------------------------------------------


@pytest.mark.capability("T14", "I08")
@pytest.mark.parametrize(
    ("decision", "data", "result"),
    [
        ("approve", None, {"amount": 5, "by": "sol"}),
        ("edit", {"amount": 3}, {"amount": 3, "by": "sol"}),
    ],
)
async def test_what_a_person_let_through_goes_on(decision: Any, data: Any, result: Any, tmp_path: Any) -> None:
    class Process(WorkflowStep):
        async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
            return {"amount": input["amount"], "by": input["approval"]["by"]}

    workflow = SequentialWorkflow("w").add_step(WaitForApproval()).add_step(Process())
    settings = Settings(database=tmp_path / "baton.db", synchronous="off", log_level="error")
    async with Orchestrator.open(settings, step_types=known_step_types()) as baton:
        carried = asyncio.ensure_future(workflow.execute({"amount": 5}, means=Means(baton=baton)))
        waiting = await opened_wait(baton)
        assert waiting.wait.question["payload"] == {"amount": 5}
        await baton.decide(waiting.execution_id, waiting.path, decision, by="sol", data=data)
        assert await carried == result


async def test_a_rejection_is_a_failure_unless_it_may_go_on(tmp_path: Any) -> None:
    settings = Settings(database=tmp_path / "baton.db", synchronous="off", log_level="error")
    async with Orchestrator.open(settings, step_types=known_step_types()) as baton:
        carried = asyncio.ensure_future(WaitForApproval().execute({"amount": 5}, means=Means(baton=baton)))
        waiting = await opened_wait(baton)
        await baton.decide(waiting.execution_id, waiting.path, "reject", by="sol", reason="too much")
        with pytest.raises(WorkflowStepFailed, match=r"was rejected by sol: too much\."):
            await carried
        going_on = WaitForApproval(on_reject="continue")
        carried = asyncio.ensure_future(going_on.execute({"amount": 5}, means=Means(baton=baton)))
        waiting = await opened_wait(baton)
        await baton.decide(waiting.execution_id, waiting.path, "reject", by="sol")
        answer = await carried
    assert answer["amount"] == 5 and answer["approval"]["approved"] is False


async def opened_wait(baton: Orchestrator) -> Any:
    """The approval that somebody waits for, once there is one."""
    async for record in baton.watch():
        if record.kind == "step.waiting":
            break
    (waiting,) = await baton.waits()
    return waiting


# -- definitions -----------------------------------------------------------------------------------------------------


def test_equal_patterns_give_equal_definitions() -> None:
    def build(threshold: float) -> SequentialWorkflow:
        choice = ConditionalWorkflow("c").add_case(lambda state: state["confidence"] > threshold, [Mark("a")])
        return SequentialWorkflow("s").add_step(choice)

    assert build(0.7).to_workflow().digest == build(0.7).to_workflow().digest
    assert build(0.7).to_workflow().digest != build(0.9).to_workflow().digest


def test_names_are_made_to_fit_and_to_be_different() -> None:
    workflow = SequentialWorkflow("Document ingestion").add_step(Mark("Look up")).add_step(Mark("Look up"))
    definition = workflow.add_step(
        ConditionalWorkflow("1st").add_case(lambda state: True, [Mark("Look up")])
    ).to_workflow()
    assert definition.name == "Document_ingestion"
    assert [step.name for step in definition.spec.steps] == ["Look_up", "Look_up_2", "_1st", "workflow_output"]
    check(definition, known_step_types())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: ParallelWorkflow("p").to_workflow(),
            "ParallelWorkflow 'p' has no branches. Give it some: .add_branch([step, …]).",
        ),
        (
            lambda: ConditionalWorkflow("c").to_workflow(),
            "ConditionalWorkflow 'c' has no cases. Give it some: .add_case(condition, [step, …]).",
        ),
        (
            lambda: LLMRoutingWorkflow(Client()).to_workflow(),
            "LLMRoutingWorkflow 'LLMRouting' has no routes. Give it some: .add_route('name', [step, …]).",
        ),
        (
            lambda: by_model(Client(), default_route="sales").to_workflow(),
            "LLMRoutingWorkflow 'LLMRouting': the default route 'sales' is none of billing, hand over.",
        ),
        (
            lambda: RetryableStep(Mark("a"), backoff_multiplier=0.5),
            "RetryableStep of 'a': max_retries is 3 and backoff_multiplier 0.5. "
            "Retries are counted from 0 on, and pauses do not become shorter: the least multiplier is 1.",
        ),
    ],
)
def test_what_is_wrong_is_a_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(BatonError) as caught:
        make()
    assert str(caught.value) == sentence
