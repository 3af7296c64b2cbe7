"""A step's body never raises for an ordinary failure: it gives a failed result, and its siblings go on."""

import asyncio
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph

from agents.tools.functions import Functions
from graphs.composites import Opening
from graphs.composites.groups import Parallel
from graphs.spec import FromState
from graphs.steps import StepConfig, Wait, Waiting
from tests.support.engine.engines import act, ask, engine, finished, run, statuses, workflow
from tests.support.engine.steps import WEIRD, Effects, Gates, step_types


def _broken(state: Any) -> Any:
    return state["nobody has this"]


class BrokenWait(Waiting):
    """Does not know what it waits for."""

    name = "broken_wait"
    Config = StepConfig

    def wait(self, context: Any, config: Any) -> Wait:
        raise ZeroDivisionError("what to wait for?")


class BrokenGroup(Parallel):
    """Cannot say what it gives."""

    name = "broken_group"

    def response(self, *args: Any, **kwargs: Any) -> Any:
        raise IndexError("what to give?")


class BrokenOpening(Parallel):
    """Cannot be opened."""

    name = "broken_opening"

    async def open(self, opening: Opening) -> Any:
        raise OSError("what to open?")


TYPES = step_types(BrokenWait(), BrokenGroup(), BrokenOpening())
STEPS = {
    "its own code": act("bad", raises="KeyError"),
    "its condition": act("bad", condition=_broken),
    "its configuration": {"name": "bad", "type": "act", "config": {"value": FromState(_broken)}},
    "its input": act("bad", input=FromState(_broken)),
    "its output": act("bad", output={"x": FromState(_broken)}),
    "its variables": act("bad", variables={"x": FromState(_broken)}),
    "an expression": act("bad", value="{{ input.nothing }}"),
    "the model of its configuration": {"name": "bad", "type": "delay", "config": {"seconds": "{{ 'soon' }}"}},
    "a wait": {"name": "bad", "type": "broken_wait"},
    "a group's result": {"name": "bad", "type": "broken_group", "steps": [act("x")]},
    "a group's opening": {"name": "bad", "type": "broken_opening", "steps": [act("x")]},
    "a map's items": {"name": "bad", "type": "map", "config": {"items": FromState(_broken)}, "steps": [act("x")]},
    "a loop's condition": {"name": "bad", "type": "loop", "config": {"while": _broken}, "steps": [act("x")]},
    "a branch's condition": {"name": "bad", "type": "conditional", "config": {"if": _broken}, "then": [act("x")]},
    "a case": {"name": "bad", "type": "switch", "cases": [{"when": _broken, "steps": [act("x")]}]},
}


@pytest.mark.parametrize("where", STEPS)
async def test_whatever_raises_inside_a_step_is_that_steps_failure_only(
    where: str, database: Path, effects: Effects
) -> None:
    """The step fails, its sibling completes, the execution ends."""
    definition = workflow("w", [STEPS[where], act("sibling")], config={"failure_policy": "continue"})
    async with engine(database, effects=effects, types=TYPES) as baton:
        execution = await run(baton, definition)
        settled = await statuses(baton, execution)
    assert execution.status == "failed"
    assert execution.error is not None and execution.error["step"] == "bad"
    assert settled["bad"] == "failed" and settled["sibling"] == "completed"
    assert effects.counts["sibling"] == 1


@pytest.mark.parametrize("kind", sorted(WEIRD.keys() - {"surrogate", "deep", "large"}))
async def test_a_value_that_cannot_be_kept_fails_its_step_and_nothing_else(kind: str, database: Path) -> None:
    """Results are made JSON inside the body (rule 1), so a bad one is no lost commit."""
    definition = workflow("w", [act("bad", weird=kind), act("other"), act("later", "bad")])
    async with engine(database) as baton:
        execution = await run(baton, definition)
        results = await baton.results(execution.id)
    assert results["bad"]["error"]["code"] == "not_json"
    assert results["later"]["status"] == "skipped" and execution.status == "failed"


@pytest.mark.parametrize("kind", ["surrogate", "deep", "large"])
async def test_a_strange_value_that_can_be_kept_is_read_back_as_it_was_kept(kind: str, database: Path) -> None:
    """Half characters are repaired before anybody reads them; the file and the dependents see the same."""
    definition = workflow("w", [act("odd", weird=kind), act("echo", "odd", value="{{ steps.odd.output }}")])
    async with engine(database) as baton:
        execution = await run(baton, definition)
        results = await baton.results(execution.id)
    assert execution.status == "completed"
    assert results["echo"]["output"]["value"] == results["odd"]["output"]


async def test_a_failure_does_not_end_the_wait_of_a_sibling(database: Path) -> None:
    """With `continue`, an unrelated approval stays open and can be given."""
    definition = workflow("w", [act("bad", raises="ValueError"), ask("q"), act("after", "q")], config=_CONTINUE)
    async with engine(database) as baton:
        execution = await baton.start(definition)
        await baton.wait(execution.id, until="rest")
        await baton.decide(execution.id, "q", "approve")
        execution = await baton.wait(execution.id)
        settled = await statuses(baton, execution)
    assert settled == {"bad": "failed", "q": "completed", "after": "completed"}


class Said(TypedDict):
    """The state of a graph that a function runs."""

    said: str


async def test_a_graph_that_a_function_runs_is_no_part_of_ours(database: Path) -> None:
    """Steps performed side by side in one body run graphs of their own: none of them finds another's state, and
    nothing of them is written into the execution's thread."""

    async def say(state: Said) -> Said:
        return {"said": f"{state['said']}!"}

    inner = StateGraph(Said).add_node("say", say).add_edge(START, "say").compile()

    async def ask_it(word: str) -> str:
        return str((await inner.ainvoke({"said": word}))["said"])

    steps = [
        {"name": word, "type": "function", "config": {"function": "ask_it", "args": {"word": word}}} for word in "ab"
    ]
    async with engine(database, resources=[Functions([ask_it])]) as baton:
        execution = await run(baton, workflow("w", steps))
        results = await baton.results(execution.id)
        saved = [each async for each in baton.store.saver.alist({"configurable": {"thread_id": execution.id}})]
    assert {name: result["output"] for name, result in results.items()} == {"a": "a!", "b": "b!"}
    assert {each.config["configurable"]["checkpoint_ns"] for each in saved} == {""}


async def test_a_body_of_several_steps_leaves_none_of_them_behind(database: Path, gates: Gates) -> None:
    """When the engine stops at once, what it was doing stops with it, and is done again by the next one."""
    steps = [act("quick"), act("slow", gate="g"), ask("q")]
    async with engine(database, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps))
        await gates.reached("g")
        before = {task.get_name() for task in asyncio.all_tasks()}
    assert "slow" in before and not {"quick", "slow"} & {task.get_name() for task in asyncio.all_tasks()}
    gates.open("g")
    effects = Effects()
    async with engine(database, gates=gates, effects=effects) as baton:
        await baton.decide(execution.id, "q", "approve")
        assert (await finished(baton, execution)).status == "completed"
    assert effects.began == ["slow"]


_CONTINUE = {"failure_policy": "continue"}


@pytest.mark.capability("D02", "E21", "R14")
async def test_a_result_that_is_too_large_fails_its_step_and_nothing_else(database: Path, effects: Effects) -> None:
    """Not tried again: it would act once more, and come to the same."""
    retry = {"max_attempts": 3, "backoff": "fixed", "initial_delay": 0, "retry_on": ["resource"]}
    many = list(range(200_000))
    steps = [act("big", weird="large", retry=retry), act("small", value="x" * 1000), act("after", "big")]
    steps.append(act("list", value="{{ input.many }}"))
    definition = workflow("w", steps, config={"failure_policy": "continue"})
    async with engine(database, effects=effects, max_result_bytes=1_000_000) as baton:
        execution = await run(baton, definition, {"many": many})
        found = await baton.results(execution.id)
    assert effects.counts["big"] == 1
    assert found["list"]["error"]["code"] == "result_too_large"
    assert found["big"]["error"] | {"attempt": 1} == {
        "code": "result_too_large",
        "message": "its result takes 2000000 bytes or more, and 1000000 may be kept.",
        "hint": "Keep it where it belongs (a file, a store) and give its address, or raise BATON_MAX_RESULT_BYTES.",
        "category": "resource",
        "bytes": 2_000_000,
        "most": 1_000_000,
        "attempt": 1,
    }
    assert (found["small"]["status"], found["after"]["status"], execution.status) == ("completed", "skipped", "failed")
