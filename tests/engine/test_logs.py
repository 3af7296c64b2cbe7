"""What is logged, and what hooks are told: whose step it was, which attempt, how long, and no secret."""

import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.spec import Workflow
from graphs.steps import Action, StepConfig, StepContext
from orchestrator.engine import Orchestrator
from orchestrator.logs import logger
from orchestrator.settings import Settings
from tests.support.engine.engines import act, ask, engine, finished, rested, run, workflow
from tests.support.engine.steps import step_types

SECRET = "hush-hush-hush"
TOKEN = {"schema": {"type": "object", "properties": {"token": {"type": "string", "format": "password"}}}}


class Talks(Action):
    """Says something in the log, and fails the first time."""

    name = "talks"
    Config = StepConfig

    async def run(self, context: StepContext, config: Any) -> Any:
        context.log.warning("talking", token=context.input, of=[{"it": context.input}])
        try:
            raise ValueError("not yet")
        except ValueError:
            context.log.error("it failed", exc_info=True)
        if context.attempt == 1:
            raise ConnectionError("come back later")
        context.clock.advance(2)  # type: ignore[attr-defined]


def talking(**more: Any) -> Workflow:
    """A step that talks, after one that does not."""
    retry = {"max_attempts": 2, "initial_delay": 0}
    steps = [
        act("first", variables={"x": 1}),
        {"name": "talk", "type": "talks", "depends_on": ["first"], "retry": retry},
    ]
    steps[1]["input"] = "{{ input.token }}"
    return workflow("w", [*steps, *more.pop("steps", [])], input=TOKEN, **more)


def _talking(database: Path, **settings: Any) -> AbstractAsyncContextManager[Orchestrator]:
    return engine(database, types=step_types(Talks()), clock=ManualClock(), **settings)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.capability("O12", "Q04", "O13")
async def test_every_line_says_whose_it_is(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Execution, workflow, run, tenant, step and attempt; also what a step's own code logs."""
    async with _talking(database, log_level="info", log_format="json") as baton:
        execution = await rested(baton, await baton.start(talking(steps=[ask("q", "talk")]), {"token": SECRET}))
        baton.clock.advance(60)  # type: ignore[attr-defined]
        await baton.decide(execution.id, "q", "approve")
        await finished(baton, execution)
    lines = _lines(capsys)
    for line in lines:
        assert (line["execution_id"], line["workflow_id"], line["tenant"]) == (execution.id, "w", "default"), line
        assert line["run"] == (2 if line["event"] == "step.completed" and line["step"] == "q" else 1), line
        assert line["timestamp"].endswith("Z") and line["level"] in ("info", "warning", "error")
    of_talk = [line for line in lines if line["step"] == "talk"]
    assert [(line["event"], line.get("attempt", line.get("attempts"))) for line in of_talk] == [
        ("step.started", 1),
        ("talking", 1),
        ("it failed", 1),
        ("step.retrying", 1),
        ("talking", 2),
        ("it failed", 2),
        ("step.completed", 2),
    ]
    assert of_talk[0]["state_keys"] == ["token", "x"]
    assert of_talk[-1]["duration_ms"] == 2000 and of_talk[-1]["success"] is True
    assert of_talk[3]["error"]["message"] == "ConnectionError: come back later"


@pytest.mark.capability("O12", "X12")
@pytest.mark.parametrize("form", ["json", "console"])
async def test_no_line_tells_a_secret_and_no_traceback_shows_values(
    form: str, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Masked however deep it stands; a traceback is text, without the locals in which a secret may be."""
    async with _talking(database, log_level="debug", log_format=form) as baton:
        await finished(baton, await baton.start(talking(), {"token": SECRET}))
    logged = capsys.readouterr().err
    assert "***" in logged and SECRET not in logged
    assert "Traceback (most recent call last)" in logged and "ValueError: not yet" in logged
    assert "locals" not in logged and "StepConfig" not in logged


def test_a_line_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """The default is to speak of what is wrong only."""
    log = logger(Settings(_env_file=None))  # type: ignore[call-arg]
    log.info("nothing happened")
    log.warning("something happened", why="x")
    logged = capsys.readouterr().err
    assert "nothing" not in logged and "something happened" in logged and "why" in logged


class Hook:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def on_step_start(self, step: str, state: Any) -> None:
        self.told.append(("start", step, state.workflow_id, sorted(state)))

    def on_step_complete(self, step: str, result: Any, duration_ms: float) -> None:
        self.told.append(("complete", step, result["status"], duration_ms))


class OnlyStarts:
    """Wants to hear of starts, and cannot stand them."""

    def __init__(self) -> None:
        self.heard = 0

    def on_step_start(self, step: str, state: Any) -> None:
        self.heard += 1
        raise RuntimeError("what a hook may do")


@pytest.mark.capability("O11", "O13", "Q04", "M08")
async def test_hooks_are_told_of_every_step_and_a_failing_one_does_no_harm(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names, state, result and duration, in the order in which it happened; a skipped step only completes."""
    steps = [
        act("a", value=1),
        act("b", "a", fail=True, on_failure={"action": "continue"}),
        act("c", "b", condition="false"),
        {"name": "g", "type": "parallel", "depends_on": ["c"], "steps": [act("x")]},
    ]
    hook, bad = Hook(), OnlyStarts()
    async with engine(database, hooks=[bad, hook]) as baton:
        execution = await run(baton, workflow("w", steps), {"n": 1})
    assert execution.status == "completed"
    assert [told[:3] for told in hook.told] == [
        ("start", "a", "w"),
        ("complete", "a", "completed"),
        ("start", "b", "w"),
        ("complete", "b", "failed"),
        ("complete", "c", "skipped"),
        ("start", "g", "w"),
        ("start", "g.x", "w"),
        ("complete", "g.x", "completed"),
        ("complete", "g", "completed"),
    ]
    assert hook.told[0][3] == ["n"] and all(told[3] >= 0 for told in hook.told if told[0] == "complete")
    assert bad.heard == 4 and "what a hook may do" in capsys.readouterr().err
