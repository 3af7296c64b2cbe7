"""What the category of a failure asks for: what is undone, who is told, and whether people have to see to it."""

from pathlib import Path
from typing import Any, get_args

import pytest

from graphs.errors import Category
from graphs.policies import asked_by
from graphs.spec import Config
from tests.support.engine.engines import act, ask, engine, finished, rested, run, workflow
from tests.support.engine.steps import Effects


def _alerts(records: Any) -> list[dict[str, Any]]:
    return [dict(record.data) for record in records if record.kind == "alert.raised"]


CLEANED: dict[Category, tuple[bool, str | None, bool]] = {
    # clean-up runs though nothing was done · alert · people have to see to it
    "transient": (False, None, False),
    "validation": (False, None, False),
    "resource": (False, "warning", False),
    "dependency": (False, None, False),
    "logic": (True, "error", True),
    "timeout": (True, None, False),
    "budget": (False, "warning", False),
}


@pytest.mark.capability("E21", "E22", "E23", "E24")
@pytest.mark.parametrize("category", CLEANED)
async def test_the_category_decides_what_is_undone_who_is_told_and_who_has_to_see_to_it(
    database: Path, effects: Effects, category: Category
) -> None:
    """Where nothing was done, a failure that left nothing is undone by nothing; what was done always is."""
    cleaned, level, escalated = CLEANED[category]
    bad = act("bad", fail=True, category=category)
    clean_up = {"steps": [act("clean")]}
    async with engine(database, effects=effects) as baton:
        nothing_done = await run(baton, workflow("w", [bad], compensation=clean_up))
        assert ("~compensation.clean" in effects.began) == cleaned
        alerts = _alerts(await baton.records(nothing_done.id))
        assert [alert["level"] for alert in alerts] == ([level] if level else [])
        assert [alert["escalated"] for alert in alerts] == ([escalated] if level else [])
        [letter] = await baton.dead_letters(execution_id=nothing_done.id)
        assert letter.escalated == escalated and letter.error["category"] == category
        bad["depends_on"] = ["a"]
        done = await run(baton, workflow("w", [act("a", compensate=act("undo")), bad], compensation=clean_up))
        assert done.status == ("timed_out" if category == "timeout" else "compensated")
        assert effects.began[-2:] == ["~compensation.undo", "~compensation.clean"]


def test_the_table_has_every_category() -> None:
    assert {*CLEANED, "cancelled"} == {*get_args(Category)}


@pytest.mark.capability("E21", "E24", "E22")
async def test_a_workflow_and_a_step_may_ask_for_something_else(database: Path, effects: Effects) -> None:
    """The step is asked first, then the workflow, then the table."""
    config = {"responses": {"logic": {"compensate": "never", "alert": "none", "escalate": False, "dead_letter": False}}}
    steps = [act("a", compensate=act("undo")), act("bad", "a", fail=True, category="logic")]
    async with engine(database, effects=effects) as baton:
        quiet = await run(baton, workflow("w", steps, config=config))
        assert quiet.status == "failed" and "~compensation.undo" not in effects.began
        assert _alerts(await baton.records(quiet.id)) == [] and await baton.dead_letters() == []
        said = {"action": "terminate", "response": {"compensate": "always", "alert": "warning"}}
        loud = await run(baton, workflow("w", [steps[0], {**steps[1], "on_failure": said}], config=config))
        assert loud.status == "compensated"
        assert [alert["level"] for alert in _alerts(await baton.records(loud.id))] == ["warning"]
        inside = {
            "name": "all",
            "type": "sequence",
            "depends_on": ["a"],
            "steps": [act("bad", fail=True, category="logic")],
        }
        inside["steps"][0]["on_failure"] = {"action": "terminate", "response": {"compensate": "never"}}
        kept = await run(baton, workflow("w", [steps[0], inside]))
        assert kept.status == "failed", "what a step inside says holds for the end it brings"


@pytest.mark.capability("E24")
async def test_what_could_not_be_undone_is_told_whatever_failed(database: Path) -> None:
    """And an end that people brought about is told to nobody."""
    steps = [act("a", compensate=act("undo", fail=True)), act("bad", "a", fail=True, category="transient")]
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", steps))
        [alert] = _alerts(await baton.records(execution.id))
        assert (alert["level"], alert["escalated"], alert["status"]) == ("error", True, "compensation_failed")
        cancelled = await rested(baton, await baton.start(workflow("w", [ask("q")])))
        await baton.cancel(cancelled.id)
        await finished(baton, cancelled)
        assert _alerts(await baton.records(cancelled.id)) == []
        assert await baton.dead_letters(execution_id=cancelled.id) == []


@pytest.mark.capability("E16", "E23", "E24")
@pytest.mark.parametrize(
    ("flags", "level", "escalated"),
    [({}, None, False), ({"notify_team": True}, "warning", False), ({"escalate": True}, "error", True)],
)
def test_what_a_handler_flags_counts(flags: dict[str, Any], level: str | None, escalated: bool) -> None:
    """As the requirement documents' error handlers do (M15)."""
    asked = asked_by({"category": "transient", **flags}, Config())
    assert (asked.alert, asked.escalate) == (level or "none", escalated)
