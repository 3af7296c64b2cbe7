"""What the ad-hoc assistant may use, and what its plans may not hold."""

from pathlib import Path
from typing import Any

import pytest

from agents import Agent, Agents, Tool
from agents.planning.bounds import AssistantBounds
from graphs.spec import Workflow
from tests.support.engine.assistant import READING, REFUND, World, open_question
from tests.support.engine.engines import engine, finished


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
    ("type: agent\n      config: {message: x, tools: [{workflow: refund}]}", "there is no workflow 'refund'"),
    ('type: agent\n      config: {message: x, tools: "{{ input.cities }}"}', "tool: write a name itself."),
    ('type: tool\n      config: {tool: "{{ input.cities[0] }}"}', "tool: write a name itself."),
    ("type: tool\n      config: {tool: hidden}", "there is no tool 'hidden'"),
    ('type: function\n      config: {function: "os:system"}', "function: there is no 'os:system' here."),
    ("type: service_call\n      config: {service: hidden, endpoint: /x}", "there is no service 'hidden'"),
    ("type: workflow\n      config: {workflow: refund}", "there is no workflow 'refund'"),
    ("type: workflow\n      config: {definition: {}}", "a plan has no 'definition': run a published workflow"),
    ("type: parallel\n      config: {steps_from: []}", "a plan has no 'steps_from': write the steps themselves."),
    (
        "type: tool\n      config: {tool: look_up, args: {town: Oslo}}",
        "args: tool 'look_up' cannot be called so: it.city is missing; it.town is not known here. It takes city.",
    ),
    (
        "type: tool\n      config: {tool: look_up, args: {city: 7, town: '{{ input.cities[0] }}'}}",
        "it.city: 7 is not text; it.town is not known here. It takes city.",
    ),
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
@pytest.mark.parametrize("given", ["{order: A-7, amount: lots}", "{order: A-7, amount: 3, by: '{{ input.cities }}'}"])
async def test_what_a_plan_calls_a_workflow_with_is_checked_before_anybody_is_asked(given: str, database: Path) -> None:
    calling = READING.replace(CRITERIA, f"type: workflow\n      config: {{workflow: refund, input: {given}}}")
    world = World("plan", calling.replace("output.answer", "output.paid"))
    refund = REFUND.model_dump(by_alias=True)
    refund["spec"]["input"]["schema"]["additionalProperties"] = False
    async with engine(database, resources=world.resources()) as baton:
        await baton.publish(Workflow.model_validate(refund))
        execution = await finished(baton, await baton.ask("Look"))
    assert execution.error["code"] == "plan_invalid" and world.done == []
    told = "it.by is not known here" if "by:" in given else "it.amount: 'lots' is not a number"
    assert f"config.input: workflow 'refund' cannot be called so: {told}. It takes" in execution.error["message"]


@pytest.mark.capability("security-A18")
async def test_a_plan_without_end_is_not_even_read(database: Path) -> None:
    """It would hold up everything else that the engine carries out, and nobody would read it before approving it."""
    assert "characters, and a plan has 100000 at most" in await refused(READING + "# more\n" * 20_000, database)


@pytest.mark.capability("security-A18")
async def test_a_plan_that_takes_the_assistants_name_is_a_plan_nevertheless(database: Path) -> None:
    draft = READING.replace(CRITERIA, "type: survey\n      config: {message: x}").replace("compare_cities", "baton")
    assert "a plan has no steps of type 'survey'." in await refused(draft, database)


UNASKED = [
    ("city: '{{ env.REGION }}'", "", "reads values of the environment"),
    ("city: '{{ (secrets).TOKEN }}'", "", "reads values of the environment"),
    ('city: "{{ secrets\\n.TOKEN }}"', "", "reads values of the environment"),
    ("city: '{{ [secrets] | map(\"TOKEN\") | first }}'", "", "reads values of the environment"),
    ("city: '{{ env | json }}'", "", "reads values of the environment"),
    ("city: Oslo", "{action: retry, config: {tool: write_to}}", "calls the tool 'write_to'"),
    ("city: Oslo", "{action: fallback, fallback: {name: f, type: tool, config: {tool: write_to}}}", "calls the tool"),
]


@pytest.mark.capability("security-A18", "security-A19")
@pytest.mark.parametrize(("args", "on_failure", "does"), UNASKED)
async def test_a_plan_that_reaches_for_more_than_its_tools_is_asked_about_however_it_is_written(
    args: str, on_failure: str, does: str, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool that changes nothing may tell somebody what it is given, and another may answer its failure."""
    monkeypatch.setenv("TOKEN", "hunter2")
    written = f"type: tool\n      config: {{tool: look_up, args: {{{args}}}}}"
    draft = READING.replace(CRITERIA, written + (f"\n      on_failure: {on_failure}" if on_failure else ""))
    world = World("plan", draft)
    how: dict[str, Any] = {"expose": ("REGION",), "secrets": ("TOKEN",)}
    async with engine(database, resources=world.resources(), **how) as baton:
        execution = await baton.wait((await baton.ask("Look")).id, until="rest")
        question = await open_question(baton, execution)
    assert world.done == []
    assert next(act["does"] for act in question.wait.question["payload"]["acts"]).startswith(does)


FETCHED = """
    - {name: fetch, type: tool, config: {tool: look_up, args: {city: Oslo}}}
    - {name: pay, depends_on: [fetch], """
OWED = '"{{ steps.fetch.output.owed }}"'
UNSEEN = [
    "type: tool, config: {tool: pay, args: {amount: OWED}}}",
    "type: tool, config: {args: {amount: OWED}}}",
    "type: tool, config: {tool: pay, args: {amount: 5}}, on_failure: {action: retry, config: {args: {amount: OWED}}}}",
    "type: map, config: {items: OWED}, steps: [{name: pay, type: tool, config: {args: {amount: '{{ item }}'}}}]}",
]
SHOWN = [
    "type: tool\n      config: {tool: pay, args: {amount: 500}}",
    'type: map\n      config: {items: "{{ input.cities }}", as: c}\n      steps: '
    '[{name: x, type: tool, config: {tool: pay, args: {amount: 9, to: "{{ c }}"}}}]',
]


def _paying(draft: str) -> tuple[World, list[Any], list[Any]]:
    paid: list[Any] = []
    world = World("plan", draft)
    models, tools = world.resources()
    tools.add(Tool("pay", "Pays.", lambda amount, to=None: paid.append(amount), approval="args.amount > 100"))
    return world, [models, tools], paid


@pytest.mark.capability("security-A19", "F22")
@pytest.mark.parametrize("steps", UNSEEN, ids=["by step", "by name", "tried again", "items"])
async def test_a_call_above_a_threshold_cannot_hide_in_what_a_plan_fetches(steps: str, database: Path) -> None:
    """Whoever approves a plan approves what they see: what a fetched document asks for stands in nobody's plan."""
    plan = READING.partition("  steps:")[0] + "  steps:" + FETCHED + steps.replace("OWED", OWED)
    _, given, paid = _paying(plan)
    async with engine(database, resources=given) as baton:
        execution = await baton.wait((await baton.ask("Pay what we owe")).id, until="rest")
    assert (execution.status, paid) == ("failed", [])
    assert execution.error["code"] == "plan_invalid"
    told = "a person is asked about calls of 'pay' (args.amount > 100), and what this one is made with is not known"
    assert told in execution.error["message"]


@pytest.mark.capability("security-A19", "F22")
@pytest.mark.parametrize("written", SHOWN, ids=["values", "of the input"])
async def test_a_call_whose_arguments_are_shown_is_approved_with_its_plan(written: str, database: Path) -> None:
    _, given, paid = _paying(READING.replace(CRITERIA, written).replace(".answer }}", " }}"))
    async with engine(database, resources=given) as baton:
        execution = await baton.wait((await baton.ask("Pay")).id, until="rest")
        question = await open_question(baton, execution)
        assert paid == [] and "pay" in str(question.wait.question["payload"]["acts"])
        await baton.decide(execution.id, question.path, "approve", by="ann")
        execution = await finished(baton, execution)
    assert execution.status == "completed", execution.error
    assert paid in ([500], [9, 9])


@pytest.mark.capability("security-A18")
async def test_words_that_only_look_like_the_environment_are_words(database: Path) -> None:
    world = World("plan", READING.replace('"Criteria?"', '"What are secrets. And env.X?"').replace(".answer }}", " }}"))
    async with engine(database, resources=world.resources()) as baton:
        execution = await finished(baton, await baton.ask("Look"))
    assert execution.status == "completed", execution.error


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
