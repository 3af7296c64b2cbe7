"""Error handlers written in Python: what they are told, what they may answer, what stays the same over a crash."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents import Tool
from graphs.builder import wait_for_event, workflow
from graphs.errors import InputError
from graphs.spec import Workflow as Definition
from orchestrator.engine import Orchestrator
from orchestrator.faces.answering import ESCALATION, TEAM
from orchestrator.faces.jaf import (
    ConditionalStep,
    LoopStep,
    ParallelStep,
    ToolStep,
    Workflow,
    WorkflowBuilder,
    WorkflowContext,
    WorkflowResult,
)
from orchestrator.faces.running import Means, known_step_types, using
from orchestrator.settings import Settings
from tests.unit.faces.conftest import Equip, PromptClock


class Flaky:
    """A tool that fails so often, then works."""

    def __init__(self, *failures: Exception, gives: Any = None) -> None:
        self.failures = list(failures)
        self.gives = gives if gives is not None else {"done": True}
        self.keys: list[str] = []

    async def __call__(self, context: Any) -> Any:
        self.keys.append(context.idempotency_key)
        if self.failures:
            raise self.failures.pop(0)
        return self.gives

    def step(self, step_id: str = "act") -> ToolStep:
        return ToolStep(step_id, Tool(name=step_id, description="Acts", function=self))


async def run(built: Workflow, equip: Equip, **data: Any) -> WorkflowResult:
    with equip():
        return await built.execute(WorkflowContext("run_1", initial_data=data))


# -- a step's handler ------------------------------------------------------------------------------------------------


async def test_the_handler_is_told_of_the_failure_and_the_context(equip: Equip) -> None:
    told: list[Any] = []

    def handler(step_result: Any, context: Any) -> Any:
        told.append((step_result, context))
        return Flaky().step("instead")

    before = Flaky(gives={"seen": 1}).step("before")
    built = Workflow("told").add_step(before).add_step(Flaky(ValueError("no")).step())
    result = await run(built.add_error_handler("act", handler), equip, order="A-1")
    assert result.is_success
    ((failed, context),) = told
    assert (failed.step_id, failed.status, failed.error, failed.attempts) == (
        "act",
        "failed",
        "logic: ValueError: no",
        1,
    )
    assert failed.is_failure and not failed.success
    assert context["order"] == "A-1" and context.variables == {"seen": 1} and context.workflow_id == "run_1"


@pytest.mark.capability("A04", "E15")
@pytest.mark.parametrize(
    ("answer", "statuses", "status"),
    [
        ({"action": "continue"}, ["failed", "completed"], "completed"),
        ({"action": "fail", "ticket": 7}, ["failed", "skipped"], "failed"),
        (None, ["failed", "skipped"], "failed"),
    ],
)
async def test_the_handler_may_answer_with_an_action(
    answer: Any, statuses: list[str], status: str, equip: Equip
) -> None:
    built = Workflow("acts").add_step(Flaky(ValueError("no")).step()).add_step(Flaky().step("after"))
    result = await run(built.add_error_handler("act", lambda step_result, context: answer), equip)
    assert [step.status for step in result.steps] == statuses
    assert result.status == status


@pytest.mark.parametrize(
    ("handler", "sentence"),
    [
        (
            lambda step_result, context: {"action": "retry"},
            "the error handler of step 'act' gave {'action': 'retry'}. It gives a step to run in its place, or "
            "{'action': 'fail'} or {'action': 'continue'}. To try the same step again, use with_retry, or the "
            "workflow's error handler.",
        ),
        (
            lambda step_result, context: context["nothing"],
            "test_a_handler_that_is_no_use_is_a_failure_of_the_step.<lambda> raised KeyError: 'nothing'.",
        ),
        (
            lambda step_result, context: asyncio.sleep(0),
            "test_a_handler_that_is_no_use_is_a_failure_of_the_step.<lambda> is asynchronous, and it is asked where "
            "nothing can be waited for. Make it an ordinary function; what takes time belongs into a step.",
        ),
    ],
)
async def test_a_handler_that_is_no_use_is_a_failure_of_the_step(
    handler: Callable[..., Any], sentence: str, equip: Equip
) -> None:
    handler.__qualname__ = "test_a_handler_that_is_no_use_is_a_failure_of_the_step.<lambda>"
    built = Workflow("useless").add_step(Flaky(ValueError("no")).step()).add_error_handler("act", handler)
    result = await run(built, equip)
    assert result.status == "failed"
    assert result.error is not None
    assert sentence.startswith(result.error.removeprefix("logic: "))


async def test_a_step_inside_others_has_its_handler_too(equip: Equip) -> None:
    inner = Flaky(ValueError("no")).step("inner")
    built = Workflow("deep").add_step(
        ParallelStep("both", [ConditionalStep("maybe", lambda state: True, inner), Flaky().step("other")])
    )
    result = await run(built.add_error_handler("inner", lambda step_result, context: Flaky().step("instead")), equip)
    assert result.is_success


async def test_a_step_with_steps_inside_has_a_handler(equip: Equip) -> None:
    group = ParallelStep("group", [Flaky(ValueError("no")).step("one"), Flaky().step("two")])
    built = Workflow("outside").add_step(group)
    fallback = LoopStep("again", Flaky().step("instead"), lambda state, iteration: iteration < 2)
    result = await run(built.add_error_handler("group", lambda step_result, context: fallback), equip)
    assert [(step.step_id, step.status) for step in result.steps] == [("group", "failed"), ("again", "completed")]


def test_a_handler_for_no_step_is_found_before_anything_runs() -> None:
    built = Workflow("pay").add_step(Flaky().step("process_payment"))
    built.add_error_handler("proces_payment", lambda step_result, context: None)
    with pytest.raises(InputError) as caught:
        built.to_workflow()
    assert str(caught.value) == (
        "workflow 'pay' has an error handler for step 'proces_payment', which it does not have. "
        "Did you mean 'process_payment'?"
    )


class Crashing:
    """A workflow whose fallback is at work when the engine is cut off; each life is a process of its own."""

    def __init__(self, database: Path) -> None:
        self.settings = Settings(database=database, synchronous="off", grace=0.0, log_level="error")
        self.asked: list[tuple[Any, Any]] = []
        self.at_work = asyncio.Event()
        self.go_on = asyncio.Event()
        self.names = ["instead", "instead"]

    def handler(self, step_result: Any, context: Any) -> ToolStep:
        self.asked.append((step_result, dict(context)))
        return ToolStep(self.names[len(self.asked) - 1], Tool(name="works", description="Works", function=self.work))

    async def work(self) -> dict[str, Any]:
        self.at_work.set()
        await self.go_on.wait()
        return {"worked": len(self.asked)}

    def definition(self) -> Definition:
        built = Workflow("crashing").add_step(Flaky(*[ValueError("no")] * 9).step())
        return built.add_error_handler("act", self.handler).to_workflow()

    async def die_in_the_middle(self) -> str:
        definition = self.definition()
        async with Orchestrator.open(self.settings, workflows=[definition], step_types=known_step_types()) as baton:
            execution = await baton.start(definition, {"order": "A-1"})
            await self.at_work.wait()
        return execution.id

    async def go_on_with(self, execution_id: str) -> Any:
        self.go_on.set()
        definition = self.definition()
        async with Orchestrator.open(self.settings, workflows=[definition], step_types=known_step_types()) as baton:
            ended = await baton.wait(execution_id)
            return ended, await baton.results(execution_id)


@pytest.mark.capability("D01", "E17")
async def test_after_a_crash_the_handler_is_asked_the_same_again(tmp_path: Path) -> None:
    life = Crashing(tmp_path / "baton.db")
    execution_id = await life.die_in_the_middle()
    ended, results = await life.go_on_with(execution_id)
    assert ended.status == "completed"
    first, second = life.asked
    assert first == second
    assert results["act~fallback"]["output"] == {"worked": 2}


async def test_a_handler_that_names_another_step_after_a_crash_is_not_obeyed(tmp_path: Path) -> None:
    life = Crashing(tmp_path / "baton.db")
    life.names[1] = "something_else"
    execution_id = await life.die_in_the_middle()
    ended, _ = await life.go_on_with(execution_id)
    assert ended.status == "failed"
    assert ended.error["code"] == "handler_not_repeatable"
    assert "the handler named another step after a restart than before it." in ended.error["message"]


# -- the workflow's handler ------------------------------------------------------------------------------------------


def handled(flaky: Flaky, handler: Callable[..., Any], *, retries: int = 3, own: int | None = None) -> Workflow:
    step = flaky.step() if own is None else flaky.step().with_retry(own)
    return WorkflowBuilder("handled").add_step(step).with_error_handler(handler, max_retries=retries).build()


@pytest.mark.capability("A10", "E03", "E16", "M15")
async def test_a_retry_keeps_the_idempotency_key(equip: Equip) -> None:
    flaky = Flaky(OSError("network is down"), OSError("network is down"))
    result = await run(handled(flaky, lambda error, step, state: {"action": "retry"}), equip)
    assert result.is_success and result.steps[0].attempts == 3
    assert len(flaky.keys) == 3 and len(set(flaky.keys)) == 1


async def test_the_handler_is_asked_when_the_steps_own_retries_are_used_up(equip: Equip) -> None:
    asked: list[tuple[str, str, Any]] = []

    def handler(error: Exception, step: Any, state: Any) -> Any:
        asked.append((str(error), step.step_id, state["order"]))
        return {"action": "retry"}

    flaky = Flaky(*[ValueError(str(number)) for number in range(9)])
    result = await run(handled(flaky, handler, own=1, retries=2), equip, order="A-1")
    assert result.status == "failed" and result.steps[0].attempts == len(flaky.keys) == 4
    assert asked == [(f"ValueError: {number}", "act", "A-1") for number in (1, 2, 3)]


async def test_the_handler_is_asked_about_what_is_never_retried_by_itself(equip: Equip) -> None:
    asked: list[Any] = []

    def handler(error: Any, step: Any, state: Any) -> Any:
        asked.append(error.category)
        return {"action": "fail", "ticket": 7}

    strict = Tool(name="act", description="Acts", function=lambda x: x)
    step = ToolStep("act", strict, {"y": 1}).with_retry(3)
    result = await run(Workflow("strict").add_step(step).handle_errors(handler), equip)
    assert asked == ["validation"] and result.steps[0].attempts == 1


async def test_the_handler_is_asked_about_late_attempts(equip: Equip) -> None:
    seen: list[str] = []

    async def slow() -> dict[str, Any]:
        if not seen:
            await asyncio.Event().wait()
        return {"done": True}

    def handler(error: Any, step: Any, state: Any) -> Any:
        seen.append(error.category)
        return {"action": "retry"}

    step = ToolStep("slow", Tool(name="slow", description="Is slow", function=slow)).with_timeout(0.02)
    result = await run(Workflow("late").add_step(step).handle_errors(handler), equip)
    assert result.is_success and seen == ["timeout"]


async def test_another_answer_is_refused(equip: Equip) -> None:
    result = await run(handled(Flaky(ValueError("no")), lambda error, step, state: "again"), equip)
    assert result.error == "logic: the workflow's error handler gave 'again' about step 'act'."


async def test_steps_with_a_handler_of_their_own_are_not_asked_about(equip: Equip) -> None:
    built = handled(Flaky(ValueError("no")), lambda error, step, state: pytest.fail("asked"))
    built.add_error_handler("act", lambda step_result, context: {"action": "continue"})
    assert (await run(built, equip)).is_success


@pytest.mark.capability("E23", "E24")
@pytest.mark.parametrize(("flag", "event"), [("escalate", ESCALATION), ("notify_team", TEAM)])
async def test_what_a_handler_flags_is_an_event_for_others(flag: str, event: str, tmp_path: Path) -> None:
    settings = Settings(database=tmp_path / "baton.db", synchronous="off", log_level="error")
    team = workflow("team").add(wait_for_event("told", event, wait="1h", filter={"workflow": "handled"})).build()
    built = handled(Flaky(ValueError("no")), lambda error, step, state: {"action": "fail", flag: True})
    async with Orchestrator.open(settings, step_types=known_step_types(), clock=PromptClock()) as baton:
        waiting = await baton.start(team)
        await baton.wait(waiting.id, until="rest")
        with using(Means(baton=baton)):
            failed = await built.execute()
        told = (await baton.wait(waiting.id)).output["event_data"]
        results = await baton.results(failed.execution_id)
    assert told["step"] == "act" and told["action"] == "fail" and told["execution_id"] == failed.execution_id
    assert told["error"]["message"] == "ValueError: no"
    assert results["act"]["error"][flag] is True
