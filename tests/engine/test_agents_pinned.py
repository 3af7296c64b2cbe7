"""Agents of Python are definitions too: one digest whichever way they are written, and executions stay with theirs."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents import Agent, Agents, Call, Models, Script, Tool, Tools, Turn
from agents.models.scripted import ScriptedModel
from agents.reasoning.defining import definition_of
from agents.tools.tool_use import ToolApproval, ToolUse
from graphs.errors import BatonError, InputError
from graphs.loader import load_workflow
from graphs.spec import Budget, RetryPolicy, Workflow
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution
from tests.support.engine.engines import TYPES, engine, finished, rested, wind, workflow

YAML = """
apiVersion: workflow/v1
kind: Agent
metadata: {name: clerk, version: "1.2", description: Answers.}
spec:
  model: scripted:s
  instructions: Be kind.
  tools:
    - look
    - {tool: look}
    - {tool: refund, approval: {when: args.amount > 100}, max_calls: 2, timeout: 30s}
    - {tool: pay, approval: {when: always, assignees: ann, timeout: 1h, on_timeout: reject}}
    - {workflow: return_parcel, version: "2"}
  capabilities: refunds
  max_turns: 3
  budget: {calls: 5, cost: 1, call_seconds: 1m}
  temperature: 0
  retry: {max_attempts: 3, initial_delay: 1s}
  output_schema: {type: object, title: Said, properties: {words: {title: Words, type: string}}, required: [words]}
"""


class Said(BaseModel):
    words: str


def _function(amount: int = 0) -> int:
    return amount


PYTHON = Agent(
    name="clerk",
    version="1.2",
    description="Answers.",
    model="scripted:s",
    instructions="Be kind.",
    tools=(
        Tool("look", "Looks.", _function),
        "look",
        ToolUse(tool="refund", approval=ToolApproval(when="args.amount > 100"), max_calls=2, timeout=30),
        ToolUse(tool="pay", approval=ToolApproval(assignees=("ann",), timeout=3600)),
        ToolUse(workflow="return_parcel", version="2"),
    ),
    capabilities=("refunds",),
    max_turns=3,
    budget=Budget(calls=5, cost=1.0, call_seconds=60),
    temperature=0.0,
    retry=RetryPolicy(max_attempts=3, initial_delay=1.0),
    output_schema=Said,
)


@pytest.mark.capability("I05", "C09", "A25")
def test_the_same_agent_has_the_same_digest_whichever_way_it_was_written() -> None:
    of_yaml, of_python = load_workflow(YAML, step_types=TYPES).workflow, definition_of(PYTHON)
    assert of_python.as_document() == of_yaml.as_document()
    assert of_python == of_yaml and of_python.digest == of_yaml.digest
    assert not of_python.callables()


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "instructions": st.text(max_size=5),
            "version": st.sampled_from(["1.0", "2"]),
            "max_turns": st.integers(1, 3),
            "temperature": st.sampled_from([0.0, 1.0]),
            "capabilities": st.sampled_from([(), ("a",), ("a", "b")]),
            "tools": st.sampled_from([(), ("x",), (ToolUse(tool="x", max_calls=1),)]),
            "context_overflow": st.sampled_from(["trim", "summarize"]),
            "budget": st.sampled_from([Budget(calls=1), Budget(calls=2)]),
        },
    ),
    st.fixed_dictionaries({}, optional={"instructions": st.text(max_size=5), "max_turns": st.integers(1, 3)}),
)
def test_whatever_differs_is_another_digest(said: dict[str, Any], other: dict[str, Any]) -> None:
    one, two = Agent(name="a", **said), Agent(name="a", **{**said, **other})
    assert (definition_of(one).digest == definition_of(two).digest) == (one == two)


def clerk(model: Any = "scripted:older", **said: Any) -> Agent:
    return Agent(**{"name": "clerk", "model": model, "tools": ("refund",), **said})


def resources(*agents: Agent) -> list[Any]:
    scripts = [Script(name, turns=(Turn(calls=(Call("refund"),)), Turn(f"The {name}."))) for name in ("older", "newer")]
    return [Models(allow_real=False, scripts=scripts), Tools([Tool("refund", "Refunds.", _function)]), Agents(agents)]


async def _left_alone(baton: Orchestrator, execution: Execution, why: str) -> None:
    """An answer comes, and this engine does not go on."""
    waiting = asyncio.create_task(finished(baton, execution))
    await baton.decide(execution.id, "wait", "approve", by="ann")
    with pytest.raises(BatonError, match=why):
        await waiting


def _uses(agent: str = "clerk", *, by: str = "agent") -> Workflow:
    step = {"name": "ask", "type": "agent", "config": {by: agent, "message": "Hello"}, "depends_on": ["wait"]}
    return workflow("w", [{"name": "wait", "type": "approval"}, step])


@pytest.mark.capability("I05", "C09", "C10")
async def test_an_execution_stays_with_the_agent_it_started_with(database: Path) -> None:
    """Before its step begins, the code registers another one, and then none at all."""
    older, newer = clerk(), clerk("scripted:newer", version="2.0")
    async with engine(database, resources=resources(older)) as baton:
        first = await rested(baton, await baton.start(_uses()))
        other = await rested(baton, await baton.start(_uses(), execution_id="other"))
        assert first.pins == {"clerk": definition_of(older).digest}
    async with engine(database, resources=resources(newer)) as baton:
        assert (await wind(baton, first)).output["answer"] == "The older."
        third = await wind(baton, await baton.start(_uses("clerk@2.0")))
        assert third.output["answer"] == "The newer." and third.pins == {"clerk@2.0": definition_of(newer).digest}
        fourth = await wind(baton, await baton.start(_uses("clerk@1.0")))
        assert fourth.error["message"] == "there is no agent 'clerk@1.0'."
    async with engine(database, resources=resources()) as baton:
        assert (await wind(baton, other)).output["answer"] == "The older.", "its words are values, its tools are here"


@pytest.mark.capability("I10", "C09")
async def test_so_does_one_that_asks_for_a_capability(database: Path) -> None:
    async with engine(database, resources=resources(clerk(capabilities=("refunds",)))) as baton:
        execution = await rested(baton, await baton.start(_uses("refunds", by="agent_capability")))
    async with engine(database, resources=resources(clerk("scripted:newer"))) as baton:
        assert (await wind(baton, execution)).output["answer"] == "The older."


@pytest.mark.capability("I05", "I06")
async def test_the_tools_an_agent_brings_are_code_and_those_of_the_engine(database: Path) -> None:
    """They are named in what is pinned; where they are gone, the execution is left for an engine that has them."""

    def then(amount: int = 0) -> str:
        return "then"

    def now(amount: int = 0) -> str:
        return "now"

    def brings(function: Any, model: str = "scripted:older") -> list[Any]:
        models, _, agents = resources(clerk(model, tools=(Tool("refund", "Refunds.", function),)))
        return [models, Tools(), agents]

    async with engine(database, resources=brings(then)) as baton:
        first = await rested(baton, await baton.start(_uses()))
        other = await rested(baton, await baton.start(_uses(), execution_id="other"))
    async with engine(database, resources=brings(now, "scripted:newer")) as baton:
        done = await wind(baton, first)
        assert (done.output["answer"], done.output["tool_calls"][0]["result"]) == ("The older.", "now")
    async with engine(database, resources=[brings(then)[0], Tools(), Agents()]) as baton:
        await _left_alone(baton, other, r"is not taken up here: .*there is no tool 'refund'")


@pytest.mark.capability("I05", "C10")
@pytest.mark.parametrize("what", ["model", "instructions"])
async def test_what_is_code_cannot_be_pinned_and_a_change_is_refused(database: Path, what: str) -> None:
    def agent(words: str) -> Agent:
        if what == "model":
            return clerk(ScriptedModel(script=Script("given", turns=(Turn(words),))))
        return clerk(instructions=lambda state: words)

    async with engine(database, resources=resources(agent("One."))) as baton:
        execution = await rested(baton, await baton.start(_uses()))
    async with engine(database, resources=resources(agent("Two."))) as baton:
        await _left_alone(baton, execution, r"needs Python callables \(.*\) that are not loaded, or have changed")
    async with engine(database, resources=resources(agent("One."))) as baton:
        done = await finished(baton, execution)
        assert done.output["answer"] == ("One." if what == "model" else "The older.")


async def test_an_agent_of_python_is_no_workflow_that_anybody_may_start(database: Path) -> None:
    async with engine(database, resources=resources(clerk())) as baton:
        assert "clerk" not in await baton.catalogue.names() and await baton.catalogue.find("clerk", None) is None
        await baton.publish(definition_of(clerk()))
        assert (await finished(baton, await baton.start("clerk", {"message": "?"}))).output["answer"] == "The older."


def test_a_name_that_no_definition_can_have_is_refused() -> None:
    with pytest.raises(InputError, match="agent name 'my clerk' has other characters than letters"):
        Agents([Agent(name="my clerk")])
