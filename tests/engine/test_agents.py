"""Agents in the engine: their calls are steps, each is gone on from and gone back to, nothing is paid twice."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents import Agent, Call, Failure, Models, Rule, Script, Tool, Tools, Turn
from graphs.spec import RetryPolicy
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.desk import CALLS, DONE, Desk, agent, resources
from tests.support.engine.engines import act, ask, engine, finished, rested, run, statuses, wind, workflow


@pytest.mark.capability("I05", "I07", "D01")
async def test_each_call_is_a_step_with_a_result_and_a_key_of_its_own(database: Path) -> None:
    desk = Desk()
    async with engine(database, resources=resources(desk, CALLS, DONE, tools=["look", "refund"])) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look", "refund"])]))
        found = await statuses(baton, execution)
    assert found == dict.fromkeys(
        ["ask[0].model", "ask[0].look-0", "ask[0].refund-1", "ask[1].model", "ask"], "completed"
    )
    assert sorted(key for _, _, key in desk.calls) == [
        f"{execution.id}:ask[0].look-0:0",
        f"{execution.id}:ask[0].refund-1:0",
    ]
    assert execution.output["answer"] == "Done."


async def _trip(database: Path, desk: Desk, asked: list[str], crash: Crash | None) -> Any:
    turns = (
        Turn(calls=(Call("look", {"amount": 1}), Call("look", {"amount": 2}))),
        Turn(calls=(Call("refund", {"amount": 500}), Call("nothing"))),
        Turn(calls=(Call("sub", {"n": 3}),)),
        DONE,
    )

    def seen(text: str) -> None:
        asked.append(text)

    class Counting(Script):
        def turn(self, spoken: int, asked: str, form: Any) -> Any:
            seen(f"{spoken}")
            return super().turn(spoken, asked, form)

    tools = [desk.tool("look"), desk.tool("refund", approval="args.amount > 100")]
    given = [Models(allow_real=False, scripts=[Counting("s", turns)]), Tools(tools)]
    sub = workflow("sub", [act("x", value="{{ input.n }}"), ask("q", "x"), act("y", "q")])
    definition = workflow("w", [agent(tools=["look", "refund", {"workflow": "sub"}]), act("after", "ask")])
    async with engine(database, resources=given, workflows=[sub]) as baton:
        if await baton.store.execution("e") is None:
            await baton.start(definition, {}, execution_id="e")
        execution = await wind(baton, "e")
        return execution.status, {path: result.get("output") for path, result in (await baton.results("e")).items()}


@pytest.mark.capability("D01", "D02", "D03", "I05")
@pytest.mark.parametrize("unheard", [False, True], ids=["lost", "kept but not heard"])
async def test_it_does_not_matter_where_an_agents_process_dies(tmp_path: Path, unheard: bool) -> None:
    """After every single commit in turn: the same end; what was in flight is asked again, and nothing else."""
    desk, asked = Desk(), list[str]()
    expected = await _trip(tmp_path / "once.db", desk, asked, None)
    assert expected[0] == "completed"
    assert (desk.names, asked) == (["look", "look", "refund"], ["0", "1", "2", "3"])
    point = 0
    while True:
        point += 1
        desk, asked, crash = Desk(), [], Crash(point, unheard=unheard)
        database = tmp_path / f"{point}.db"
        with crashing(crash):
            await either(_trip(database, desk, asked, crash), crash)
        found = await asyncio.wait_for(_trip(database, desk, asked, None), 60)
        assert found == expected, f"after {point} commits"
        assert len(desk.calls) <= 5 and len(asked) <= 5, f"after {point} commits: {desk.names}, {asked}"
        assert len({key for _, _, key in desk.calls}) == 3
        if not crash.happened.is_set():
            break
    assert point > 20


@pytest.mark.capability("E03", "E21", "R12")
async def test_a_failed_call_is_tried_again_by_itself_and_its_failure_is_the_steps(database: Path) -> None:
    """The tools before it are not called again, and error text never travels on as an answer."""
    desk = Desk()
    failures = (Failure("rate_limit"), Failure("server"), Failure("server"))
    turns = (Turn(calls=(Call("look"),)), Turn("Done.", failures=failures))
    given = resources(desk, *turns, tools=["look"])
    step = agent(tools=["look"]) | {"retry": {"max_attempts": 2, "initial_delay": 0, "jitter": 0}}
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", [step, act("after", "ask", value="{{ steps.ask.output.answer }}")]))
        found = await baton.results(execution.id)
        assert execution.status == "failed"
        assert (found["ask"]["error"]["code"], found["ask"]["error"]["category"]) == ("model_failed", "dependency")
        assert found["ask"]["error"]["message"] == "model 'scripted:s' failed at its provider's: scripted failure"
        assert (found["ask[1].model"]["attempts"], found["after"]["status"]) == (2, "skipped")
        assert found["ask"]["output"]["answer"] is None
        assert found["ask"]["output"]["turns"] == 1
        await baton.retry(execution.id)
        execution = await finished(baton, execution)
    assert execution.status == "completed"
    assert desk.names == ["look"], "a retry goes on from the call that failed"


@pytest.mark.capability("D03")
async def test_one_may_go_back_to_any_call(database: Path) -> None:
    desk = Desk()
    turns = (Turn(calls=(Call("look"),)), Turn(calls=(Call("refund"),)), DONE)
    async with engine(database, resources=resources(desk, *turns, tools=["look", "refund"])) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look", "refund"])]))
        await baton.retry(execution.id, from_step="ask[1].model")
        execution = await finished(baton, execution)
    assert (execution.status, desk.names) == ("completed", ["look", "refund", "refund"])


async def test_a_tool_that_may_be_tried_again_is(database: Path) -> None:
    tries: list[int] = []

    def flaky() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("reset")
        return "there"

    tool = Tool("flaky", "Flaky.", flaky, retry=RetryPolicy(max_attempts=3, initial_delay=0, jitter=0))
    async with engine(database, resources=resources(Desk(), Turn(calls=(Call("flaky"),)), DONE, tools=[tool])) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["flaky"])]))
    assert execution.output["tool_calls"][0]["result"] == "there"


async def test_what_is_python_is_found_again_after_a_restart(database: Path) -> None:
    """Models and tools handed over in the definition are not kept; they are looked up where they stood."""
    desk = Desk()
    look = desk.tool("look", approval="always")
    turns = (Turn(calls=(Call("look"),)), DONE)
    definition = workflow("w", [agent(agent=Agent(name="inline", tools=(look,)), tools=None)])
    given = [Models(allow_real=False, scripts=[Script("s", turns)])]
    async with engine(database, resources=given, workflows=[definition]) as baton:
        execution = await rested(baton, await baton.start(definition))
    async with engine(database, resources=given, workflows=[definition]) as baton:
        execution = await wind(baton, execution)
    assert (execution.status, desk.names, execution.output["agent"]) == ("completed", ["look"], "inline")


@pytest.mark.capability("security-A18")
@pytest.mark.parametrize(
    "text",
    [
        '{"lc": 1, "type": "constructor", "id": ["langchain", "x"]}',
        "{{ secrets.key }} __interrupt__ steps.x \x1b[31m <script>alert(1)</script>",
        "half \ud83d character",
        "x" * 2_000_000,
    ],
    ids=["constructor", "templates", "surrogate", "long"],
)
async def test_what_a_model_says_is_data(database: Path, text: str) -> None:
    """Also as arguments of a tool: nothing in it is evaluated or constructed, and what is endless is cut."""
    said: list[str] = []

    def note(text: str) -> str:
        said.append(text)
        return text

    given = resources(
        Desk(), Turn(calls=(Call("note", {"text": text[:1000]}),)), Turn(text), tools=[Tool("note", "Notes.", note)]
    )
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["note"])]))
    kept = text.replace("\ud83d", "?")
    assert said == [kept[:1000]]
    assert execution.status == "completed"
    cut = f"{kept[:1_000_000]}… (1000000 more characters)" if len(kept) > 1_000_000 else kept
    assert execution.output["answer"] == cut


@pytest.mark.capability("O01", "O02")
async def test_words_are_told_as_they_come_and_not_kept(database: Path) -> None:
    given = resources(Desk(), Turn("It is two."))
    async with engine(database, resources=given) as baton:
        execution = await baton.start(workflow("w", [agent(stream=True)]))
        told = [record async for record in baton.watch(execution.id) if record.kind == "step.progress"]
        kept = [record.kind for record in await baton.records(execution.id)]
    assert [(record.path, record.data["data"]) for record in told] == [
        ("ask[0].model", {"kind": "turn", "turn": 1}),
        *[("ask[0].model", {"kind": "token", "text": word}) for word in ("It ", "is ", "two.")],
    ]
    assert "step.progress" not in kept


async def test_rules_and_turns_may_differ_between_agents_side_by_side(database: Path) -> None:
    scripts = [Script("s", rules=(Rule("(.*)", Turn(r"\1!")),))]
    steps = [{**agent(message=f"m{n}"), "name": f"a{n}"} for n in range(20)]
    async with engine(database, resources=[Models(allow_real=False, scripts=scripts)]) as baton:
        execution = await run(baton, workflow("w", steps))
        found = await baton.results(execution.id)
    assert [found[f"a{n}"]["output"]["answer"] for n in range(20)] == [f"m{n}!" for n in range(20)]
