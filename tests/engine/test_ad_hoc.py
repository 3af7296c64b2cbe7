"""A request that names no workflow: answered, matched with a published workflow, or planned."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents import Agent, Agents, Models, Script, Tool, Tools, Turn
from agents.planning.bounds import AssistantBounds
from graphs.errors import ConflictError, DefinitionError, InputError
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, engine, finished, rested, statuses, workflow

CITIES = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: compare_cities}
spec:
  input:
    schema:
      type: object
      properties: {cities: {type: array, items: {type: string}}}
      required: [cities]
  steps:
    - name: research
      type: map
      config: {items: "{{ input.cities }}"}
      steps:
        - {name: look, type: tool, config: {tool: TOOL, args: {city: "{{ item }}"}}}
    - name: criteria
      type: agent
      config: {message: "Criteria?"}
  output:
    values:
      facts: "{{ steps.research.output.results }}"
      criteria: "{{ steps.criteria.output.answer }}"
"""
READING, WRITING = CITIES.replace("TOOL", "look_up"), CITIES.replace("TOOL", "write_to")


class World:
    """What the tools did, and a model that says what each step of the assistant needs."""

    def __init__(self, route: str, *drafts: str, **more: Any) -> None:
        self.asked: list[str] = []
        self.done: list[str] = []
        self.drafts = [self._draft(text) for text in drafts]
        self.route = route
        self.more = more

    def _draft(self, text: str) -> dict[str, Any]:
        return {"workflow": text, "input": {"cities": ["Oslo", "Rome"]}, "summary": "Compares two cities."}

    def resources(self) -> list[Any]:
        world = self

        class Model(Script):
            def turn(self, spoken: int, asked: str, form: Any) -> Turn | None:
                wanted = (form or {}).get("properties", {})
                return world.say(asked, wanted)

        def look_up(city: str) -> dict[str, str]:
            self.done.append(f"look {city}")
            return {"city": city, "is": "fine"}

        def write_to(city: str) -> dict[str, str]:
            self.done.append(f"write {city}")
            return {"wrote": city}

        tools = Tools(
            [
                Tool("look_up", "Looks a city up.", look_up, effect="none"),
                Tool("write_to", "Writes to a city.", write_to, effect="irreversible"),
            ]
        )
        return [Models(allow_real=False, default="scripted:m", scripts=[Model("m")]), tools]

    def say(self, asked: str, wanted: dict[str, Any]) -> Turn:
        what = (
            "decide" if "route" in wanted else "plan" if "summary" in wanted else "fill" if "missing" in wanted else ""
        )
        self.asked.append(what or asked)
        if what == "decide":
            return Turn(structured={"route": self.route, "reason": "So it is.", "complexity": 3, "tasks": ["look"]})
        if what == "plan":
            number = sum(one == "plan" for one in self.asked) - 1
            return Turn(structured=self.drafts[min(number, len(self.drafts) - 1)])
        if what == "fill":
            return Turn(structured=self.more["fill"])
        return Turn(f"Said: {asked[:2000]}")


async def _asked(baton: Orchestrator, execution: Execution) -> Any:
    [wait] = await baton.waits(execution.id)
    return wait


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
        wait = await _asked(baton, execution)
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
        wait = await _asked(baton, execution)
        wrong = {"workflow": WRITING.replace("write_to", "wipe")}
        await baton.decide(execution.id, wait.path, "edit", by="ann", data=wrong)
        execution = await rested(baton, execution)
        again = await _asked(baton, execution)
        assert again.path == "route.draft[1].review" and again.wait.question["allow"] == ["edit", "respond", "reject"]
        assert any("'wipe'" in line for line in again.wait.question["payload"]["problems"])
        await baton.decide(execution.id, again.path, "edit", by="ann", data={"workflow": WRITING})
        execution = await rested(baton, execution)
        again = await _asked(baton, execution)
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
        wait = await _asked(baton, execution)
    assert wait.wait.question["message"] == "May this plan run: Compares two cities."


REFUND = workflow(
    "refund",
    [act("pay", sensitive=True), act("tell", "pay")],
    input={
        "schema": {
            "type": "object",
            "properties": {"order": {"type": "string"}, "amount": {"type": "number", "minimum": 1}},
            "required": ["order", "amount"],
        }
    },
    output={"values": {"paid": "{{ input.amount }}"}},
)


@pytest.mark.capability("F24", "C14", "D10")
async def test_a_published_workflow_is_found_filled_in_and_run(database: Path) -> None:
    fill = {"input": {"order": "A-1", "amount": 20}, "missing": []}
    world = World("run refund", fill=fill)
    async with engine(database, resources=world.resources()) as baton:
        await baton.publish(REFUND)
        execution = await rested(baton, await baton.ask("Refund 20 for A-1"))
        wait = await _asked(baton, execution)
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
        wait = await _asked(baton, execution)
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


async def test_the_bounds_of_the_assistant_hold_for_models_and_for_people(database: Path) -> None:
    world = World("plan", READING, READING.replace("look_up", "hidden"))
    bounds = AssistantBounds(tools=("write_*",), workflows=())
    async with engine(database, resources=[*world.resources(), bounds]) as baton:
        await baton.publish(REFUND)
        execution = await finished(baton, await baton.ask("Look"))
        results = await baton.results(execution.id)
    assert execution.error["code"] == "plan_invalid"
    survey = results["survey"]["output"]
    assert survey["routes"] == ["answer", "plan"] and survey["tools"] == []
    assert "write_to" in survey["language"] and "look_up" not in survey["language"]


CRITERIA = 'type: agent\n      config: {message: "Criteria?"}'
FORBIDDEN = [
    ('type: agent\n      config: {message: x, model: "openai:dear"}', "leave 'model' out; it is chosen for you."),
    ('type: agent\n      config: {agent: {name: x, model: "openai:dear"}, message: x}', "leave 'model' out"),
    (
        "type: agent\n      config: {agent_capability: refunds, message: x}",
        "agent_capability: there is no 'refunds' here.",
    ),
    ("type: agent\n      config: {message: x, tools: [{workflow: refund}]}", "workflow: there is no 'refund' here."),
    ('type: agent\n      config: {message: x, tools: "{{ input.cities }}"}', "tool: write a name itself."),
    ('type: tool\n      config: {tool: "{{ input.cities[0] }}"}', "tool: write a name itself."),
    ("type: tool\n      config: {tool: hidden}", "there is no tool 'hidden'"),
    ('type: function\n      config: {function: "os:system"}', "function: there is no 'os:system' here."),
    ("type: service_call\n      config: {service: hidden, endpoint: /x}", "there is no service 'hidden'"),
    ("type: workflow\n      config: {workflow: refund}", "there is no workflow 'refund'"),
    ("type: workflow\n      config: {definition: {}}", "a plan has no 'definition': run a published workflow"),
    ("type: parallel\n      config: {steps_from: []}", "a plan has no 'steps_from': write the steps themselves."),
    ("type: survey\n      config: {message: x}", "the step type 'survey' is a part of Baton"),
    ("type: agent_with_handler\n      config: {message: x}", "the step type 'agent_with_handler' is a part of Baton"),
    ("type: check_outcome\n      config: {}", "the step type 'check_outcome' is a part of Baton"),
]


@pytest.mark.capability("security-A18")
@pytest.mark.parametrize(("written", "told"), FORBIDDEN)
async def test_what_a_plan_may_not_hold_is_told(written: str, told: str, database: Path) -> None:
    """Also what only a running step could be found out to reach; each thing is told once."""
    draft = READING.replace(CRITERIA, written)
    assert draft != READING
    assert (await refused(draft, database)).count(told) == 1


@pytest.mark.capability("security-A18")
async def test_a_plan_that_takes_the_assistants_name_is_a_plan_nevertheless(database: Path) -> None:
    draft = READING.replace(CRITERIA, "type: survey\n      config: {message: x}").replace("compare_cities", "baton")
    assert "a plan has no steps of type 'survey'." in await refused(draft, database)


async def refused(draft: str, database: Path) -> str:
    """What is said about a plan that may not run, by an assistant that may use one tool and one agent."""
    hidden = Tool("hidden", "Nobody's business.", lambda: None)
    agents = [Agent(name=name, model="scripted:m", capabilities=("refunds",)) for name in ("seen", "unseen")]
    models, tools = World("plan", draft).resources()
    tools.add(hidden)
    bounds = AssistantBounds(tools=("look_*",), workflows=(), agents=("seen",))
    async with engine(database, resources=[models, tools, Agents(agents), bounds]) as baton:
        await baton.publish(REFUND)
        execution = await finished(baton, await baton.ask("Look"))
    assert execution.error["code"] == "plan_invalid"
    message: str = execution.error["message"]
    return message


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
                wait = await _asked(baton, execution)
                await baton.decide("x", wait.path, "approve", by="ann")
                await finished(baton, "x")

            over = await either(work(), crash)
    async with engine(database, resources=world.resources()) as baton:
        execution = await rested(baton, await baton.ask("Write", execution_id="x", idempotency_key="k"))
        if not execution.status.final:
            wait = await _asked(baton, execution)
            await baton.decide("x", wait.path, "approve", by="ann")
        execution = await finished(baton, "x")
    assert execution.status == "completed", execution.error
    assert len(world.asked) <= 5 + (not over), world.asked
    assert len(world.done) <= 2 + 2 * (not over) and {*world.done} == {"write Oslo", "write Rome"}


BREAKS = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: breaks}
spec:
  steps:
    - {name: first, type: tool, config: {tool: write_to, args: {city: Oslo}}}
    - {name: second, type: tool, depends_on: [first], config: {tool: broken, args: {city: Rome}}}
    - {name: third, type: tool, depends_on: [second], config: {tool: write_to, args: {city: Bern}}}
"""
REPEATS = BREAKS.replace("broken", "look_up")
MENDED = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: mended}
spec:
  steps:
    - {name: second, type: tool, config: {tool: look_up, args: {city: Rome}}}
    - {name: third, type: tool, depends_on: [second], config: {tool: write_to, args: {city: Bern}}}
"""


class Breaking(World):
    """One of its tools never works; its drafts have no input."""

    def _draft(self, text: str) -> dict[str, Any]:
        return {"workflow": text, "summary": "Does it."}

    def resources(self) -> list[Any]:
        def broken(city: str) -> None:
            self.done.append(f"broken {city}")
            raise ValueError("the road is closed")

        def unwrite(wrote: str) -> None:
            self.done.append(f"unwrite {wrote}")

        models, tools = super().resources()
        broken_tool = Tool("broken", "Goes there.", broken, effect="none")
        write = replace(tools.get("write_to"), effect="reversible", undo="unwrite")
        return [models, Tools([tools.get("look_up"), write, broken_tool, Tool("unwrite", "Takes back.", unwrite)])]


async def _agreed(baton: Orchestrator, execution: Execution) -> tuple[Execution, list[Any]]:
    """Every plan is approved; what was asked."""
    asked = []
    execution = await rested(baton, execution)
    while not execution.status.final:
        wait = await _asked(baton, execution)
        asked.append(wait.wait.question)
        await baton.decide(execution.id, wait.path, "approve", by="ann")
        execution = await rested(baton, execution)
    return execution, asked


@pytest.mark.capability("F22", "I08", "O22")
async def test_what_is_left_of_a_plan_that_fails_is_planned_anew(database: Path) -> None:
    """The model sees what was done and what failed; a plan that would do it again is refused; the person who is asked
    about the new one is told; what was done is not done again, and is told with the results."""
    world = Breaking("plan", BREAKS, REPEATS, MENDED)
    async with engine(database, resources=world.resources()) as baton:
        execution, asked = await _agreed(baton, await baton.ask("Write to Oslo, see Rome, write to Bern"))
        results = await baton.results(execution.id)
        with pytest.raises(ConflictError, match="holds only what was left to do"):
            await baton.save_plan(execution.id, "trip")
    assert execution.status == "completed", execution.error
    assert world.done == ["write Oslo", "broken Rome", "look Rome", "write Bern"]
    told = results["route.draft[1].write"]["output"]["messages"][0]["content"]
    assert (
        "the road is closed" in told and '"done": {"first": {"wrote": "Oslo"}}' in told and "must not be done" in told
    )
    [problem] = results["route.draft[1].check"]["output"]["problems"]
    assert problem.startswith("step 'first' was carried out by the plan before this one: leave it out")
    assert [question["message"].partition(" May")[0] for question in asked] == [
        "May this plan run, which changes things in the world outside: Does it.",
        "The plan before failed at second, after first had been done.",
    ]
    assert asked[1]["payload"]["done_before"] == {"first": {"wrote": "Oslo"}}
    assert '"done_before": {"first": {"wrote": "Oslo"}}' in execution.output["answer"]
    assert world.asked.count("plan") == 3


@pytest.mark.capability("F22", "E11")
@pytest.mark.parametrize(("replans", "plans"), [(0, 1), (2, 3)])
async def test_plans_are_made_anew_so_often_and_then_all_is_undone(database: Path, replans: int, plans: int) -> None:
    again = BREAKS.replace("first", "other").replace("Oslo", "Bonn")
    world = Breaking("plan", BREAKS, again, again.replace("other", "another").replace("Bonn", "Graz"))
    async with engine(database, resources=world.resources()) as baton:
        execution, _ = await _agreed(baton, await baton.ask("Write", replans=replans))
    assert (execution.status, world.asked.count("plan")) == ("compensated", plans)
    assert "the road is closed" in execution.error["message"]
    cities = ["Oslo", "Bonn", "Graz"][:plans]
    assert [one for one in world.done if one.startswith("write")] == [f"write {city}" for city in cities]
    assert [one for one in world.done if one.startswith("un")] == [f"unwrite {city}" for city in reversed(cities)]
    assert world.done.count("broken Rome") == plans


async def test_an_application_may_say_that_plans_are_not_made_anew(database: Path) -> None:
    world = Breaking("plan", BREAKS, MENDED)
    async with engine(database, resources=[*world.resources(), AssistantBounds(replans=0)]) as baton:
        execution, _ = await _agreed(baton, await baton.ask("Write"))
    assert (execution.status, world.asked.count("plan")) == ("compensated", 1)
