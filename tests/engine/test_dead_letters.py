"""Dead letters of what failed: kept with why, edited, tried again, discarded."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents import Functions
from graphs.errors import ConflictError, InputError, StepError
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, ask, engine, finished, rested, run, statuses, workflow
from tests.support.engine.steps import Effects

PAY = [
    act("reserve", compensate=act("release")),
    act("pay", "reserve", fail="{{ input.amount > 100 }}", category="{{ input.category }}"),
    act("ship", "pay"),
]


@pytest.mark.capability("E22", "Q06")
async def test_what_failed_is_kept_with_why_its_input_and_its_history(database: Path) -> None:
    async with engine(database) as baton:
        execution = await run(
            baton, workflow("orders", [{**PAY[1], "depends_on": []}]), {"amount": 200, "category": "dependency"}
        )
        [letter] = await baton.dead_letters()
        story = await baton.letter_story(letter.id)
        assert (letter.execution_id, letter.kind, letter.path, letter.workflow, letter.escalated) == (
            execution.id,
            "failure",
            "pay",
            "orders@1.0",
            False,
        )
        assert letter.error["category"] == "dependency" and "asked to fail" in letter.error["message"]
        assert story.input == {"amount": 200, "category": "dependency"}
        assert {"step.failed", "execution.failed"} <= {record.kind for record in story.history}


@pytest.mark.capability("E22")
async def test_what_failed_is_tried_again_with_another_input(database: Path, effects: Effects) -> None:
    """What had been undone happens again, under a new key; what is still done is not done twice. All of it is on
    record."""
    definition = workflow("orders", [act("look"), *PAY])
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, definition, {"amount": 200, "category": "logic"})
        assert execution.status == "compensated"
        [letter] = await baton.dead_letters()
        assert letter.about == {"paths": ["pay"], "undone": ["reserve"]} or letter.about["undone"] == ["reserve"]
        edited = await baton.edit_letter(letter.id, {"amount": 90}, by="ann")
        assert edited.edit is not None and (edited.edit["input"], edited.edit["by"]) == ({"amount": 90}, "ann")
        assert (await baton.get(execution.id)).input["amount"] == 200, "not before it is tried again"
        assert await baton.redrive([letter.id], by="ben") == [execution.id]
        execution = await finished(baton, execution)
        records = await baton.records(execution.id)
        assert execution.status == "completed" and execution.input == {"amount": 90, "category": "logic"}
        assert await baton.dead_letters() == []
        closed = await baton.dead_letter(letter.id)
        assert (closed.status, closed.closed_by) == ("redriven", "ben")
    [redriven] = [record for record in records if record.kind == "execution.redriven"]
    assert redriven.data["by"] == "ben" and redriven.data["edits"][0]["input"] == {"amount": 90}
    assert effects.counts["look"] == 1 and effects.counts["reserve"] == 2 and effects.counts["ship"] == 1
    assert effects.keys["reserve"] == [f"{execution.id}:reserve:0", f"{execution.id}:reserve:1"]


@pytest.mark.capability("E22")
@pytest.mark.parametrize("args", [{}, {"args": {"amount": "{{ input.amount }}"}}], ids=["the input", "arguments"])
async def test_what_is_edited_is_what_a_function_gets(database: Path, args: dict[str, Any]) -> None:
    given = list[int]()

    def pay(amount: int) -> int:
        given.append(amount)
        if amount > 100:
            raise StepError("too much", category="logic")
        return amount

    step = {"name": "pay", "type": "function", "config": {"function": "pay", **args}}
    async with engine(database, resources=[Functions([pay])]) as baton:
        execution = await run(baton, workflow("w", [step]), {"amount": 200})
        [letter] = await baton.dead_letters()
        await baton.edit_letter(letter.id, {"amount": 90})
        await baton.redrive([letter.id])
        execution = await finished(baton, execution)
        output = (await baton.results(execution.id))["pay"]["output"]
    assert given == [200, 90] and output == 90 and execution.status == "completed"


@pytest.mark.capability("E22")
async def test_a_redrive_that_fails_again_is_a_letter_again(database: Path, effects: Effects) -> None:
    """Under a number of its own; the one before stays closed."""
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [act("a"), act("bad", "a", fail=True)]))
        [first] = await baton.dead_letters()
        await baton.redrive([first.id])
        await finished(baton, execution)
        [second] = await baton.dead_letters()
        assert second.id != first.id and (await baton.dead_letter(first.id)).status == "redriven"
        with pytest.raises(ConflictError, match=f"Dead letter {first.id} was redriven"):
            await baton.redrive([first.id])
        await baton.discard([second.id], by="ann")
    assert effects.began == ["a", "bad", "bad"]


@pytest.mark.capability("E22", "D03")
async def test_who_retries_by_hand_closes_the_letter(database: Path) -> None:
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [act("bad", fail=True)]))
        await baton.retry(execution.id)
        await finished(baton, execution)
        assert [one.status for one in await baton.dead_letters(status=None)] == ["open", "redriven"]


@pytest.mark.capability("E22")
async def test_many_are_chosen_by_what_they_are_about(database: Path) -> None:
    """By workflow, kind and code."""
    async with engine(database) as baton:
        for name in ("one", "two", "two"):
            await run(baton, workflow(name, [act("bad", fail=True)], **{"finally": [act("close", fail=True)]}))
        assert len(await baton.dead_letters()) == 6
        assert len(await baton.dead_letters(kind="finally")) == 3
        assert len(await baton.dead_letters(workflow="two", kind="failure")) == 2
        assert len(await baton.dead_letters(workflow="two@1.0")) == 4
        assert await baton.dead_letters(workflow="two@2.0") == await baton.dead_letters(code="other") == []
        chosen = await baton.dead_letters(workflow="two", kind="failure")
        assert len(await baton.redrive([letter.id for letter in chosen])) == 2


@pytest.mark.capability("E22", "E26")
async def test_an_edit_must_fit(database: Path) -> None:
    """The schema, and what may be read by everybody."""
    schema = {
        "type": "object",
        "properties": {"amount": {"type": "integer"}, "pin": {"type": "string", "format": "password"}},
    }
    steps = [act("bad", fail=True)]
    definition = workflow("w", steps, input={"schema": schema}, **{"finally": [act("close", fail=True)]})
    async with engine(database) as baton:
        await run(baton, definition, {"amount": 1, "pin": "1234"})
        [failure] = await baton.dead_letters(kind="failure")
        [closing] = await baton.dead_letters(kind="finally")
        with pytest.raises(InputError, match="amount"):
            await baton.edit_letter(failure.id, {"amount": "many"})
        with pytest.raises(InputError, match="'pin' is secret"):
            await baton.edit_letter(failure.id, {"pin": "4321"})
        with pytest.raises(InputError, match="has no input of its own to change"):
            await baton.edit_letter(closing.id, {"amount": 2})
        assert (await baton.edit_letter(failure.id, {"amount": 2})).edit is not None
        assert (await baton.edit_letter(failure.id, None)).edit is None
        await baton.discard([failure.id])
        with pytest.raises(ConflictError, match="was discarded"):
            await baton.edit_letter(failure.id, {"amount": 2})


@pytest.mark.capability("E06", "E22", "E27")
async def test_a_failure_that_is_gone_on_from_is_kept_where_the_step_says_so(database: Path, effects: Effects) -> None:
    """Each item of a list by itself; it is tried again by itself, and what hangs on it with it."""
    item = act("read", fail="{{ item == input.bad }}")
    item["on_failure"] = {"action": "continue", "response": {"dead_letter": True}}
    steps = [{"name": "docs", "type": "map", "config": {"items": [1, 2, 3]}, "steps": [item]}, act("sum", "docs")]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps), {"bad": 2})
        assert execution.status == "completed"
        [letter] = await baton.dead_letters()
        assert (letter.path, letter.kind) == ("docs[1].read", "failure")
        await baton.edit_letter(letter.id, {"bad": 9})
        await baton.redrive([letter.id])
        assert (await finished(baton, execution)).status == "completed"
        assert (await statuses(baton, execution))["docs[1].read"] == "completed"
        assert await baton.dead_letters() == []
    assert effects.counts["docs[0].read"] == 1 and effects.counts["docs[1].read"] == effects.counts["sum"] == 2


@pytest.mark.capability("E12", "E22")
async def test_a_failure_waits_until_what_was_done_is_undone(database: Path) -> None:
    undo = act("undo", fail="{{ true }}")
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [act("a", compensate=undo), act("bad", "a", fail=True)]))
        assert execution.status == "compensation_failed"
        [failure] = await baton.dead_letters(kind="failure")
        [undoing] = await baton.dead_letters(kind="compensation")
        with pytest.raises(ConflictError, match="See to that first: baton dead-letters redrive"):
            await baton.redrive([failure.id])
        await baton.discard([undoing.id], note="by hand")
        assert await baton.redrive([failure.id]) == [execution.id]
        await finished(baton, execution)


@pytest.mark.capability("E22")
async def test_open_letters_keep_their_executions(database: Path) -> None:
    """However old these are; once somebody has seen to it, they go."""
    async with engine(database) as baton:
        await run(baton, workflow("w", [act("bad", fail=True)]))
        assert await baton.prune(timedelta(0)) == 0
        [letter] = await baton.dead_letters()
        await baton.discard([letter.id])
        assert await baton.prune(timedelta(0)) == 1


@pytest.mark.capability("E22", "I08")
async def test_what_a_person_rejected_is_no_dead_letter(database: Path) -> None:
    """Somebody has seen to it; unless the step says that it is to be kept."""
    kept = {"action": "terminate", "response": {"dead_letter": True}}
    async with engine(database) as baton:
        for number, step in enumerate([ask("q"), ask("q", on_failure=kept)]):
            execution = await rested(baton, await baton.start(workflow("w", [step])))
            await baton.decide(execution.id, "q", "reject", by="ann")
            assert (await finished(baton, execution)).status == "failed"
            assert len(await baton.dead_letters()) == number


@pytest.mark.capability("E22", "D03")
@pytest.mark.parametrize("again", ["redrive", "retry"])
async def test_what_was_put_aside_goes_on_where_it_was(database: Path, effects: Effects, again: str) -> None:
    """By hand; nothing of it is done twice. As five processes that died would have left it."""
    steps = [act("a"), ask("q", "a"), act("b", "q")]
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
    async with engine(database, drive=False) as baton:
        dead = "UPDATE executions SET status = 'running', deaths = 4, progress = 1000000"
        await baton.store._writer.submit([(dead, ()), ("UPDATE runs SET ended_at = NULL", ())])
    async with engine(database, effects=effects) as baton:
        assert (await finished(baton, execution)).error is not None
        [letter] = await baton.dead_letters()
        assert (letter.kind, letter.error["code"], letter.about["deaths"]) == ("poisoned", "poisoned", 5)
        if again == "redrive":
            await baton.redrive([letter.id])
        else:
            await baton.retry(execution.id)
        execution = await rested(baton, execution)
        assert execution.deaths == 0 and await baton.dead_letters() == []
        await baton.decide(execution.id, "q", "approve")
        assert (await finished(baton, execution)).status == "completed"
    assert effects.began == ["a", "b"]


def _dead(execution_id: str) -> list[tuple[str, tuple[object, ...]]]:
    """As five processes that died over it would have left it."""
    dead = "UPDATE executions SET status = 'running', deaths = 4, progress = 1000000 WHERE id = ?"
    return [(dead, (execution_id,)), ("UPDATE runs SET ended_at = NULL WHERE execution_id = ?", (execution_id,))]


@pytest.mark.capability("E22", "E10", "E11")
async def test_what_was_put_aside_is_undone_when_somebody_says_so(database: Path, effects: Effects) -> None:
    """Nothing more of it is begun, not even what it was at; what it did is undone, the last first."""
    steps = [
        act("a", compensate=act("undo_a")),
        act("b", "a", compensate=act("undo_b")),
        ask("q", "b"),
        act("c", "q"),
    ]
    definition = workflow("w", steps, compensation={"steps": [act("sweep")]}, **{"finally": [act("last")]})
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(definition))
    async with engine(database, drive=False) as baton:
        await baton.store._writer.submit(_dead(execution.id))
    async with engine(database, effects=effects) as baton:
        await finished(baton, execution)
        (letter,) = await baton.dead_letters(kind="poisoned")
        (closed,) = await baton.discard([letter.id], by="ann", note="it kills us", compensate=True)
        assert (closed.status, closed.closed_by, closed.note) == ("discarded", "ann", "it kills us")
        execution = await finished(baton, execution)
        kinds = [one.kind for one in await baton.records(execution.id)]
        with pytest.raises(ConflictError, match="was discarded by ann"):
            await baton.discard([letter.id], compensate=True)
    undoing = ["undo_b", "undo_a", "sweep"]
    assert effects.began == ["a", "b", *(f"~compensation.{name}" for name in undoing), "~finally.last"]
    assert execution.status == "compensated" and execution.deaths == 0
    assert kinds.index("execution.undo_asked") < kinds.index("execution.compensating")


@pytest.mark.capability("E22", "E10", "E11", "D01")
@pytest.mark.parametrize("unheard", [False, True])
async def test_an_undoing_that_was_asked_for_survives_every_crash(tmp_path: Path, unheard: bool) -> None:
    """Whole or not at all: the letter is closed exactly when the undoing will come, and no finished undoing is
    repeated."""
    steps = [act("a", compensate=act("undo_a")), act("b", "a", compensate=act("undo_b")), act("bad", "b", fail=True)]
    definition = workflow("w", steps, config={"responses": {"transient": {"compensate": "never"}}})
    for after in range(100):
        database, effects, crash = tmp_path / f"{after}.db", Effects(), Crash(after, unheard=unheard)
        async with engine(database, effects=effects) as baton:
            await run(baton, definition, execution_id="e")

        async def asked(database: Path = database, effects: Effects = effects) -> None:
            async with engine(database, effects=effects) as baton:
                (letter,) = await baton.dead_letters(execution_id="e")
                await baton.discard([letter.id], compensate=True)
                await finished(baton, "e")

        with crashing(crash):
            over = await either(asked(), crash)
        done = [path for path in effects.done if path.startswith("~")]
        async with engine(database, effects=effects) as baton:
            if letters := await baton.dead_letters(execution_id="e"):
                assert (await baton.get("e")).status == "failed" and done == []
                await baton.discard([letters[0].id], compensate=True)
            execution = await finished(baton, "e")
            results = await baton.results("e")
        assert execution.status == "compensated"
        undone = [path for path in results if path.startswith("~compensation.")]
        assert undone == ["~compensation.undo_b", "~compensation.undo_a"]
        assert all(len(set(keys)) == 1 for keys in effects.keys.values())
        if over:
            break
    assert after >= 4


@pytest.mark.capability("E22", "E12")
async def test_what_has_been_undone_is_not_said_to_be_undone_now(database: Path) -> None:
    steps = [act("a", compensate=act("undo")), act("bad", "a", fail=True)]
    async with engine(database) as baton:
        await run(baton, workflow("w", steps))
        (letter,) = await baton.dead_letters()
        with pytest.raises(ConflictError, match="did has been undone") as refused:
            await baton.discard([letter.id], compensate=True)
    assert refused.value.hint == f"Close it: baton dead-letters discard {letter.id}"


@pytest.mark.capability("E22", "E12")
async def test_what_was_undone_is_not_undone_by_a_discard(database: Path, effects: Effects) -> None:
    """It says what to do instead."""
    steps = [act("a", compensate=act("undo", fail=True)), act("bad", "a", fail=True)]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps))
        (undoing,) = await baton.dead_letters(execution_id=execution.id, kind="compensation")
        (failure,) = await baton.dead_letters(execution_id=execution.id, kind="failure")
        go_on = f"Go on with that: baton dead-letters redrive {undoing.id}"
        for letter, hint in (
            (undoing, go_on),
            (failure, f"See what was not: baton dead-letters --execution {execution.id}"),
        ):
            with pytest.raises(ConflictError) as refused:
                await baton.discard([letter.id], compensate=True)
            assert (refused.value.code, refused.value.hint) == ("not_undoable", hint)
        assert {one.id for one in await baton.dead_letters()} == {undoing.id, failure.id}
