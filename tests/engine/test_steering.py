"""Steering from here and from another process: cancel with or without undoing, terminate, pause, continue."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from graphs.clock import ManualClock
from graphs.errors import ConflictError, StepError
from graphs.steps import StepContext
from tests.support.engine.engines import act, ask, engine, finished, rested, run, turns, workflow
from tests.support.engine.steps import Act, ActConfig, Effects, Gates, step_types

UNDOABLE = [act("a", compensate=act("undo_a")), act("b", "a", gate="g", compensate=act("undo_b"))]


@pytest.mark.capability("O23", "E10")
@pytest.mark.parametrize("by_default", [True, False])
@pytest.mark.parametrize("wanted", [True, False, None])
async def test_a_cancel_undoes_what_was_done_when_that_is_wanted(
    by_default: bool, wanted: bool | None, database: Path, effects: Effects, gates: Gates
) -> None:
    """By whoever cancels, or else by the definition."""
    definition = workflow("w", UNDOABLE, config={"compensate_on_cancel": by_default})
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(definition)
        await gates.reached("g")
        await baton.cancel(execution.id, by="ann", compensate=wanted)
        execution = await finished(baton, execution)
    undone = wanted if wanted is not None else by_default
    assert execution.status == ("compensated" if undone else "cancelled")
    undoings = ["~compensation.undo_b", "~compensation.undo_a"]  # `b` was cut off, and may have acted
    assert effects.began == ["a", "b", *(undoings if undone else [])]
    assert execution.error == {"code": "cancelled", "message": "cancelled by ann"}


@pytest.mark.capability("O23")
async def test_a_cancel_from_another_process_undoes_too(database: Path, effects: Effects, gates: Gates) -> None:
    """Also when nobody drives at the time."""
    definition = workflow("w", [UNDOABLE[0], ask("q", "a")])
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(definition))
    async with engine(database, drive=False) as other:
        await other.cancel(execution.id, by="ann", compensate=True)
        with pytest.raises(ConflictError) as caught:
            await other.decide(execution.id, "q", "approve", by="bob")
        assert caught.value.details["by"] == "ann"
    async with engine(database, effects=effects) as baton:
        execution = await finished(baton, execution)
    assert execution.status == "compensated" and effects.began == ["a", "~compensation.undo_a"]


@pytest.mark.capability("O23")
async def test_the_second_to_ask_for_an_end_is_told_who_was_first(database: Path, gates: Gates) -> None:
    """Asking the same again is no contradiction; terminating goes further."""
    async with engine(database, gates=gates) as baton:
        execution = await baton.start(workflow("w", [act("a", gate="g", timeout=99), ask("q")]))
        async with engine(database, drive=False) as other:
            await other.cancel(execution.id, by="ann")
            await other.cancel(execution.id, by="ann")
            with pytest.raises(ConflictError) as caught:
                await other.cancel(execution.id, by="bob")
            assert (caught.value.code, caught.value.details["by"]) == ("ending_already", "ann")
            await other.terminate(execution.id, by="bob")
        execution = await finished(baton, execution)
    assert execution.error == {"code": "cancelled", "message": "cancelled by ann"} or (
        execution.error == {"code": "cancelled", "message": "terminated by bob"}
    )


@pytest.mark.capability("O23")
async def test_who_terminates_stops_an_undoing(database: Path, effects: Effects, gates: Gates) -> None:
    """What was not undone is a dead letter."""
    steps = [act("a", compensate=act("undo_a")), act("b", "a", compensate=act("undo_b", gate="u"))]
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [*steps, act("bad", "b", fail=True)]))
        await gates.reached("u")
        await baton.terminate(execution.id, by="ann")
        execution = await finished(baton, execution)
        letters = await baton.dead_letters(execution_id=execution.id, kind="compensation")
    assert execution.status == "compensation_failed" and execution.error and execution.error["step"] == "bad"
    assert [letter.path for letter in letters] == ["~compensation.undo_a", "~compensation.undo_b"]


@pytest.mark.capability("O23", "ST1")
async def test_what_is_paused_starts_nothing_new(database: Path, effects: Effects, gates: Gates) -> None:
    """What runs may finish; it goes on where it was held."""
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [act("a", gate="g"), act("b", "a")]))
        await gates.reached("g")
        await baton.pause(execution.id, by="ann")
        gates.open("g")
        execution = await rested(baton, execution)
        assert execution.status == "paused" and effects.began == ["a"]
        await turns(baton)
        assert (await baton.results(execution.id)).keys() == {"a"} and effects.began == ["a"]
        await baton.continue_(execution.id, by="bob", reason="it is well again")
        execution = await finished(baton, execution)
        (record,) = [one for one in await baton.records(execution.id) if one.kind == "execution.continued"]
    assert execution.status == "completed" and effects.began == ["a", "b"]
    assert (record.data["by"], record.data["reason"]) == ("bob", "it is well again")
    assert record.data["paused"]["by"] == "ann"


@pytest.mark.capability("O23", "ST1")
async def test_nothing_begins_after_another_process_held_it(database: Path, effects: Effects, gates: Gates) -> None:
    """However late the engine hears of it: the commit that would release the next step sees what was stored."""
    async with engine(database, effects=effects, gates=gates, poll=3600.0) as baton:
        execution = await baton.start(workflow("w", [act("a", gate="g"), act("b", "a")]))
        await gates.reached("g")
        async with engine(database, drive=False) as other:
            await other.pause(execution.id, by="ann")
        gates.open("g")
        execution = await rested(baton, execution)
        assert execution.status == "paused" and effects.began == ["a"]
        await baton.continue_(execution.id)
        assert (await finished(baton, execution)).status == "completed" and effects.began == ["a", "b"]


@pytest.mark.capability("O23", "E10")
@pytest.mark.parametrize("terminate", [False, True])
async def test_nothing_begins_after_another_process_asked_for_its_end(
    terminate: bool, database: Path, effects: Effects, gates: Gates
) -> None:
    steps = [act("a", gate="g", compensate=act("undo_a")), act("b", "a", compensate=act("undo_b"))]
    async with engine(database, effects=effects, gates=gates, poll=3600.0) as baton:
        execution = await baton.start(workflow("w", steps))
        await gates.reached("g")
        async with engine(database, drive=False) as other:
            ask_for_its_end = other.terminate if terminate else partial(other.cancel, compensate=True)
            await ask_for_its_end(execution.id, by="ann")
        gates.open("g")
        execution = await finished(baton, execution)
    assert execution.status == ("cancelled" if terminate else "compensated")
    assert effects.began == (["a"] if terminate else ["a", "~compensation.undo_a"])


@pytest.mark.capability("O23")
async def test_pausing_works_from_another_process_and_outlives_the_engine(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """Answers and time go by; nothing starts until it goes on."""
    clock = ManualClock()
    steps = [ask("q"), act("b", "q"), {"name": "d", "type": "delay", "config": {"seconds": 60}}, act("c", "d")]
    async with engine(database, effects=effects, clock=clock) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        async with engine(database, drive=False, clock=clock) as other:
            assert (await other.pause(execution.id, by="ann")).status == "paused"
            await other.decide(execution.id, "q", "approve", by="bob")
        clock.advance(61)
        await turns(baton)
        assert (await baton.get(execution.id)).status == "paused"
    async with engine(database, effects=effects, clock=clock) as baton:
        await turns(baton)
        assert (await baton.get(execution.id)).status == "paused" and effects.began == []
        with pytest.raises(ConflictError, match="is paused"):
            await baton.resume(execution.id)
        async with engine(database, drive=False, clock=clock) as other:
            await other.continue_(execution.id)
            with pytest.raises(ConflictError, match="nobody has paused it"):
                await other.continue_(execution.id)
        execution = await finished(baton, execution)
    assert execution.status == "completed" and sorted(effects.began) == ["b", "c"]


@pytest.mark.capability("O23")
async def test_what_was_paused_while_its_engine_died_stays_so(database: Path, effects: Effects, gates: Gates) -> None:
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [act("a", gate="g")]))
        await gates.reached("g")
        await baton.pause(execution.id, by="ann")
    async with engine(database, effects=effects, gates=gates) as baton:
        held = await asyncio.wait_for(baton.wait(execution.id, "rest"), 60)
        assert held.status == "paused" and effects.began == ["a"]
        gates.open("g")
        await baton.continue_(execution.id)
        assert (await finished(baton, execution)).status == "completed"


@pytest.mark.capability("O23", "E10")
async def test_an_undoing_can_be_paused_and_goes_on(database: Path, effects: Effects, gates: Gates) -> None:
    steps = [act("a", compensate=act("undo_a")), act("b", "a", compensate=act("undo_b", gate="u"))]
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [*steps, act("bad", "b", fail=True)]))
        await gates.reached("u")
        await baton.pause(execution.id)
        gates.open("u")
        assert (await rested(baton, execution)).status == "paused"
        await baton.continue_(execution.id)
        execution = await finished(baton, execution)
    assert execution.status == "compensated"
    assert effects.began == ["a", "b", "bad", "~compensation.undo_b", "~compensation.undo_a"]


@pytest.mark.capability("O23")
async def test_what_is_paused_can_be_cancelled(database: Path, effects: Effects) -> None:
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [UNDOABLE[0], ask("q", "a")])))
        await baton.pause(execution.id)
        await baton.cancel(execution.id, compensate=True)
        execution = await finished(baton, execution)
        with pytest.raises(ConflictError, match="has ended"):
            await baton.pause(execution.id)
    assert execution.status == "compensated"


@pytest.mark.capability("O23")
async def test_what_is_asked_before_a_drive_has_begun_is_heard(database: Path, effects: Effects) -> None:
    """The engine took it up already, and had not come to it."""
    async with engine(database, effects=effects) as baton:
        paused = await baton.start(workflow("w", [act("a")]))
        await baton.pause(paused.id)
        cancelled = await baton.start(workflow("w", [act("a")]))
        await baton.cancel(cancelled.id)
        assert (await rested(baton, paused)).status in ("paused", "completed")
        assert (await finished(baton, cancelled)).status in ("cancelled", "completed")


# -- dead letters ----------------------------------------------------------------------------------------------------


class Broken:
    """Something outside that is broken until somebody mends it."""

    def __init__(self) -> None:
        self.now = True


class Flaky(Act):
    """An `act` that fails while something is broken."""

    name: ClassVar[str] = "flaky"

    async def run(self, context: StepContext, config: ActConfig) -> Any:
        response = await super().run(context, config)
        if context.resource(Broken).now:
            raise StepError("it is broken")
        return response


FLAKY = step_types(Flaky())


@pytest.mark.capability("E12", "E22")
async def test_what_could_not_be_undone_is_a_dead_letter_and_can_be_tried_again(
    database: Path, effects: Effects
) -> None:
    """Only what failed is tried again; the rest is not undone twice. Its errors are not the execution's own."""
    undo = act("undo_b")
    steps = [
        act("a", compensate=act("undo_a")),
        act("b", "a", compensate={**undo, "type": "flaky"}),
        {"name": "all", "type": "sequence", "depends_on": ["b"], "steps": []},
        act("bad", "all", fail=True),
    ]
    steps[2]["steps"] = [act("d", compensate={**undo, "name": "undo_d", "type": "flaky"})]
    broken = Broken()
    async with engine(database, effects=effects, types=FLAKY, resources=[broken]) as baton:
        execution = await run(baton, workflow("w", steps, **{"finally": [act("last")]}))
        assert execution.status == "compensation_failed" and execution.error and execution.error["step"] == "bad"
        letters = await baton.dead_letters(kind="compensation")
        assert [(one.path, one.about["undoes"], one.kind) for one in letters] == [
            ("~compensation.undo_b", "b", "compensation"),
            ("~compensation.all.undo_d", "all.d", "compensation"),
        ]
        assert letters[0].error["message"] == "it is broken"
        assert await baton.redrive([letters[0].id], by="ann") == [execution.id]
        assert (await finished(baton, execution)).status == "compensation_failed"
        with pytest.raises(ConflictError, match=f"Dead letter {letters[0].id} was redriven by ann at"):
            await baton.redrive([letters[0].id])
        broken.now = False
        await baton.redrive([letter.id for letter in await baton.dead_letters()])
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
        assert [one.kind for one in await baton.dead_letters()] == ["failure"], "what failed is another matter"
        assert len(await baton.dead_letters(status=None)) == 4
    assert execution.status == "compensated" and execution.error and execution.error["step"] == "bad"
    assert results["~compensation"]["output"] == {"compensated": ["all.undo_d", "undo_b", "undo_a"], "failed": []}
    assert effects.counts["~compensation.undo_a"] == effects.counts["~finally.last"] == 1
    assert effects.counts["~compensation.undo_b"] == 3


@pytest.mark.capability("X15", "E22")
async def test_a_redrive_keeps_why_it_ended(database: Path, effects: Effects, gates: Gates) -> None:
    """Time was over; when the undoing is tried again days later, that is still why."""
    clock, broken = ManualClock(), Broken()
    steps = [act("a", compensate={"name": "undo", "type": "flaky"}), act("slow", "a", gate="never", timeout=999)]
    definition = workflow("w", steps, config={"timeout": 60})
    async with engine(database, effects=effects, gates=gates, clock=clock, types=FLAKY, resources=[broken]) as baton:
        execution = await baton.start(definition)
        await gates.reached("never")
        clock.advance(61)
        execution = await finished(baton, execution)
        error = execution.error
        assert (execution.status, execution.compensation) == ("timed_out", "compensation_failed")
        assert error is not None and error["code"] == "timed_out"
        broken.now = False
        clock.advance(86_400)
        (letter,) = await baton.dead_letters(kind="compensation")
        await baton.redrive([letter.id])
        execution = await finished(baton, execution)
    assert (execution.status, execution.compensation) == ("timed_out", "compensated") and execution.error == error


@pytest.mark.capability("E22")
async def test_a_finally_step_that_failed_is_a_dead_letter_too(database: Path, effects: Effects) -> None:
    broken = Broken()
    definition = workflow("w", [act("a", value=1)], **{"finally": [{"name": "close", "type": "flaky"}, act("last")]})
    async with engine(database, effects=effects, types=FLAKY, resources=[broken]) as baton:
        execution = await run(baton, definition)
        output = execution.output
        (letter,) = await baton.dead_letters()
        assert (execution.status, letter.kind, letter.path) == ("completed", "finally", "~finally.close")
        broken.now = False
        await baton.redrive([letter.id])
        execution = await finished(baton, execution)
        assert await baton.dead_letters() == []
    assert execution.status == "completed" and execution.output == output
    assert effects.began == ["a", "~finally.close", "~finally.last", "~finally.close"]


@pytest.mark.capability("E22")
async def test_a_dead_letter_is_discarded_once(database: Path, effects: Effects) -> None:
    definition = workflow("w", [act("a")], **{"finally": [act("close", fail=True)]})
    async with engine(database, effects=effects) as baton:
        await run(baton, definition)
        (letter,) = await baton.dead_letters()
        (discarded,) = await baton.discard([letter.id], by="ann", note="by hand")
        assert (discarded.status, discarded.closed_by, discarded.note) == ("discarded", "ann", "by hand")
        with pytest.raises(ConflictError, match=f"Dead letter {letter.id} was discarded by ann at"):
            await baton.redrive([letter.id])
        assert (await baton.dead_letter(letter.id)).status == "discarded"


@pytest.mark.capability("O23", "R9")
async def test_a_pause_that_is_over_when_it_is_heard_of_holds_nothing(database: Path, gates: Gates) -> None:
    """Another process's, and continued before this engine looked: parked for it, the execution would wait for ever."""
    steps = [ask("q"), act("a", "q", gate="go"), act("b", "a")]
    async with engine(database, gates=gates, poll=0.05) as baton, engine(database, drive=False) as other:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        await other.pause(execution.id, by="ann")
        [signal] = await baton.store.signals(0)
        await baton.continue_(execution.id)
        await baton.decide(execution.id, "q", "approve", by="ann")
        await gates.reached("go")
        assert baton._driver is not None
        async with asyncio.timeout(60):
            while baton._driver._signals.seen < signal.seq:
                await asyncio.sleep(0.01)
        gates.open("go")
        assert (await finished(baton, execution)).status == "completed"
