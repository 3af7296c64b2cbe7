"""The patterns one by one, on the real engine and a real database."""

# ruff: noqa: A002 - `input` is the document's word

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from graphs.errors import BatonError
from orchestrator.engine import Orchestrator
from orchestrator.faces.patterns import (
    CompensableWorkflow,
    CompensationError,
    ComplexWorkflow,
    ConditionalWorkflow,
    InvalidRouteError,
    LLMRoutingWorkflow,
    MaxRetriesExceededError,
    NoMatchingCaseError,
    ParallelExecutionFailed,
    ParallelWorkflow,
    RetryableError,
    RetryableStep,
    SequentialWorkflow,
    WaitForApproval,
    WorkflowPhase,
    WorkflowStep,
    WorkflowStepFailed,
)
from orchestrator.faces.running import Means, check, known_step_types
from orchestrator.settings import Settings
from tests.unit.faces.conftest import Equip, PromptClock


class Mark(WorkflowStep):
    """Adds its name to the trail it is given."""

    def __init__(self, name: str, log: list[str] | None = None) -> None:
        super().__init__(name)
        self._log = log if log is not None else []

    async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
        self._log.append(self.name)
        return {**input, "trail": [*input.get("trail", []), self.name]}


class Fail(WorkflowStep):
    """Fails so often, then works."""

    def __init__(self, *errors: Exception, name: str = "Fail") -> None:
        super().__init__(name)
        self._errors = list(errors)
        self._tries = 0

    async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
        self._tries += 1
        if self._errors:
            raise self._errors.pop(0)
        return {**input, "tries": self._tries}


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


# -- conditional -----------------------------------------------------------------------------------------------------


def routed() -> ConditionalWorkflow:
    return (
        ConditionalWorkflow("routing")
        .add_case(lambda state: state.get("confidence", 0) >= 0.9, [Mark("auto"), Mark("store")])
        .add_case(lambda state: state.get("confidence", 0) >= 0.7, [])
    )


@pytest.mark.capability("A42", "F14", "X21", "D21")
@pytest.mark.parametrize(("confidence", "trail"), [(0.95, ["auto", "store"]), (0.7, []), (0.1, ["manual"])])
async def test_the_first_case_that_fits_is_taken(confidence: float, trail: list[str]) -> None:
    workflow = routed().add_default([Mark("manual")])
    given = {"confidence": confidence}
    assert await workflow.execute(given) == given | ({"trail": trail} if trail else {})


async def test_no_case_is_an_error() -> None:
    around = SequentialWorkflow("s").add_step(Mark("a")).add_step(routed())
    with pytest.raises(NoMatchingCaseError) as caught:
        await around.execute({"confidence": 0.1})
    assert str(caught.value) == "step 'routing': no case fits, and there is no default. Add a case or a 'default'."


async def test_a_case_is_asked_about_what_comes_in_not_about_the_input() -> None:
    choice = ConditionalWorkflow("c").add_case(lambda state: "a" in state["trail"], [Mark("b")])
    around = ParallelWorkflow("p").add_branch([Mark("a"), choice])
    assert (await around.execute({}))["branch_results"]["branch_0"] == {"trail": ["a", "b"]}


async def test_a_condition_that_fails_is_the_steps_failure() -> None:
    choice = ConditionalWorkflow("c").add_case(lambda state: state["nothing"], [Mark("b")])
    with pytest.raises(WorkflowStepFailed, match=r"step 'c' failed: .* raised KeyError: 'nothing'"):
        await choice.execute({})


# -- a model chooses -------------------------------------------------------------------------------------------------


class Client:
    """A client of a model that says what it is told to."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.prompts: list[str] = []

    async def complete(self, prompt: str) -> Any:
        self.prompts.append(prompt)

        class Response:
            text = self.answers.pop(0)

        return Response


def by_model(client: Any, **options: Any) -> LLMRoutingWorkflow:
    workflow = LLMRoutingWorkflow(client, **options)
    workflow.add_route("billing", [Mark("billed")]).add_route("hand over", [])
    return workflow


@pytest.mark.capability("A43", "F17", "F16")
async def test_the_model_is_shown_the_state_and_the_routes() -> None:
    client = Client("billing")
    assert await by_model(client).execute({"id": 1}) == {"id": 1, "trail": ["billed"]}
    assert client.prompts == [
        "Given the following workflow state, choose the most appropriate routing:\n"
        f"State: {json.dumps({'id': 1}, indent=2)}\n"
        "Available routes: ['billing', 'hand over']\n"
        "Respond with only the route name."
    ]


@pytest.mark.capability("X25")
@pytest.mark.parametrize("said", ["billing", " Billing.\n", "'billing'", "`BILLING`"])
async def test_a_route_may_be_said_in_another_way(said: str) -> None:
    assert await by_model(Client(said)).execute({}) == {"trail": ["billed"]}


async def test_a_model_that_names_no_route_is_asked_again() -> None:
    client = Client("I am not sure", "hand_over")
    assert await by_model(client).execute({"id": 1}) == {"id": 1}
    assert client.prompts[1].endswith(
        "'I am not sure' is none of them. Respond with exactly one of: billing, hand over"
    )


@pytest.mark.capability("A43", "A47", "X25")
async def test_a_model_that_never_names_a_route_is_an_error() -> None:
    with pytest.raises(InvalidRouteError) as caught:
        await SequentialWorkflow("s").add_step(by_model(Client(*["sales"] * 3))).execute({})
    assert str(caught.value) == (
        "LLM chose invalid route: 'sales' is none of billing, hand over. "
        "Name the routes more clearly, or give a default_route."
    )
    by_default = by_model(Client("sales"), max_reasks=0, default_route="billing")
    assert await by_default.execute({}) == {"trail": ["billed"]}


# -- retries ---------------------------------------------------------------------------------------------------------


@pytest.mark.capability("A44", "E01", "E02", "X22", "M19")
async def test_a_retryable_step_is_tried_again_with_growing_pauses(equip: Equip, clock: PromptClock) -> None:
    step = RetryableStep(Fail(*[RetryableError("busy")] * 3), max_retries=3)
    with equip():
        assert await step.execute({}) == {"tries": 4}
    assert [round(pause) for pause in clock.slept] == [1, 2, 4]


@pytest.mark.capability("A44", "A47", "T15")
async def test_the_last_error_is_told_when_retries_are_used_up(equip: Equip, clock: PromptClock) -> None:
    with equip(), pytest.raises(MaxRetriesExceededError) as caught:
        step = RetryableStep(Fail(*[RetryableError("busy")] * 9), max_retries=2)
        await SequentialWorkflow("s").add_step(step).execute({})
    assert caught.value.name == "Fail" and isinstance(caught.value.last_error, RetryableError)
    assert str(caught.value) == "step 'Fail' failed to the last attempt: busy"
    assert len(clock.slept) == 2


async def test_what_cannot_pass_is_not_retried(equip: Equip, clock: PromptClock) -> None:
    with equip(), pytest.raises(WorkflowStepFailed, match="ValueError: bad"):
        await RetryableStep(Fail(ValueError("bad"))).execute({})
    assert clock.slept == []


async def test_pauses_are_bounded(equip: Equip, clock: PromptClock) -> None:
    step = RetryableStep(Fail(*[RetryableError("busy")] * 6), max_retries=6, backoff_multiplier=10, max_delay=50)
    with equip():
        await step.execute({})
    assert max(clock.slept) <= 55


async def test_a_pattern_may_be_retryable(equip: Equip) -> None:
    inner = SequentialWorkflow("inner").add_step(Mark("a")).add_step(Fail(RetryableError("busy")))
    with equip():
        assert await RetryableStep(inner).execute({}) == {"trail": ["a"], "tries": 2}


# -- compensation ----------------------------------------------------------------------------------------------------


class Undo(WorkflowStep):
    """Notes what it is given."""

    def __init__(self, name: str, log: list[Any], error: Exception | None = None) -> None:
        super().__init__(name)
        self._log = log
        self._error = error

    async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
        self._log.append((self.name, input.get("trail")))
        if self._error is not None:
            raise self._error
        return {}


@pytest.mark.capability("A45", "E10", "E11", "E12")
async def test_what_was_done_is_undone_in_reverse_order_past_failures() -> None:
    log: list[Any] = []
    workflow = (
        CompensableWorkflow("saga")
        .add_step(Mark("a"), Undo("undo_a", log))
        .add_step(Mark("b"), Undo("undo_b", log, CompensationError("stuck")))
        .add_step(Mark("c"))
        .add_step(Fail(ValueError("no"), name="d"), Undo("undo_d", log))
    )
    with pytest.raises(WorkflowStepFailed, match="step 'd' failed: ValueError: no"):
        await workflow.execute({})
    assert log == [("undo_b", ["a", "b"]), ("undo_a", ["a"])]
    assert list(workflow.compensation_steps) == ["a", "b", "d"]


async def test_nothing_is_undone_when_all_went_well() -> None:
    log: list[Any] = []
    workflow = CompensableWorkflow("saga").add_step(Mark("a"), Undo("undo_a", log)).add_step(Mark("b"))
    assert await workflow.execute({}) == {"trail": ["a", "b"]}
    assert log == []


async def test_a_compensable_phase_is_undone_too() -> None:
    log: list[Any] = []
    saga = CompensableWorkflow("saga").add_step(Mark("a"), Undo("undo_a", log)).add_step(Mark("b"))
    workflow = ComplexWorkflow().add_phase(Mark("before")).add_phase(saga).add_phase(Fail(ValueError("no")))
    with pytest.raises(WorkflowStepFailed):
        await workflow.execute({})
    assert log == [("undo_a", ["before", "a"])]


async def test_a_pattern_can_be_undone_as_one_step() -> None:
    log: list[Any] = []
    group = ParallelWorkflow("group").add_branch([Mark("a")]).add_branch([Mark("b")])
    undoing = SequentialWorkflow("undoing").add_step(Undo("first", log)).add_step(Undo("second", log))
    workflow = CompensableWorkflow("saga").add_step(group, undoing).add_step(Fail(ValueError("no")))
    with pytest.raises(WorkflowStepFailed):
        await workflow.execute({})
    assert [name for name, _ in log] == ["first", "second"]


async def test_what_was_done_in_a_branch_is_undone_too() -> None:
    log: list[Any] = []
    saga = CompensableWorkflow("saga").add_step(Mark("a"), Undo("undo_a", log)).add_step(Mark("b"))
    group = ParallelWorkflow("group").add_branch([Mark("before"), saga]).add_branch([Mark("other")])
    workflow = SequentialWorkflow("w").add_step(group).add_step(Fail(ValueError("no")))
    with pytest.raises(WorkflowStepFailed):
        await workflow.execute({})
    assert log == [("undo_a", ["before", "a"])]


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
