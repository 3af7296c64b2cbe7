"""Agents in the engine: their calls are steps, people may step in at any of them, nothing is paid twice."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from agents import Agent, Call, Failure, Models, Rule, Script, Tool, Tools, Turn
from graphs.clock import ManualClock
from graphs.errors import InputError
from graphs.spec import RetryPolicy
from graphs.steps import StepContext
from orchestrator.engine import Orchestrator
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, ask, engine, finished, rested, run, statuses, wind, workflow
from tests.support.engine.steps import Gates


class Desk:
    """What tools did: name, arguments, idempotency key."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any], str]] = []

    def tool(self, name: str, **more: Any) -> Tool:
        def call(context: StepContext, amount: int = 0) -> dict[str, Any]:
            self.calls.append((name, {"amount": amount}, context.idempotency_key))
            return {"done": name, "amount": amount}

        return Tool(name, f"Does {name}.", call, **more)

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.calls]


def agent(**config: Any) -> dict[str, Any]:
    return {"name": "ask", "type": "agent", "config": {"model": "scripted:s", "message": "Go", **config}}


def resources(desk: Desk, *turns: Turn, tools: Any = (), **script: Any) -> list[Any]:
    named = [tool if isinstance(tool, Tool) else desk.tool(tool) for tool in tools]
    return [Models(allow_real=False, scripts=[Script("s", turns=turns, **script)]), Tools(named)]


CALLS = Turn("First.", calls=(Call("look", {"amount": 1}), Call("refund", {"amount": 500})))
DONE = Turn("Done.")


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
        found = await asyncio.wait_for(_trip(database, desk, asked, None), 30)
        assert found == expected, f"after {point} commits"
        assert len(desk.calls) <= 5 and len(asked) <= 5, f"after {point} commits: {desk.names}, {asked}"
        assert len({key for _, _, key in desk.calls}) == 3
        if not crash.happened.is_set():
            break
    assert point > 20


# -- approval of calls -------------------------------------------------------------------------------------------------


async def _asked(baton: Orchestrator, **tool: Any) -> Any:
    execution = await rested(baton, await baton.start(workflow("w", [agent(tools=["look", "refund"])])))
    (wait,) = await baton.waits(execution.id)
    return execution, wait


def _with_approval(desk: Desk, *turns: Turn, **more: Any) -> list[Any]:
    rule = more.pop("approval", "args.amount > 100")
    return resources(desk, *(turns or (CALLS, DONE)), tools=["look", desk.tool("refund", approval=rule, **more)])


@pytest.mark.capability("I08", "security-A18")
async def test_a_threshold_is_judged_on_what_is_really_sent(database: Path) -> None:
    """An argument that the model leaves out has its default; the person sees it, and the tool is given it."""
    given: list[int] = []

    def pay(amount: int = 500) -> str:
        given.append(amount)
        return "paid"

    tool = Tool("pay", "Pays.", pay, approval="args.amount > 100")
    turns = (Turn(calls=(Call("pay"), Call("pay", {"amount": 5}))), DONE)
    async with engine(database, resources=resources(Desk(), *turns, tools=[tool])) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [agent(tools=["pay"])])))
        (wait,) = await baton.waits(execution.id)
        assert (wait.path, wait.wait.question["payload"], given) == ("ask[0].pay-0~approval", {"amount": 500}, [5])
        await baton.decide(execution.id, wait.path, "approve", by="ann")
        execution = await finished(baton, execution)
    assert (execution.status, given) == ("completed", [5, 500])


@pytest.mark.capability("I05", "I08", "security-A19")
@pytest.mark.parametrize(
    ("decision", "more", "outcome", "done"),
    [
        ("approve", {}, {"result": {"done": "refund", "amount": 500}}, [1, 500]),
        ("edit", {"data": {"amount": 50}}, {"result": {"done": "refund", "amount": 50}}, [1, 50]),
        (
            "reject",
            {"reason": "too much"},
            {"error": "Error: the call of 'refund' was not approved: too much."},
            [1],
        ),
        ("respond", {"data": "It was refunded by hand."}, {"result": "It was refunded by hand."}, [1]),
    ],
)
async def test_a_person_steps_in_at_a_call(
    database: Path, decision: Any, more: dict[str, Any], outcome: dict[str, Any], done: list[int]
) -> None:
    """The other call of the turn is made meanwhile, the step rests, and the decision survives the process."""
    desk = Desk()
    async with engine(database, resources=_with_approval(desk, effect="irreversible")) as baton:
        execution, wait = await _asked(baton)
        assert desk.names == ["look"]
        assert execution.status == "waiting"
        question = wait.wait.question
        assert question["message"] == "May agent 'ask' call 'refund'?"
        assert (question["tool"], question["payload"], question["effect"]) == (
            "refund",
            {"amount": 500},
            "irreversible",
        )
    async with engine(database, resources=_with_approval(desk)) as baton:
        await baton.decide(execution.id, wait.path, decision, by="ann", **more)
        execution = await finished(baton, execution)
        assert [amount for _, args, _ in desk.calls for amount in args.values()] == done
        call = execution.output["tool_calls"][1]
        assert call == {"name": "refund", "args": {"amount": 500}, **outcome}
        told = execution.output["messages"][3]["content"]
        assert told == outcome.get("error", told)
        assert (await baton.results(execution.id))[wait.path]["decided_by"] == "ann"


async def test_an_edited_call_must_fit_the_tool(database: Path) -> None:
    async with engine(database, resources=_with_approval(Desk())) as baton:
        execution, wait = await _asked(baton)
        with pytest.raises(InputError, match="amount"):
            await baton.decide(execution.id, wait.path, "edit", data={"amount": "much"})


@pytest.mark.parametrize(
    ("rule", "asked"),
    [("always", 2), ("never", 0), ("args.amount > 100", 1), ("args.missing > 1", 2)],
)
async def test_when_a_person_is_asked(database: Path, rule: str, asked: int) -> None:
    """A condition that cannot be judged asks."""
    desk = Desk()
    turn = Turn(calls=(Call("refund", {"amount": 500}), Call("refund", {"amount": 5})))
    async with engine(database, resources=_with_approval(desk, turn, DONE, approval=rule)) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [agent(tools=["refund"])])))
        assert len(await baton.waits(execution.id)) == asked
        assert len(desk.calls) == 2 - asked


@pytest.mark.parametrize("rule", ["input.amount > 100", "amount > 100"])
def test_a_condition_that_reads_something_else_than_the_arguments_is_refused(rule: str) -> None:
    name = rule.partition(" ")[0].partition(".")[0]
    said = f"it is a condition over 'args', the arguments of the call: no name '{name}' here. Names here: args."
    with pytest.raises(InputError, match=re.escape(said)):
        Desk().tool("refund", approval=rule)


async def test_what_a_tool_asks_for_cannot_be_taken_back_by_a_definition(database: Path) -> None:
    use = {"tool": "refund", "approval": "never"}
    async with engine(database, resources=_with_approval(Desk(), approval="always")) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [agent(tools=["look", use])])))
        assert len(await baton.waits(execution.id)) == 1
    use = {"tool": "look", "approval": {"when": "always", "assignees": "ann"}, "name": "peek"}
    turn = Turn(calls=(Call("peek"),))
    async with engine(database, resources=resources(Desk(), turn, DONE, tools=["look"])) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [agent(tools=[use])])))
        (wait,) = await baton.waits(execution.id)
        assert (wait.wait.assignees, wait.wait.question["tool"]) == (("ann",), "peek")


async def test_nobody_in_time_is_a_no(database: Path) -> None:
    desk, clock = Desk(), ManualClock()
    rule = {"when": "always", "timeout": "1h"}
    turn = Turn(calls=(Call("look"),))
    given = resources(desk, turn, DONE, tools=["look"])
    async with engine(database, resources=given, clock=clock) as baton:
        execution = await rested(
            baton, await baton.start(workflow("w", [agent(tools=[{"tool": "look", "approval": rule}])]))
        )
        clock.advance(3601)
        execution = await finished(baton, execution)
    assert desk.calls == []
    assert execution.output["tool_calls"][0]["error"] == (
        "Error: the call of 'look' was not approved: nobody decided within 1h."
    )


async def test_nobody_is_asked_about_a_call_that_cannot_be_made(database: Path) -> None:
    turn = Turn(calls=(Call("refund", {"amount": "lots"}),))
    async with engine(database, resources=_with_approval(Desk(), turn, DONE, approval="always")) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["refund"])]))
    assert execution.output["tool_calls"][0]["error"].startswith(
        "Error: tool 'refund' cannot be called: arguments.amount"
    )


# -- tools of other kinds, limits --------------------------------------------------------------------------------------


@pytest.mark.capability("F24", "I05", "I27")
async def test_a_workflow_is_a_tool(database: Path) -> None:
    """It runs as part of this execution; what is wrong with its input is told to the model."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    sub = workflow("double", [act("x", value="{{ input.n * 2 }}")], version="2.0", input={"schema": schema})
    turn = Turn(calls=(Call("twice", {"n": 4}), Call("twice", {"n": "four"})))
    use = {"workflow": "double", "version": "2.0", "name": "twice", "description": "Doubles."}
    async with engine(database, resources=resources(Desk(), turn, DONE), workflows=[sub]) as baton:
        execution = await run(baton, workflow("w", [agent(tools=[use])]))
        found = await baton.results(execution.id)
    first, second = execution.output["tool_calls"]
    assert first["result"]["value"] == 8
    assert "does not take this input" in second["error"]
    assert "ask[0].twice-0.x" in found


async def test_a_workflow_that_was_never_published_is_no_tool(database: Path) -> None:
    async with engine(database, resources=resources(Desk(), DONE)) as baton:
        execution = await run(baton, workflow("w", [agent(tools=[{"workflow": "gone"}])]))
    assert execution.status == "failed"
    assert execution.error["code"] == "workflow_unknown"


async def test_calls_of_a_tool_are_limited(database: Path) -> None:
    desk = Desk()
    turns = (Turn(calls=(Call("look"), Call("look"))), Turn(calls=(Call("look"),)), DONE)
    async with engine(database, resources=resources(desk, *turns, tools=[desk.tool("look", max_calls=1)])) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look"])]))
    assert desk.names == ["look"]
    told = "Error: tool 'look' may be called 1 times here, and it was."
    assert [call.get("error") for call in execution.output["tool_calls"]] == [None, told, told]


async def test_a_tool_that_takes_too_long_is_told_to_the_model(database: Path) -> None:
    began = asyncio.Event()

    async def hang() -> None:
        began.set()
        await asyncio.Event().wait()

    slow = Tool("slow", "Hangs.", hang, timeout=60)
    clock = ManualClock()
    given = resources(Desk(), Turn(calls=(Call("slow"),)), DONE, tools=[slow])
    async with engine(database, resources=given, clock=clock) as baton:
        execution = await baton.start(workflow("w", [agent(tools=["slow"])]))
        await asyncio.wait_for(began.wait(), 30)
        clock.advance(60)
        execution = await finished(baton, execution)
        assert (await baton.results(execution.id))["ask[0].slow-0"]["status"] == "timed_out"
    assert "took longer than its 60 s" in execution.output["tool_calls"][0]["error"]


# -- failures, retries, going back -------------------------------------------------------------------------------------


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


# -- undoing -----------------------------------------------------------------------------------------------------------


class Bookings:
    """A travel agency: what is booked, and what was cancelled, in order."""

    def __init__(self) -> None:
        self.booked: dict[str, str] = {}
        self.cancelled: list[str] = []

    def tools(self) -> Tools:
        def book(what: str, context: StepContext) -> dict[str, str]:
            if what == "nothing":
                raise ValueError("there is no such thing")
            number = self.booked.setdefault(context.idempotency_key, f"B{len(self.booked)}")
            return {"booking": number, "what": what}

        def cancel(booking: str, what: str) -> str:
            self.cancelled.append(f"{what} {booking}")
            return "cancelled"

        return Tools(
            [Tool("book", "Books.", book, effect="reversible", undo="cancel"), Tool("cancel", "Cancels.", cancel)]
        )

    @staticmethod
    def models() -> Models:
        turns = (
            Turn(calls=(Call("book", {"what": "flight"}),)),
            Turn(calls=(Call("book", {"what": "nothing"}), Call("book", {"what": "hotel"}))),
            Turn(calls=(Call("book", {"what": "car"}),)),
            Turn(failures=(Failure("authentication"),) * 100),
        )
        return Models(allow_real=False, scripts=[Script("s", turns)])


async def _booked(database: Path, bookings: Bookings) -> Any:
    async with engine(database, resources=[bookings.tools(), bookings.models()]) as baton:
        if await baton.store.execution("e") is None:
            await baton.start(workflow("w", [agent(tools=["book"])]), {}, execution_id="e")
        return (await finished(baton, "e")).status


@pytest.mark.capability("E10", "E11", "E12", "I05")
async def test_what_an_agents_tools_did_is_undone_in_reverse_wherever_it_dies(tmp_path: Path) -> None:
    """Exactly what was booked, the last first, once; also when the process dies while booking or undoing."""
    bookings = Bookings()
    assert await _booked(tmp_path / "once.db", bookings) == "compensated"
    assert bookings.cancelled == ["car B2", "hotel B1", "flight B0"]
    point = 0
    while True:
        point += 1
        bookings, crash = Bookings(), Crash(point)
        with crashing(crash):
            await either(_booked(tmp_path / f"{point}.db", bookings), crash)
        assert await asyncio.wait_for(_booked(tmp_path / f"{point}.db", bookings), 30) == "compensated"
        once = list(dict.fromkeys(bookings.cancelled))
        assert once == ["car B2", "hotel B1", "flight B0"], f"after {point} commits"
        assert len(bookings.cancelled) <= 4, "only the one in flight is asked for again"
        if not crash.happened.is_set():
            break
    assert point > 15


async def test_what_undoes_a_tool_must_be_there(database: Path) -> None:
    given = resources(Desk(), DONE, tools=[Desk().tool("look", undo="unlook")])
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look"])]))
    assert (execution.status, execution.error["code"]) == ("failed", "tool_unknown")


# -- long conversations ------------------------------------------------------------------------------------------------


@pytest.mark.capability("I05", "I07")
async def test_a_long_conversation_is_summed_up(database: Path) -> None:
    """The question and the last turns stay as they are; the summary is a call of its own, and is paid once."""
    asked: list[tuple[int, str]] = []

    class Heard(Script):
        def turn(self, spoken: int, asked_now: str, form: Any) -> Any:
            asked.append((spoken, asked_now))
            if "Context Extraction" in asked_now:
                return Turn("It looked several times.")
            return Turn(calls=(Call("look"),)) if len(asked) < 9 else DONE

    look = Tool("look", "Looks.", lambda: "x" * 1500)
    given = [Models(allow_real=False, scripts=[Heard("s")]), Tools([look])]
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look"], context_tokens=1200)]))
        found = await baton.results(execution.id)
    summaries = [path for path in found if path.endswith(".summary")]
    assert execution.status == "completed"
    assert summaries[0] == "ask[3].summary"
    assert found["ask[3].summary"]["output"]["summary"] == "It looked several times."
    assert max(spoken for spoken, _ in asked) <= 3, "what was summed up is not sent again"
    assert len(summaries) == sum("Context Extraction" in text for _, text in asked)
    usage = sum(
        result["output"]["usage"]["total_tokens"]
        for path, result in found.items()
        if path.endswith(("model", "summary"))
    )
    assert execution.output["usage"]["total_tokens"] == usage
    assert len(execution.output["messages"]) == 2 * execution.output["turns"]


@pytest.mark.capability("I05", "I07")
async def test_a_long_conversation_may_be_trimmed_in_place_of_summed_up(database: Path) -> None:
    """By whole turns, the oldest first; the question and the last turns stay, and the step's response has it all."""
    heard: list[int] = []

    class Heard(Script):
        def turn(self, spoken: int, asked_now: str, form: Any) -> Any:
            heard.append(spoken)
            return Turn(calls=(Call("look"),)) if len(heard) < 8 else DONE

    look = Tool("look", "Looks.", lambda: "x" * 1500)
    given = [Models(allow_real=False, scripts=[Heard("s")]), Tools([look])]
    step = agent(tools=["look"], context_tokens=1500, context_overflow="trim")
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", [step]))
    assert heard == [0, 1, 2, 3, 3, 3, 3, 3]
    assert (execution.output["turns"], len(execution.output["messages"])) == (8, 16)


@pytest.mark.capability("I05", "security-A19")
async def test_calls_that_are_not_made_are_counted(database: Path) -> None:
    turn = Turn(calls=(Call("wipe"), Call("look", {"amount": 1}), Call("look", {"amount": 2})))
    desk = Desk()
    async with engine(database, resources=resources(desk, turn, DONE, tools=[desk.tool("look", max_calls=1)])) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look"])]))
        records = [record for record in await baton.records(execution.id) if record.kind == "tool.refused"]
        (usage,) = await baton.usage(execution.id)
    assert (execution.output["refused"], usage.refused, usage.calls) == (2, 2, 2)
    assert [(record.path, record.data["tool"], record.data["why"]) for record in records] == [
        ("ask[0].model", "wipe", "Error: there is no tool 'wipe'. Tools: look."),
        ("ask[0].model", "look", "Error: tool 'look' may be called 1 times here, and it was."),
    ]


@pytest.mark.capability("I05", "I06")
async def test_a_workflows_own_steps_are_tools(database: Path) -> None:
    """Each runs as any other step would, with the call's arguments as `args`; what it gives is told to the model."""
    turn = Turn(calls=(Call("double", {"n": 4}), Call("double", {"n": "{{ 1 }}"}), Call("fails"), Call("saved")))
    step = agent() | {
        "steps": [
            act("double", value="{{ args.n }}", description="Doubles.")
            | {"input_schema": {"type": "object", "properties": {"n": {"type": ["integer", "string"]}}}},
            act("fails", fail=True),
            act("saved", fail=True, on_failure={"action": "fallback", "fallback": act("instead", value="saved")}),
        ]
    }
    async with engine(database, resources=resources(Desk(), turn, DONE)) as baton:
        execution = await run(baton, workflow("w", [act("before", value=1), step | {"depends_on": ["before"]}]))
        found = await baton.results(execution.id)
    first, second, failed, saved = execution.output["tool_calls"]
    assert (first["result"]["value"], second["result"]["value"]) == (4, "{{ 1 }}"), "arguments are no templates"
    assert failed["error"] == "Error: asked to fail"
    assert saved["result"]["value"] == "saved"
    assert {"ask[0].double-0", "ask[0].double-1", "ask[0].saved-3~fallback"} <= set(found)


@pytest.mark.capability("I05", "D01")
async def test_such_a_step_has_its_arguments_after_a_restart_too(database: Path) -> None:
    turns, gates = (Turn(calls=(Call("double", {"n": 4}),)), DONE), (Gates(), Gates())
    step = agent() | {"steps": [act("double", value="{{ args.n }}", gate="go", description="Doubles.")]}
    async with engine(database, resources=resources(Desk(), *turns), gates=gates[0]) as baton:
        execution = await baton.start(workflow("w", [step]))
        await gates[0].reached("go")
    gates[1].open("go")
    async with engine(database, resources=resources(Desk(), *turns), gates=gates[1]) as baton:
        execution = await finished(baton, execution)
    assert execution.output["tool_calls"] == [
        {"name": "double", "args": {"n": 4}, "result": {"value": 4, "attempt": 1}}
    ]


async def test_what_such_a_step_did_is_undone(database: Path) -> None:
    turns = (Turn(calls=(Call("book", {"what": "flight"}),)), Turn(failures=(Failure("authentication"),) * 9))
    booked = act("book", value="{{ args.what }}", compensate=act("cancel", value="{{ output.value }}"))
    async with engine(database, resources=resources(Desk(), *turns)) as baton:
        execution = await run(baton, workflow("w", [agent() | {"steps": [booked]}]))
        found = await baton.results(execution.id)
    assert execution.status == "compensated"
    assert [result["output"]["value"] for path, result in found.items() if path.endswith("cancel")] == ["flight"]
