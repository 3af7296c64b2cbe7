"""Steps that are made at run time, and values that are only known then: what is wrong with them is said in words."""

import gc
from pathlib import Path
from typing import Any

import pytest

from graphs.prepare import Prepared
from tests.support.engine.engines import act, engine, run, until, workflow


def _nested(depth: int) -> list[dict[str, Any]]:
    steps = [act("leaf")]
    for level in range(depth - 1):
        steps = [{"name": f"s{level}", "type": "sequence", "steps": steps}]
    return steps


_CANNOT = "step 'run_them' was given steps that cannot be run: "


def _runs(given: str) -> dict[str, Any]:
    branches = {"left": [act("in_a_branch", condition=False)]}
    return {"name": "run_them", "type": "parallel", "config": {"steps_from": given}, "branches": branches}


@pytest.mark.capability("F22")
@pytest.mark.parametrize(
    ("made", "message"),
    [
        ([{"name": "x", "type": "dely"}], "steps_from[0]: there is no step type 'dely' (did you mean 'delay'?)."),
        (
            [{"name": "x", "type": "act", "depend_on": []}, {"name": "a b", "type": "act"}],
            "steps_from[0]: there is no key 'depend_on' here (did you mean 'depends_on'?); "
            "steps_from[1].name: 'a b' cannot be a name.",
        ),
        ([act("a", "b"), act("b", "a")], "the steps a, b need each other in a circle."),
        ([act("a"), act("a")], "steps_from[1]: the name 'a' is taken."),
        ([act("x", "nobody")], "'x' depends on 'nobody', which is not among them."),
        ([act("x") | {"next": ["y"]}], "'x' goes on to 'y', which is not among them."),
        ([act("a", value="{{ 1 + }}")], "steps_from[0]: the expression ends too early, after ' 1 +'."),
        (
            [{"name": "d", "type": "delay", "config": {"seconds": "soon"}}],
            "steps_from[0]: step 'd': config.seconds: a duration is a number of seconds or a text such as 30s, 5m "
            "or 24h, not 'soon'.",
        ),
        (
            [{"name": "l", "type": "loop", "config": {"items": [1]}}],
            "steps_from[0]: a 'loop' step needs 'steps'.",
        ),
        ([act("a") | {"steps": [act("b")]}], "steps_from[0]: a 'act' step has no 'steps'."),
        (
            [{"name": "s", "type": "sequence", "steps": [{"name": "i", "type": "nope"}]}],
            "steps_from[0].steps[0]: there is no step type 'nope'.",
        ),
        (
            [{"name": "s", "type": "sequence", "steps": [act("a"), act("a")]}],
            "steps_from[0].steps[1]: the name 'a' is taken.",
        ),
        (
            [{"name": "p", "type": "parallel", "steps": [act("a")], "branches": {"a": [act("b")]}}],
            "steps_from[0].steps[0]: the name 'a' is taken.",
        ),
        ([act("left")], "steps_from[0]: the name 'left' is taken."),
        (
            [act("a", on_failure={"action": "goto", "goto": "nowhere"})],
            "'a' goes to 'nowhere', which is not among them.",
        ),
        (
            [{"name": "s", "type": "sequence", "steps": [act("a", "z"), act("b")]}],
            "'a' depends on 'z', which is not among them.",
        ),
        (
            [{"name": "p", "type": "parallel", "steps": [act("a", "b"), act("b", "a")]}],
            "the steps a, b need each other in a circle.",
        ),
        (_nested(17), f"steps_from[0]{'.steps[0]' * 16}: steps are nested more than 16 deep."),
    ],
    ids=lambda value: "" if isinstance(value, list) else None,
)
async def test_what_cannot_be_run_is_named_before_anything_is(
    database: Path, made: list[dict[str, Any]], message: str
) -> None:
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [_runs("{{ input.steps }}")]), {"steps": made})
        assert execution.status == "failed"
        assert execution.error is not None
        assert (execution.error["code"], execution.error["message"]) == ("steps_invalid", _CANNOT + message)
        assert list(await baton.results(execution.id)) == ["run_them"]


async def test_steps_that_were_made_are_let_go_of_with_their_plan(database: Path) -> None:
    """Those of the definition stay prepared for its next execution."""
    each = {
        "name": "each",
        "type": "map",
        "config": {"items": "{{ input.items }}"},
        "steps": [_runs("{{ input.steps }}")],
    }
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [each]), {"items": [*range(40)], "steps": [act("one"), act("two")]})
        assert execution.status == "completed"
        assert len(await baton.results(execution.id)) == 1 + 40 * 4
        await until(lambda: not baton.driving(execution.id))  # who hears of the end is faster than the drive's own
        gc.collect()
        kept = [one.name for one in gc.get_objects() if isinstance(one, Prepared)]
        assert sorted(kept) == ["each", "in_a_branch", "run_them"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, "step 'run_them': config.steps_from: 5 is not a list."),
        ([5], "step 'run_them': config.steps_from[0]: 5 is not a mapping."),
    ],
)
async def test_values_that_do_not_fit_a_configuration_are_told_in_words(
    database: Path, given: Any, message: str
) -> None:
    """An expression's value is only known when its step runs."""
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [_runs("{{ input.steps }}")]), {"steps": given})
        assert execution.error is not None
        assert (execution.error["code"], execution.error["message"]) == ("config_invalid", message)
