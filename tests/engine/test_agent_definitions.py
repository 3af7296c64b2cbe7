"""Agents as definitions: `kind: Agent`, published, versioned and pinned like workflows."""

from pathlib import Path
from typing import Any

import pytest

from agents import Agent, Agents, Call, Failure, Models, Rule, Script, Tool, Tools, Turn
from graphs.errors import DefinitionError
from graphs.loader import load_workflow
from graphs.spec import Workflow
from tests.support.engine.engines import TYPES, engine, finished, rested, run, wind, workflow

CLERK = """
apiVersion: workflow/v1
kind: Agent
metadata:
  name: clerk
  version: "{version}"
  description: Answers customers.
spec:
  model: scripted:s
  instructions: {instructions}
  tools: [look, {{tool: refund, approval: "args.amount > 100"}}]
  capabilities: [refunds]
  max_turns: 3
  budget: {{calls: 5}}
"""


def clerk(version: str = "1.0", instructions: str = "Be kind.") -> Workflow:
    return load_workflow(CLERK.format(version=version, instructions=instructions), step_types=TYPES).workflow


def resources(*scripts: Script) -> list[Any]:
    def look(amount: int = 0) -> int:
        return amount

    tools = Tools([Tool("look", "Looks.", look), Tool("refund", "Refunds.", look)])
    return [Models(allow_real=False, scripts=scripts or [Script("s", rules=(Rule("(.*)", Turn(r"\1!")),))]), tools]


def _uses(agent: str) -> Workflow:
    return workflow("w", [{"name": "ask", "type": "agent", "config": {"agent": agent, "message": "Hello"}}])


@pytest.mark.capability("I05", "A25")
async def test_an_agent_is_published_and_started_by_its_name(database: Path) -> None:
    async with engine(database, resources=resources()) as baton:
        await baton.publish(clerk())
        execution = await finished(baton, await baton.start("clerk", {"message": "Hi", "context": {"vip": True}}))
    assert execution.output["answer"].startswith("Hi")
    assert execution.output["answer"].endswith('{"vip": true}!')
    assert execution.output["usage"]["total_tokens"] > 0


@pytest.mark.capability("I05", "E03")
async def test_it_says_how_often_a_call_that_failed_is_made_again(database: Path) -> None:
    """By itself and for steps that name it, which may say otherwise."""
    turns = (Turn("Done.", failures=(Failure("rate_limit"),) * 2),)
    again = CLERK.format(version="1.0", instructions="X") + "  retry: {max_attempts: 3, initial_delay: 0}\n"
    once = {**_uses("clerk").spec.steps[0].model_dump(include={"name", "type", "config"}), "retry": {"max_attempts": 1}}
    for name, started in {"itself": "clerk", "named": _uses("clerk"), "once": workflow("w", [once])}.items():
        given = resources(Script("s", turns=turns))
        async with engine(database.with_name(f"{name}.db"), resources=given) as baton:
            await baton.publish(load_workflow(again, step_types=TYPES).workflow)
            message = {"message": "Hi"} if started == "clerk" else None
            execution = await finished(baton, await baton.start(started, message))
        assert execution.status == ("failed" if name == "once" else "completed"), name


def test_what_is_wrong_with_that_is_told_where_it_stands() -> None:
    text = CLERK.format(version="1.0", instructions="X") + "  retry: {max_attempts: none, backoff: often}\n"
    with pytest.raises(DefinitionError) as caught:
        load_workflow(text, step_types=TYPES)
    assert [problem.line for problem in caught.value.problems] == [15, 15]


async def test_what_it_is_called_is_what_people_read(database: Path) -> None:
    """In questions, records and costs; and of the budget that it has used up."""
    turns = (Turn(calls=(Call("refund", {"amount": 500}),)), *[Turn(calls=(Call("look"),))] * 9)
    async with engine(database, resources=resources(Script("s", turns=turns))) as baton:
        text = CLERK.format(version="1.0", instructions="X").replace("max_turns: 3", "max_turns: 30")
        await baton.publish(load_workflow(text, step_types=TYPES).workflow)
        execution = await rested(baton, await baton.start("clerk", {"message": "Hi"}))
        (wait,) = await baton.waits(execution.id)
        assert wait.wait.question["message"] == "May agent 'clerk' call 'refund'?"
        await baton.decide(execution.id, wait.path, "reject", by="ann")
        execution = await rested(baton, execution)
        (wait,) = await baton.waits(execution.id)
        assert wait.wait.question["message"].startswith("Agent 'clerk' cannot go on: its own budget of 5 calls ")
        assert [one.agent for one in await baton.usage(execution.id)] == ["clerk"]


@pytest.mark.capability("C09", "C10", "I05")
async def test_a_step_is_pinned_to_the_version_it_started_with(database: Path) -> None:
    """A version published while it waits does not change it; a version can be asked for by its number."""
    turn = Turn(calls=(Call("refund", {"amount": 500}),))
    script = Script("s", turns=(turn, Turn("Done.")))
    async with engine(database, resources=resources(script)) as baton:
        await baton.publish(clerk("1.0", "First."))
        execution = await rested(baton, await baton.start(_uses("clerk")))
        await baton.publish(clerk("2.0", "Second."))
        await baton.start(_uses("clerk@1.0"), execution_id="older")
        await baton.start(_uses("clerk"), execution_id="newer")
        assert execution.status == "waiting", "the agent's own tools and their thresholds hold"
    async with engine(database, resources=resources(script)) as baton:
        found = [await wind(baton, each) for each in (execution.id, "older", "newer")]
    assert [one.status for one in found] == ["completed"] * 3
    assert found[0].pins["clerk"] == found[1].pins["clerk@1.0"] != found[2].pins["clerk"]
    assert found[0].output["agent"] == "clerk"


async def test_limits_are_the_agents_where_the_step_says_nothing(database: Path) -> None:
    endless = Script("s", rules=(Rule(".", Turn(calls=(Call("look"),))),))
    async with engine(database, resources=resources(endless)) as baton:
        await baton.publish(clerk())
        execution = await run(baton, _uses("clerk"))
        assert (execution.error["code"], execution.error["turns"]) == ("turn_limit", 3)
        longer = _uses("clerk").model_dump(by_alias=True)
        longer["spec"]["steps"][0]["config"]["max_turns"] = 9
        execution = await rested(baton, await baton.start(Workflow.model_validate(longer)))
        assert execution.status == "budget_exceeded", "its budget of 5 calls is shorter now"


async def test_a_registered_agent_wins_and_a_workflow_is_none(database: Path) -> None:
    own = Agents([Agent(name="clerk", model="scripted:s", instructions="Registered.")])
    async with engine(database, resources=[*resources(), own]) as baton:
        await baton.publish(clerk())
        await baton.publish(workflow("plain", [{"name": "x", "type": "act"}]))
        assert (await run(baton, _uses("clerk"))).status == "completed"
        execution = await run(baton, _uses("plain"))
    assert execution.error["message"] == "'plain' is a workflow, and no agent."


@pytest.mark.capability("I27")
async def test_an_agent_is_a_tool_of_another(database: Path) -> None:
    """Hand-over is an ordinary sub-workflow."""
    boss = Script("boss", turns=(Turn(calls=(Call("clerk", {"message": "Where is 7?"}),)), Turn("Told.")))
    given = resources(boss, Script("s", rules=(Rule("(.*)", Turn(r"\1!")),)))
    step = {"name": "ask", "type": "agent", "config": {"model": "scripted:boss", "message": "?"}}
    step["config"]["tools"] = [{"workflow": "clerk"}]  # type: ignore[index]
    async with engine(database, resources=given) as baton:
        await baton.publish(clerk())
        execution = await run(baton, workflow("w", [step]))
    assert execution.output["tool_calls"][0]["result"]["answer"] == "Where is 7?!"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("instructions: {instructions}", 'instructions: "{{{{ input.x }}}}"'),
            "10:17: instructions: an agent's",
        ),
        (("max_turns: 3", "max_turn: 3"), "13:3: max_turn: an agent has no 'max_turn'. Did you mean 'max_turns'?"),
        (("max_turns: 3", "max_turns: 0"), "13:14: max_turns: 0 is too small"),
        (
            ("tool: refund,", "tool: refund, aproval: x,"),
            "11:32: tools[1]: there is no key 'aproval' here. Did you mean",
        ),
        (
            ("tool: refund,", "tool: refund, workflow: x,"),
            "11:17: tools[1]: give one of 'tool', 'step', 'workflow' and 'service'",
        ),
        (("tools: [look, ", "tools: [5, "), "11:11: tools[0]: 5 is not text or a Python Tool or a mapping"),
        (
            ("scripted:s", "gpt"),
            "9:10: model: model 'gpt' does not say which provider it is of. Write 'provider:model'",
        ),
        (
            ("max_turns: 3", "output_schema: {{type: x}}"),
            "13:3: output_schema: the JSON Schema cannot be used: 'x' is no",
        ),
        (('approval: "args.amount > 100"', 'approval: "args.amount >"'), "11:"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(change: tuple[str, str], told: str) -> None:
    text = CLERK.replace(*change).format(version="1.0", instructions="Be kind.")
    with pytest.raises(DefinitionError) as caught:
        load_workflow(text, step_types=TYPES)
    assert str(caught.value).startswith(told)


def test_the_steps_of_an_agent_see_what_the_model_called_them_with() -> None:
    text = """
metadata: {name: w}
spec:
  steps:
    - name: ask
      type: agent
      config: {model: "scripted:s", message: Hello}
      steps:
        - {name: find, type: service_call, config: {service: orders, endpoint: "/orders/{{ args.id }}"}}
        - {name: cancel, type: approval, config: {message: "Cancel {{ args.id }}?"}}
"""
    assert load_workflow(text, step_types=TYPES).warnings == ()
    with pytest.raises(DefinitionError, match=r"'args' exists in the steps under an agent"):
        load_workflow(text.replace("Hello", '"{{ args.id }}"'), step_types=TYPES)
