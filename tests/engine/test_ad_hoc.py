"""A request that names no workflow: answered, matched with a published workflow, or planned."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents import Failure, Models, Script, Turn
from graphs.clock import ManualClock
from graphs.errors import ConflictError, DefinitionError, InputError
from tests.support.engine.assistant import READING, REFUND, WRITING, World, open_question
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, engine, finished, rested, statuses, wind, workflow


@pytest.mark.capability("I05", "O22", "F18")
async def test_a_question_is_answered_by_an_agent(database: Path) -> None:
    world = World("answer")
    async with engine(database, resources=world.resources()) as baton:
        earlier = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
        execution = await finished(baton, await baton.ask("What is 2 + 2?", messages=earlier, context={"tone": "dry"}))
        found = await statuses(baton, execution)
        results = await baton.results(execution.id)
    assert execution.output == {
        "answer": 'Said: What is 2 + 2?\n\nContext:\n{"tone": "dry"}',
        "route": "answer",
        "reason": "So it is.",
        "refused": None,
        "result": None,
        "plan": None,
    }
    assert list(found) == ["survey", "decide[0].model", "decide", "route", "reply[0].model", "reply"]
    assert results["decide"]["output"]["structured"]["complexity"] == 3, "the analysis is kept"
    assert [one["content"] for one in results["reply"]["output"]["messages"][:2]] == ["Hi", "Hello."]


@pytest.mark.capability("E03", "R12", "F22")
async def test_a_provider_that_is_busy_for_a_moment_costs_nobody_a_plan(database: Path) -> None:
    world = World("plan", READING)
    models, *rest = world.resources()
    script = models.scripts.get("m")
    busy = (Failure("rate_limit", retry_after=0), Failure("server", retry_after=0))

    class Busy(Script):
        def turn(self, spoken: int, asked: str, form: Any) -> Turn | None:
            return replace(script.turn(spoken, asked, form), failures=busy)

    models = Models(allow_real=False, default="scripted:b", scripts=[Busy("b")])
    clock = ManualClock()
    async with engine(database, resources=[models, *rest], clock=clock) as baton:
        execution = await wind(baton, (await baton.ask("Compare Oslo and Rome")).id)
        attempts = {path: one["attempts"] for path, one in (await baton.results(execution.id)).items()}
    assert execution.status == "completed", execution.error
    assert [attempts[path] for path in ("decide[0].model", "reply[0].model")] == [3, 3]
    assert attempts["route.draft[0].write[0].model"] == 3


async def test_the_last_words_of_a_user_are_what_is_asked(database: Path) -> None:
    world = World("answer")
    said = [
        {"type": "human", "content": [{"type": "text", "text": "First"}]},
        {"type": "ai", "content": "Yes?"},
        {"type": "tool", "content": "[]"},
        {"role": "user", "content": "Second"},
    ]
    async with engine(database, resources=world.resources()) as baton:
        execution = await finished(baton, await baton.ask(messages=said, route="answer"))
        assert execution.output["answer"] == "Said: Second" and world.asked == ["Second"], "nothing was to be decided"
        execution = await finished(baton, await baton.ask(messages=[said[1]]))
        assert execution.error["message"] == "nothing is asked."


@pytest.mark.capability("F22", "F08", "I05", "D01")
async def test_a_plan_that_only_looks_runs_side_by_side_and_is_put_together(database: Path) -> None:
    world = World("plan", READING)
    async with engine(database, resources=world.resources()) as baton:
        execution = await finished(baton, await baton.ask("Compare Oslo and Rome"))
        found = await statuses(baton, execution)
        records = await baton.records(execution.id)
    assert execution.status == "completed", execution.error
    assert sorted(world.done) == ["look Oslo", "look Rome"]
    assert execution.output["result"]["facts"] == [{"city": "Oslo", "is": "fine"}, {"city": "Rome", "is": "fine"}]
    assert "Compare Oslo and Rome" in execution.output["answer"] and '"is": "fine"' in execution.output["answer"]
    assert found["route.draft[0].carry_out.research[1].look"] == "completed" and "route.draft[0].review" in found
    [analysed] = [record.data for record in records if record.kind == "plan.analysed"]
    assert analysed["task_analysis"]["width"] == 2 and analysed["execution_strategy"]["pattern"] == "react"


@pytest.mark.capability("F22", "I08", "C12")
async def test_what_is_wrong_with_a_draft_goes_back_to_the_model(database: Path) -> None:
    broken = READING.replace("type: map", "type: mapp").replace("tool: look_up", "tool: look_upp")
    world = World("plan", "steps: [", broken, READING)
    async with engine(database, resources=world.resources()) as baton:
        execution = await finished(baton, await baton.ask("Compare"))
        results = await baton.results(execution.id)
    assert execution.status == "completed"
    first, second = (results[f"route.draft[{n}].check"]["output"]["problems"] for n in (0, 1))
    assert len(first) == 1 and first[0].startswith("line 1: ")
    assert [problem.partition(". ")[0] for problem in second] == [
        "line 13: step 'research', type: no step type 'mapp'",
        "line 16: step 'research.look', config.tool: there is no tool 'look_upp' in this engine's settings",
    ]
    told = results["route.draft[2].write"]["output"]["messages"][0]["content"]
    assert "type: mapp" in told and json.dumps(second[0])[1:-1] in told, "what it wrote, and what is wrong with it"


async def test_a_model_that_writes_no_plan_is_given_up_on(database: Path) -> None:
    world = World("plan", "nonsense")
    async with engine(database, resources=world.resources()) as baton:
        execution = await finished(baton, await baton.ask("Compare"))
    assert execution.status == "failed" and execution.error["code"] == "plan_invalid"
    assert execution.error["message"].endswith(
        "failed: the model wrote no workflow that can be run, in 4 drafts: line 1: The definition is 'nonsense', not a "
        "mapping. A workflow begins with `apiVersion: workflow/v1` and `kind: Workflow`."
    )
    assert world.asked.count("plan") == 4


@pytest.mark.capability("I08", "F22")
@pytest.mark.parametrize("decision", ["approve", "reject", "edit", "respond"])
async def test_a_person_decides_about_a_plan_that_acts(decision: Any, database: Path) -> None:
    world = World("plan", WRITING, READING)
    async with engine(database, resources=world.resources()) as baton:
        execution = await rested(baton, await baton.ask("Write to Oslo and Rome"))
        wait = await open_question(baton, execution)
        assert world.done == []
        assert wait.wait.question["message"] == (
            "May this plan run, which changes something in the world outside: Compares two cities."
        )
        shown = wait.wait.question["payload"]
        assert shown["acts"] == [{"step": "look", "does": "calls the tool 'write_to'"}]
        data = {"edit": {**shown, "input": {"cities": ["Bern"]}}, "respond": "Only look."}.get(decision)
        await baton.decide(execution.id, wait.path, decision, by="ann", reason="because", data=data)
        execution = await finished(baton, execution)
    assert execution.status == "completed", execution.error
    done = {"approve": ["write Oslo", "write Rome"], "edit": ["write Bern"], "respond": ["look Oslo", "look Rome"]}
    assert sorted(world.done) == done.get(decision, [])
    if decision == "reject":
        assert '{"refused": {"by": "ann", "reason": "because"}}' in execution.output["answer"], "it is told"
        assert execution.output["refused"] == {"by": "ann", "reason": "because"}
    assert world.asked.count("plan") == (2 if decision == "respond" else 1)


async def test_what_a_person_writes_is_checked_too(database: Path) -> None:
    world = World("plan", WRITING)
    async with engine(database, resources=world.resources()) as baton:
        execution = await rested(baton, await baton.ask("Write"))
        wait = await open_question(baton, execution)
        wrong = {"workflow": WRITING.replace("write_to", "wipe")}
        await baton.decide(execution.id, wait.path, "edit", by="ann", data=wrong)
        execution = await rested(baton, execution)
        again = await open_question(baton, execution)
        assert again.path == "route.draft[1].review" and again.wait.question["allow"] == ["edit", "respond", "reject"]
        assert any("'wipe'" in line for line in again.wait.question["payload"]["problems"])
        await baton.decide(execution.id, again.path, "edit", by="ann", data={"workflow": WRITING})
        execution = await rested(baton, execution)
        again = await open_question(baton, execution)
        assert again.path == "route.draft[2].review"
        assert any("cities" in line for line in again.wait.question["payload"]["problems"]), "its input is missing"
        right = {"workflow": WRITING, "input": {"cities": ["Bern"]}}
        await baton.decide(execution.id, again.path, "edit", by="ann", data=right)
        execution = await finished(baton, execution)
    assert execution.status == "completed" and world.done == ["write Bern"]
    assert world.asked.count("plan") == 1


async def test_every_plan_is_asked_about_where_that_is_wanted(database: Path) -> None:
    async with engine(database, resources=World("plan", READING).resources()) as baton:
        execution = await rested(baton, await baton.ask("Look", review="always"))
        wait = await open_question(baton, execution)
    assert wait.wait.question["message"] == "May this plan run: Compares two cities."


@pytest.mark.capability("F24", "C14", "D10")
async def test_a_published_workflow_is_found_filled_in_and_run(database: Path) -> None:
    fill = {"input": {"order": "A-1", "amount": 20}, "missing": []}
    world = World("run refund", fill=fill)
    async with engine(database, resources=world.resources()) as baton:
        await baton.publish(REFUND)
        execution = await rested(baton, await baton.ask("Refund 20 for A-1"))
        wait = await open_question(baton, execution)
        assert wait.wait.question["message"].startswith("May 'refund' run with this input, which does this:")
        assert wait.wait.question["payload"] == {"order": "A-1", "amount": 20}
        with pytest.raises(InputError, match="amount"):
            await baton.decide(execution.id, wait.path, "edit", by="ann", data={"order": "A-1", "amount": 0})
        await baton.decide(execution.id, wait.path, "edit", by="ann", data={"order": "A-1", "amount": 10})
        execution = await finished(baton, execution)
    assert execution.status == "completed", execution.error
    assert execution.output["result"] == {"paid": 10} and execution.output["route"] == "run refund"
    assert '{"results": {"paid": 10}}' in execution.output["answer"]


async def test_what_a_request_does_not_say_is_asked_for_and_never_guessed(database: Path) -> None:
    world = World("run refund", fill={"input": {"order": "A-1", "amount": 1000}, "missing": ["amount"]})
    async with engine(database, resources=world.resources()) as baton:
        await baton.publish(REFUND)
        execution = await rested(baton, await baton.ask("Refund A-1"))
        wait = await open_question(baton, execution)
        assert wait.wait.question["message"] == "To run 'refund', it needs amount. Complete the input, or reject it."
        assert wait.wait.question["allow"] == ["edit", "reject"] and wait.wait.question["payload"] == {"order": "A-1"}
        await baton.decide(execution.id, wait.path, "reject", by="ann")
        execution = await finished(baton, execution)
    assert execution.output["refused"] == {"by": "ann", "reason": None} and execution.output["result"] is None


@pytest.mark.capability("X25", "F17")
async def test_a_route_that_does_not_exist_never_passes(database: Path) -> None:
    world = World("run payroll")
    async with engine(database, resources=world.resources()) as baton:
        await baton.publish(REFUND)
        execution = await finished(baton, await baton.ask("Pay everybody"))
    assert (execution.status, execution.error["code"]) == ("failed", "answer_unfit")
    assert world.asked.count("decide") == 4, "asked again three times"


@pytest.mark.capability("C11")
async def test_a_plan_is_saved_as_a_workflow_that_runs_again(database: Path) -> None:
    world = World("plan", READING)
    async with engine(database, resources=world.resources()) as baton:
        execution = await finished(baton, await baton.ask("Compare Oslo and Rome"))
        saved = await baton.save_plan(execution.id, "compare", version="2.0", by="ann")
        assert (saved.name, saved.version, saved.created_by) == ("compare", "2.0", "ann")
        again = await finished(baton, await baton.start("compare", {"cities": ["Bern"]}))
        assert again.output["facts"] == [{"city": "Bern", "is": "fine"}]
        with pytest.raises(ConflictError, match="has made no plan"):
            await baton.save_plan(again.id, "other")
        with pytest.raises(DefinitionError, match=r"metadata\.name"):
            await baton.save_plan(execution.id, "two words")


async def test_a_model_that_is_named_is_everybodys(database: Path) -> None:
    world = World("plan", READING)
    models, *rest = world.resources()
    models.default = None
    async with engine(database, resources=[models, *rest]) as baton:
        execution = await finished(baton, await baton.ask("Look", model="scripted:m"))
        assert execution.status == "completed", execution.error
        execution = await finished(baton, await baton.ask("Look"))
    assert execution.error["code"] == "model_missing", execution.error


async def test_the_assistant_is_offered_where_there_is_a_model(database: Path) -> None:
    async with engine(database, resources=World("answer").resources()) as baton:
        assert await baton.catalogue.names() == ["baton"]
        own = workflow("baton", [act("a")])
        await baton.publish(own)
        assert (await baton.catalogue.find("baton", None)).digest == own.digest, "one's own takes its place"  # type: ignore[union-attr]
    async with engine(database.with_name("other.db")) as baton:
        assert await baton.catalogue.names() == []


async def test_the_model_of_the_settings_is_the_applications_where_it_names_none(database: Path) -> None:
    models, *rest = World("answer").resources()
    models.default = None
    async with engine(database, resources=[models, *rest], model="scripted:m") as baton:
        assert await baton.catalogue.names() == ["baton"]
        execution = await finished(baton, await baton.ask("Hi"))
    assert execution.output["answer"] == "Said: Hi"


@pytest.mark.capability("D01", "F22")
@pytest.mark.parametrize("after", range(2, 40, 3))
async def test_no_plan_is_paid_for_twice_after_a_crash(database: Path, after: int) -> None:
    """After any number of commits: what a model had said is not asked again, what a tool did is not done again; but
    for what was under way at that moment."""
    world = World("plan", "steps: [", WRITING)
    crash = Crash(after)
    with crashing(crash):
        async with engine(database, resources=world.resources()) as baton:

            async def work() -> None:
                execution = await rested(baton, await baton.ask("Write", execution_id="x", idempotency_key="k"))
                wait = await open_question(baton, execution)
                await baton.decide("x", wait.path, "approve", by="ann")
                await finished(baton, "x")

            over = await either(work(), crash)
    async with engine(database, resources=world.resources()) as baton:
        execution = await rested(baton, await baton.ask("Write", execution_id="x", idempotency_key="k"))
        if not execution.status.final:
            wait = await open_question(baton, execution)
            await baton.decide("x", wait.path, "approve", by="ann")
        execution = await finished(baton, "x")
    assert execution.status == "completed", execution.error
    assert len(world.asked) <= 5 + (not over), world.asked
    assert len(world.done) <= 2 + 2 * (not over) and {*world.done} == {"write Oslo", "write Rome"}
