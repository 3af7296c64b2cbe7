"""What a failure means: tried again otherwise, gone on elsewhere, put before a person; per step and per workflow."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agents import Functions, Tools
from graphs.clock import ManualClock
from graphs.errors import DefinitionError, StepError
from graphs.loader import load_workflow
from tests.support.engine.engines import TYPES, act, engine, finished, rested, run, statuses, values, workflow
from tests.support.engine.steps import Effects, Gates


@pytest.mark.capability("E15", "E17")
async def test_a_failed_step_is_tried_again_with_another_input(database: Path, effects: Effects) -> None:
    """Its result stands for the failed one's; the error is seen."""
    answer = {"action": "retry", "max_attempts": 2, "input": "{{ [error.message, 'less'] }}", "config": {"fail": False}}
    retry = {"initial_delay": 0, "jitter": 0, "max_attempts": 2}
    steps = [
        act("a", value="{{ input }}", fail=True, input="much", on_failure=answer, retry=retry),
        act("b", "a", value="{{ steps.a.output.value }}"),
    ]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps), "given")
        results = await values(baton, execution)
    assert execution.status == "completed" and effects.began == ["a", "a", "a~fallback", "b"]
    assert results["b"] == results["a~fallback"]


@pytest.mark.capability("E15", "F16")
async def test_a_failure_goes_on_with_a_later_step(database: Path, effects: Effects) -> None:
    """What is in between is skipped, which is no failure; nothing is undone."""
    steps = [
        act("a", fail="{{ input.broken }}", on_failure={"action": "goto", "goto": "z"}, compensate=act("undo")),
        act("b", "a"),
        act("c", "b"),
        act("z", "c", value="{{ steps.a.status }}"),
        act("end", "z"),
    ]
    for broken in (True, False):
        effects.began.clear()
        async with engine(database, effects=effects) as baton:
            execution = await run(baton, workflow("w", steps), {"broken": broken})
            results = await baton.results(execution.id)
        assert execution.status == "completed"
        assert effects.began == (["a", "z", "end"] if broken else ["a", "b", "c", "z", "end"])
        assert results["z"]["output"]["value"] == ("failed" if broken else "completed")
        if broken:
            assert [results[name].get("reason") for name in "bc"] == ["unneeded", "unneeded"]


@pytest.mark.capability("E15", "E17")
async def test_a_step_that_is_only_gone_to_runs_only_then(database: Path, effects: Effects) -> None:
    """And another failure is not excused by it."""
    steps = [
        act("a", fail="{{ input.a }}", on_failure={"action": "goto", "goto": "rescue"}),
        act("b", "a"),
        act("other", fail="{{ input.other }}"),
        act("rescue"),
        act("both", "rescue", "other"),
    ]
    definition = workflow("w", steps, config={"failure_policy": "continue"})
    async with engine(database, effects=effects) as baton:
        well = await run(baton, definition, {"a": False, "other": False})
        assert (await statuses(baton, well))["rescue"] == "skipped"
        gone = await run(baton, definition, {"a": True, "other": False})
        assert gone.status == "completed" and (await statuses(baton, gone))["both"] == "completed"
        failed = await run(baton, definition, {"a": True, "other": True})
        assert failed.status == "failed" and (await statuses(baton, failed))["both"] == "skipped"


@pytest.mark.capability("E15", "F06")
async def test_going_on_works_in_a_branch_too(database: Path, effects: Effects) -> None:
    """The branch has gone well then."""
    left = [act("a", fail=True, on_failure={"action": "goto", "goto": "c"}), act("b"), act("c", value=3)]
    group = {"name": "both", "type": "parallel", "branches": {"left": left, "right": [act("r")]}}
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [group]))
    assert execution.status == "completed" and execution.output["successful_steps"] == 2
    assert sorted(effects.began) == ["both.left.a", "both.left.c", "both.right.r"]


ESCALATED = {"action": "escalate", "escalate": {"assignees": ["ann"]}}


@pytest.mark.capability("E16", "I08")
@pytest.mark.parametrize("how", ["approve", "edit", "respond", "reject"])
async def test_a_failure_is_put_before_a_person(how: Any, database: Path, effects: Effects) -> None:
    """Tried again, tried otherwise, gone on without it, or failed: as they say, also in another process."""
    steps = [
        act("a", value="{{ input.n }}", fail="{{ input.n < 2 }}", input={"n": "{{ input.n }}"}, on_failure=ESCALATED),
        act("b", "a", value="{{ steps.a.output }}"),
    ]
    steps[0]["config"]["fail"] = 1
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps), {"n": 1}))
        (wait,) = await baton.waits(execution.id)
        assert wait.path == "a~fallback[0].ask" and wait.wait.question["message"] == "Step 'a' failed: asked to fail"
        assert wait.wait.question["payload"] == {"n": 1} and wait.wait.assignees == ("ann",)
    async with engine(database, effects=effects) as baton:
        data = {"edit": {"n": 5}, "respond": {"value": "by hand"}}.get(how)
        await baton.decide(execution.id, wait.path, how, by="ann", data=data, reason="so be it")
        if how in ("approve", "edit"):  # its first attempt fails again, and so it is asked again
            await rested(baton, execution)
            (wait,) = await baton.waits(execution.id)
            assert wait.path == "a~fallback[1].ask"
            await baton.decide(execution.id, wait.path, "respond", by="ann", data={"value": "then so"})
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status == ("failed" if how == "reject" else "completed")
    if how == "reject":
        assert execution.error is not None and execution.error["message"] == "asked to fail"
        assert execution.error["decided_by"] == "ann" and effects.began == ["a"]
    elif how == "respond":
        assert results["b"]["output"]["value"] == {"value": "by hand"}
    else:
        assert effects.began == ["a", "a~fallback[0].a", "b"]
        assert results["b"]["output"]["value"] == {"value": "then so"}


@pytest.mark.capability("E16", "E23")
async def test_who_is_asked_again_is_told_why_it_failed_now(database: Path, effects: Effects) -> None:
    """Not only why it failed at first, in the workflow's own words: it may be their edit that was wrong."""
    asked = {"action": "escalate", "escalate": {"message": "no a: {{ error.message }}"}}
    async with engine(database, effects=effects) as baton:
        execution = await baton.start(workflow("w", [act("a", fail=True, on_failure=asked)]))
        await rested(baton, execution)
        await baton.decide(execution.id, "a~fallback[0].ask", "edit", by="ann", data={"fale": False})
        await rested(baton, execution)
        (wait,) = await baton.waits(execution.id)
    first, again = wait.wait.question["message"].splitlines()
    assert first == "no a: asked to fail"
    assert again.startswith("Tried again, it failed: step 'a': config: there is no key 'fale' here")


_IN_CONFIG = {"args": {"room": "{{ input.room }}", "night": "fri"}}


@pytest.mark.capability("E16", "I06")
@pytest.mark.parametrize("kind", ["function", "tool"])
@pytest.mark.parametrize(
    ("more", "edit"),
    [
        ({"config": _IN_CONFIG}, {"room": "9"}),
        ({"config": _IN_CONFIG}, {"args": {"room": "9", "night": "fri"}}),
        ({"input": {"room": "{{ input.room }}", "night": "fri"}}, {"room": "9", "night": "fri"}),
        ({}, {"room": "9"}),
    ],
    ids=["an argument", "all arguments", "its input", "the input of all"],
)
async def test_what_is_edited_is_what_a_function_gets(
    database: Path, kind: str, more: dict[str, Any], edit: dict[str, Any]
) -> None:
    """By the names of its arguments, wherever it has these from."""
    given = list[tuple[str, str]]()

    def book(room: str, night: str) -> str:
        """Book."""
        given.append((room, night))
        if room == "7":
            raise StepError("taken", category="logic")
        return room

    step = {"name": "a", "type": kind, **more, "on_failure": {"action": "escalate"}}
    step["config"] = {kind: "book", **more.get("config", {})}
    resources = [Functions([book]), Tools([book])]
    async with engine(database, resources=resources) as baton:
        start = await baton.start(workflow("w", [step]), {"room": "7", "night": "fri"})
        execution = await rested(baton, start)
        (wait,) = await baton.waits(execution.id)
        await baton.decide(execution.id, wait.path, "edit", by="ann", data=edit)
    async with engine(database, resources=resources) as baton:
        execution = await finished(baton, execution)
        output = (await baton.results(execution.id))["a~fallback"]["output"]
    assert given == [("7", "fri"), ("9", "fri")] and output == "9" and execution.status == "completed"


@pytest.mark.capability("E16")
async def test_what_was_put_before_a_person_and_tried_again_can_be_undone(database: Path, effects: Effects) -> None:
    """It goes well the second time; then something later fails."""
    step = act("a", fail="{{ vars.n < 1 }}", compensate=act("undo", value="{{ output.value }}"), value=4)
    step |= {"on_failure": ESCALATED}
    step["config"]["fail"] = True
    steps = [step, act("bad", "a", fail=True)]
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        (wait,) = await baton.waits(execution.id)
        await baton.decide(execution.id, wait.path, "edit", by="ann", data={"fail": False})
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status == "compensated"
    assert effects.began == ["a", "a~fallback[0].a", "bad", "~compensation.a~fallback[0].undo"]
    assert results["~compensation.a~fallback[0].undo"]["output"]["value"] == 4


@pytest.mark.capability("E16")
async def test_a_workflow_says_what_a_failure_means_for_all_its_steps(database: Path, effects: Effects) -> None:
    """Those inside others too, but not for those that say so themselves, nor for what people rejected."""
    items = {"name": "all", "type": "map", "config": {"items": [1]}, "steps": [act("inner", fail=True)]}
    steps = [items, act("own", "all", fail=True, on_failure={"action": "terminate"})]
    definition = workflow("w", steps, config={"on_failure": {"action": "continue", "output": 7}})
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, definition)
        settled = await baton.results(execution.id)
    assert settled["all[0].inner"]["output"] == 7 and settled["all"]["status"] == "completed"
    assert execution.error is not None and execution.error["step"] == "own"


def test_what_cannot_be_is_refused() -> None:
    """With its place."""
    text = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: w}
spec:
  steps:
    - {name: a, type: act, on_failure: {action: goto, goto: nowhere}}
    - {name: b, type: act, depends_on: [a], on_failure: {action: goto, goto: a}}
    - {name: c, type: act, on_failure: {action: continue, input: 1}}
  finally:
    - {name: d, type: act, depends_on: [a], config: {value: "{{ outcome }} {{ steps.a.status }} {{ outcom }}"}}
"""
    with pytest.raises(DefinitionError) as caught:
        load_workflow(text, step_types=TYPES)
    assert [(problem.line, problem.column, problem.code) for problem in caught.value.problems] == [
        (7, 61, "unknown_dependency"),
        (8, 78, "circular_dependency"),
        (9, 28, "wrong_value"),
        (11, 41, "dependency_out_of_reach"),
        (11, 100, "unknown_name"),
    ]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"finally": "STEP"}, "step 'x' goes to another on failure; here each runs, whatever became of others"),
        (
            {"compensation": "STEP"},
            "step 'x' goes to another on failure; here each runs, whatever became of others",
        ),
        ({"compensate": "STEP"}, "what undoes a step stands in no list, so it cannot go to another step"),
    ],
)
def test_what_ends_a_workflow_goes_nowhere_else(place: dict[str, str], words: str) -> None:
    """A failure there would be called handled, and nobody would hear of it."""
    step = act("x", on_failure={"action": "goto", "goto": "a"})
    first = act("a")
    spec: dict[str, Any] = {}
    if "compensate" in place:
        first["compensate"] = step
    elif "finally" in place:
        spec["finally"] = [step]
    else:
        spec["compensation"] = {"steps": [step]}
    with pytest.raises(ValidationError) as caught:
        workflow("w", [first], **spec)
    assert words in str(caught.value)


@pytest.mark.capability("F03", "E16")
@pytest.mark.parametrize("killed", [False, True], ids=["", "taken up again"])
async def test_all_that_comes_after_a_handler_runs(
    killed: bool, database: Path, effects: Effects, gates: Gates
) -> None:
    """However deep; what does not handle the failure does not begin, and the failure stays the workflow's."""
    steps = [
        act("a", fail=True),
        act("slow", gate="slow"),
        act("unrelated", "slow"),
        act("h", gate="h", fail=1, retry={"initial_delay": 0, "jitter": 0, "max_attempts": 2}),
        {"name": "inside", "type": "sequence", "depends_on": ["h"], "steps": [act("x"), act("y", "x")]},
        {"name": "q", "type": "approval", "depends_on": ["inside"]},
        act("last", "q"),
        act("tidy"),
        act("tidied", "tidy"),
    ]
    steps[3]["depends_on"] = [{"step": "a", "outcome": "failed"}]
    steps[7]["depends_on"] = [{"step": "a", "outcome": "settled"}, "slow"]
    steps[7]["depends_on"][1] = {"step": "slow", "outcome": "settled"}
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps), execution_id="e")
        await gates.reached("h")
        if not killed:
            gates.open("slow")
            gates.open("h")
            await rested(baton, execution)
    gates.open("slow")
    gates.open("h")
    async with engine(database, effects=effects, gates=gates) as baton:
        await rested(baton, execution)
        await baton.decide("e", "q", "approve")
        execution = await finished(baton, execution)
        found = await statuses(baton, execution)
    assert found.pop("unrelated") == "skipped"
    assert found.pop("a") == "failed" and execution.status == "failed"
    assert found.keys() == {"slow", "h", "inside", "inside.x", "inside.y", "q", "last", "tidy", "tidied"}
    assert set(found.values()) == {"completed"}


@pytest.mark.capability("E16")
async def test_who_cancels_a_workflow_cancels_its_handlers(database: Path, effects: Effects, gates: Gates) -> None:
    steps = [act("a", fail=True), act("h", gate="h"), act("h2", "h")]
    steps[1]["depends_on"] = [{"step": "a", "outcome": "failed"}]
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps))
        await gates.reached("h")
        await baton.cancel(execution.id)
        found = await statuses(baton, await finished(baton, execution))
    assert found == {"a": "failed", "h": "cancelled", "h2": "skipped"}


@pytest.mark.capability("E08", "E23", "Q07", "X15")
async def test_a_deadline_that_is_over_before_anybody_has_answered_is_the_end(database: Path, effects: Effects) -> None:
    """And not the failure that was put before them: nobody has let the step fail."""
    clock = ManualClock()
    steps = [act("a", compensate=act("undo_a")), act("bad", "a", fail=True, on_failure={"action": "escalate"})]
    async with engine(database, effects=effects, clock=clock) as baton:
        execution = await baton.start(workflow("w", steps, config={"deadline": "1h"}))
        assert (await rested(baton, execution)).status == "waiting"
        clock.advance(3601)
        execution = await finished(baton, execution)
    assert (execution.status, execution.compensation) == ("timed_out", "compensated")
    assert "its deadline of 3600 s" in execution.error["message"]
    assert effects.began == ["a", "bad", "~compensation.undo_a"]
