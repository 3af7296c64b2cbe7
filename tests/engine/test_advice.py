"""What the past of a workflow says could be better about it."""

from pathlib import Path
from typing import Any

import pytest

from graphs.spec import Workflow
from orchestrator.brain.advice import StepPast, advise, past_of_steps
from tests.support.engine.engines import TYPES, act, engine, run, workflow


def _past(**steps: dict[str, Any]) -> dict[str, StepPast]:
    return {name: StepPast(name, **{"runs": 20, **known}) for name, known in steps.items()}


def _advice(definition: Workflow, past: dict[str, StepPast]) -> list[str]:
    return [f"{one.step}: {one.change}" for one in advise(definition, past, TYPES)]


@pytest.mark.capability("O16")
async def test_a_step_that_fails_with_what_may_pass_is_advised_to_be_tried_again(database: Path) -> None:
    flaky = workflow("w", [act("call", fail="{{ input.fail }}", category="transient"), act("other")])
    async with engine(database) as baton:
        await baton.publish(flaky)
        for number in range(6):
            await run(baton, flaky, {"fail": number % 2 == 0})
        [found] = await baton.advice("w")
    assert found.as_dict() == {
        "step": "call",
        "why": "3 of 6 runs failed with what may pass (transient), and it is tried once",
        "change": "retry: {max_attempts: 3}",
    }


def test_nothing_is_said_on_little_evidence_or_where_it_is_not_wanted() -> None:
    failing = {"runs": 4, "failed": {"transient": 4}}
    assert _advice(workflow("w", [act("a")]), _past(a=failing)) == []
    off = workflow("w", [act("a")]).model_dump(by_alias=True)
    off["metadata"]["labels"] = {"optimization": "off"}
    many = {"runs": 40, "failed": {"transient": 40}}
    assert _advice(Workflow.model_validate(off), _past(a=many)) == []
    assert _advice(workflow("w", [act("a", retry={"max_attempts": 2})]), _past(a=many)) == []


@pytest.mark.parametrize(
    ("timeout", "seconds", "change"),
    [(10, 9.5, "a: timeout: 29"), (300, 1.0, "a: timeout: 10"), (300, 100.0, None), (30, 0.1, None)],
)
def test_time_limits_are_compared_with_what_it_took(timeout: int, seconds: float, change: str | None) -> None:
    found = _advice(workflow("w", [act("a", timeout=timeout)]), _past(a={"seconds": [seconds] * 20}))
    assert found == ([change] if change else [])


def test_what_always_fails_and_what_queues_is_told() -> None:
    known = _past(a={"failed": {"logic": 5}}, b={"queued": 60.0})
    assert _advice(workflow("w", [act("a"), act("b")]), known) == [
        "a: on_failure: a fallback, escalate, or continue",
        "b: a larger limit: config.max_parallel_steps, max_concurrency, or BATON_LIMITS",
    ]


READ = {"type": "service_call", "config": {"service": "s", "endpoint": "/x"}}


@pytest.mark.capability("O16")
@pytest.mark.parametrize(
    ("second", "told"),
    [
        ({**READ, "depends_on": ["a"]}, ["b: leave 'a' out of depends_on"]),
        ({**READ, "depends_on": ["a"], "condition": "steps.a.output.ok"}, []),
        ({**READ, "depends_on": [{"step": "a", "outcome": "settled"}]}, []),
        ({"type": "act", "depends_on": ["a"]}, ["b: leave 'a' out of depends_on"]),
    ],
)
def test_steps_that_wait_for_nothing_are_found(second: dict[str, Any], told: list[str]) -> None:
    definition = workflow("w", [{"name": "a", **READ}, {"name": "b", **second}])
    assert _advice(definition, _past(a={"seconds": [2.0] * 20}, b={"seconds": [1.0] * 20})) == told


def test_two_that_act_keep_their_order() -> None:
    definition = workflow("w", [act("a"), act("b", "a")])
    assert _advice(definition, _past(a={"seconds": [2.0] * 20}, b={"seconds": [1.0] * 20})) == []


def test_items_of_a_map_are_one_step() -> None:
    at = {
        "started_at": "2026-01-01T00:00:00+00:00",
        "ended_at": "2026-01-01T00:00:02+00:00",
        "attempts": 1,
        "queued": 0.5,
    }
    found = past_of_steps([(f"m[{n}].x", "completed", {**at, "category": None}) for n in range(3)])
    assert [(one.path, one.runs, one.mean, one.queued) for one in found.values()] == [("m[].x", 3, 2.0, 1.5)]
