"""Patterns that try again, and patterns that are undone."""

# ruff: noqa: A002 - `input` is the document's word

from typing import Any

import pytest

from orchestrator.faces.patterns import (
    CompensableWorkflow,
    CompensationError,
    ComplexWorkflow,
    MaxRetriesExceededError,
    ParallelWorkflow,
    RetryableError,
    RetryableStep,
    SequentialWorkflow,
    WorkflowStep,
    WorkflowStepFailed,
)
from tests.unit.faces.conftest import Equip, PromptClock
from tests.unit.faces.pieces import Fail, Mark

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
