"""Replays: an execution again from a step, with other models or prompts, and no effect on the world outside."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents import Agent, Agents, Call, Models, Script, Tool, Tools, Turn
from agents.models.prices import Prices
from api.demo.provider import Provider, serving
from graphs.errors import InputError, NotFoundError
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Target
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.desk import Desk
from tests.support.engine.engines import act, ask, engine, finished, rested, run, statuses, wind, workflow
from tests.support.engine.steps import Effects

FIRST = Script(
    "first",
    turns=(
        Turn(calls=(Call("look", {"amount": 1}), Call("look", {"amount": 2}))),
        Turn(calls=(Call("refund", {"amount": 500}),)),
        Turn("Refunded 500."),
    ),
)
SECOND = Script(
    "second",
    turns=(
        Turn(calls=(Call("refund", {"amount": 500}), Call("look", {"amount": 2}))),
        Turn(calls=(Call("refund", {"amount": 9}), Call("look", {"amount": 2}))),
        Turn("Refunded, and tried to refund more."),
    ),
)
KIND, YES = (Script(name, turns=(Turn(says),)) for name, says in (("kind", "No."), ("yes", "Gladly.")))
PRICES = Prices.from_mapping({"scripted:first": {"call": 1}, "scripted:second": {"call": 0.25}})


def step(**config: Any) -> dict[str, Any]:
    given = {"model": "scripted:first", "message": "Go", "tools": ["look", "refund"], **config}
    return {"name": "ask", "type": "agent", "depends_on": ["before"], "config": given}


STEPS = [act("before", value=1), step(), act("send", "ask", value="{{ steps.ask.output.answer }}")]


class World:
    """What was really done."""

    def __init__(self) -> None:
        self.desk, self.effects = Desk(), Effects()

    def resources(self) -> list[Any]:
        tools = Tools([self.desk.tool("look"), self.desk.tool("refund", undo="look", approval="args.amount > 100")])
        return [Models(allow_real=False, scripts=[FIRST, SECOND, KIND, YES]), tools, PRICES]

    def engine(self, database: Path, **more: Any) -> Any:
        given = [*self.resources(), *more.pop("resources", ())]
        return engine(database, effects=self.effects, resources=given, **more)

    @property
    def done(self) -> tuple[list[str], list[Any]]:
        return list(self.desk.names), list(self.effects.began)


async def recorded(baton: Orchestrator, steps: Any = STEPS, **more: Any) -> Any:
    execution = await wind(baton, await baton.start(workflow("w", steps, **more)))
    assert execution.status == "completed", execution.error
    return execution


@pytest.mark.capability("D03", "I05")
async def test_another_model_is_tried_out_and_nothing_is_done(database: Path) -> None:
    """Calls that the record has are served whenever they come, also to a model that makes them in another order; a call
    that it does not have is not made, and the model is told; the person's decision is the recorded one."""
    world = World()
    async with world.engine(database) as baton:
        source = await recorded(baton)
        before = world.done
        replay = await finished(baton, await baton.replay(source.id, "ask", model="scripted:second"))
        assert world.done == before, "no effect on the world outside"
        results = await baton.results(replay.id)
        compared = await baton.compare(source.id, replay.id)
    assert (replay.status, replay.parent, replay.forked_at) == ("completed", source.id, "ask")
    assert [(call["name"], call["args"]["amount"], call.get("result", {}).get("done")) for call in _calls(results)] == [
        ("refund", 500, "refund"),
        ("look", 2, "look"),
        ("refund", 9, None),
        ("look", 2, "look"),
    ]
    assert results["ask[0].refund-0"]["served"] == "ask[1].refund-0"
    assert results["ask[0].refund-0~approval"]["decided_by"] == "ann"
    assert results["ask[1].refund-0"]["error"]["code"] == "not_recorded"
    assert "this is a replay, and the record has no such call" in results["ask"]["output"]["tool_calls"][2]["error"]
    assert results["send"]["served"] == "send"
    assert "served" not in results["before"], "it is the result of the execution that was replayed"
    assert compared["cost"] == {
        "left": {"calls": 3, "tokens": compared["cost"]["left"]["tokens"], "cost": 3.0, "models": ["scripted:first"]},
        "right": {
            "calls": 3,
            "tokens": compared["cost"]["right"]["tokens"],
            "cost": 0.75,
            "models": ["scripted:second"],
        },
    }
    assert compared["not_recorded"] == ["ask[1].refund-0"]
    sides = {one["path"]: one["only"] for one in compared["steps"]}
    assert (sides["before"], sides["ask[0].look-0"], sides["ask[0].refund-0"]) == (None, "left", "right")
    assert compared["seconds"]["left"] > 0


def _calls(results: Any) -> Any:
    return results["ask"]["output"]["tool_calls"]


async def test_the_same_again_is_the_same(database: Path) -> None:
    world = World()
    async with world.engine(database) as baton:
        source = await recorded(baton)
        before = world.done
        replay = await finished(baton, await baton.replay(source.id, "before"))
        left, right = await statuses(baton, source), await statuses(baton, replay)
        compared = await baton.compare(source.id, replay.id)
    assert world.done == before
    assert left == right
    assert [one["path"] for one in compared["steps"] if one["only"] or one["differs"]] == []
    assert compared["facts"].keys() <= {"active_seconds", "parent", "forked_at"}


async def test_from_inside_of_an_agent(database: Path) -> None:
    """What it had said and done until then stays; from there on another model speaks."""
    world = World()
    async with world.engine(database) as baton:
        source = await recorded(baton)
        before = world.done
        replay = await finished(baton, await baton.replay(source.id, "ask[2].model", model="scripted:second"))
        usage = await baton.usage(replay.id)
    assert world.done == before
    assert replay.output is not None
    assert [(one.model, one.calls) for one in usage] == [("scripted:second", 1)]


async def test_with_another_prompt_or_another_agent(database: Path) -> None:
    """Registered agents, and those that are published since."""
    world = World()
    polite = Agent(name="polite", model="scripted:yes")
    async with world.engine(database, resources=[Agents([polite])]) as baton:
        source = await recorded(baton, [act("before"), step(model="scripted:kind", tools=[])])
        told = await finished(baton, await baton.replay(source.id, "ask", instructions="Be kind."))
        given = await finished(baton, await baton.replay(source.id, "ask", agent="polite", model="scripted:yes"))
        heard = (await baton.results(given.id))["ask"]["output"]
    assert told.digest == source.digest and told.replay == {
        "of": source.id,
        "perform": [],
        "changes": {"instructions": "Be kind.", "at": "ask"},
    }
    assert (source.output["answer"], told.output["answer"]) == ("No.", "No.")
    assert (heard["agent"], heard["answer"]) == ("polite", "Gladly.")


@pytest.mark.parametrize(
    ("from_step", "changes", "error", "message"),
    [
        ("nowhere", {}, NotFoundError, "There is no step 'nowhere' in this execution"),
        ("before", {"agent": "x"}, InputError, "'before' is no agent step, .* Agent steps: ask"),
        ("before", {"instructions": "x"}, InputError, "'before' is no agent step"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    database: Path, from_step: str, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    world = World()
    async with world.engine(database) as baton:
        source = await recorded(baton)
        with pytest.raises(error, match=message):
            await baton.replay(source.id, from_step, **changes)
        plain = await run(baton, workflow("plain", [act("x")]))
        with pytest.raises(InputError, match="No agent is at work in this execution"):
            await baton.replay(plain.id, "x", model="scripted:second")


ROUTED = [
    {"name": "ask", "type": "agent", "config": {"model": "scripted:kind", "message": "Go"}},
    {
        "name": "which",
        "type": "conditional",
        "depends_on": ["ask"],
        "config": {"if": "{{ steps.ask.output.answer == 'No.' }}"},
        "then": [act("refuse", compensate=act("unrefuse"))],
        "else": [act("pay", compensate=act("unpay"))],
    },
]


async def test_a_way_that_was_not_gone_does_nothing_and_undoes_nothing(database: Path) -> None:
    """The replay fails where it would have to act, its `finally` steps and compensations call nobody, and no dead
    letter asks a person about it."""
    world = World()
    definition = {"finally": [act("close", value="closed")]}
    async with world.engine(database) as baton:
        source = await recorded(baton, ROUTED, **definition)
        before = world.done
        replay = await baton.replay(source.id, "ask", model="scripted:yes")
        replay = await finished(baton, replay)
        results = await baton.results(replay.id)
        assert await baton.dead_letters() == []
    assert world.done == before
    assert (replay.status, replay.error["code"]) == ("failed", "not_recorded")
    assert results["which.pay"]["error"]["hint"] == "A replay serves side effects from the record, and makes none."
    assert not [path for path in results if path.startswith("~compensation")]


async def test_steps_that_only_compute_may_be_performed(database: Path) -> None:
    """By their name: nobody else knows."""
    world = World()
    async with world.engine(database) as baton:
        steps = [act("before"), step(tools=[], model="scripted:kind"), *STEPS[2:]]
        source = await recorded(baton, steps)
        for perform, sent in (((), None), (("send",), "Gladly.")):
            replay = await baton.replay(source.id, "ask", model="scripted:yes", perform=perform)
            replay = await finished(baton, replay)
            result = (await baton.results(replay.id))["send"]
            assert (result.get("served"), result["output"]["value"]) == ((None, sent) if perform else ("send", "No."))
    assert world.effects.began == ["before", "send", "send"]


async def test_what_is_forked_off_a_replay_acts_no_more_than_it(database: Path) -> None:
    world = World()
    async with world.engine(database) as baton:
        source = await recorded(baton)
        replay = await finished(baton, await baton.replay(source.id, "ask"))
        before = world.done
        fork = await finished(baton, await baton.fork(replay.id, "ask"))
        await baton.retry(replay.id, from_step="ask")
        await finished(baton, replay.id)
    assert world.done == before
    assert fork.replay == replay.replay == {"of": source.id, "perform": []}


async def test_nobody_outside_is_told_of_a_replay(database: Path) -> None:
    world = World()
    async with world.engine(database) as baton:
        source = await recorded(baton)
        await finished(baton, await baton.replay(source.id, "ask"))
        target = Target(
            id="t",
            tenant="default",
            url="https://hooks.example",
            kinds=("execution.completed",),
            secret=b"",
            told=0,
            created_at=baton.clock.now(),
        )
        assert [record.execution_id for record in await baton.store.news_for(target, 10)] == [source.id]


async def test_a_person_who_was_not_asked_is_asked_now(database: Path) -> None:
    """An approval does nothing by itself; what it would allow is not done all the same."""
    world = World()
    flow = [
        {"name": "ask", "type": "agent", "config": {"model": "scripted:kind", "message": "Go"}},
        {
            "name": "which",
            "type": "conditional",
            "depends_on": ["ask"],
            "config": {"if": "{{ steps.ask.output.answer == 'No.' }}"},
            "then": [act("refuse")],
            "else": [ask("sure")],
        },
    ]
    async with world.engine(database) as baton:
        source = await recorded(baton, flow)
        replay = await rested(baton, await baton.replay(source.id, "ask", model="scripted:yes"))
        assert [wait.path for wait in await baton.waits(replay.id)] == ["which.sure"]


@pytest.mark.capability("D01", "D03")
async def test_a_replay_that_dies_goes_on_as_a_replay(tmp_path: Path) -> None:
    """After every commit in turn."""
    point = 0
    while True:
        point += 1
        world, crash, database = World(), Crash(point), tmp_path / f"{point}.db"
        async with world.engine(database) as baton:
            source = await recorded(baton)
        before = world.done

        async def again(world: World = world, database: Path = database, source: Any = source) -> Any:
            async with world.engine(database) as baton:
                known = [one for one in await baton.list() if one.parent == source.id]
                replay = known[0] if known else await baton.replay(source.id, "ask", model="scripted:second")
                replay = await wind(baton, replay)
                return replay.status, replay.output

        with crashing(crash):
            await either(again(), crash)
        status, _ = await asyncio.wait_for(again(), 60)
        assert (status, world.done) == ("completed", before), f"after {point} commits"
        if not crash.happened.is_set():
            break
    assert point > 8


async def test_a_workflow_that_is_a_tool_is_served_step_by_step(database: Path) -> None:
    world = World()
    sub = workflow("sub", [act("x", value="{{ input.n }}")])
    caller = Script("caller", turns=(Turn(calls=(Call("sub", {"n": 3}),)), Turn("Done.")))
    later = Script("later", turns=(Turn(calls=(Call("sub", {"n": 4}), Call("sub", {"n": 3}))), Turn("Done.")))
    given = [Models(allow_real=False, scripts=[caller, later]), Tools([Tool("t", "T.", lambda: 1)])]
    flow = [
        {
            "name": "ask",
            "type": "agent",
            "config": {"model": "scripted:caller", "message": "Go", "tools": [{"workflow": "sub"}]},
        }
    ]
    async with engine(database, effects=world.effects, resources=given, workflows=[sub]) as baton:
        source = await run(baton, workflow("w", flow))
        before = world.done
        replay = await finished(baton, await baton.replay(source.id, "ask", model="scripted:later"))
        results = await baton.results(replay.id)
    assert world.done == before
    assert results["ask[0].sub-1.x"]["served"] == "ask[0].sub-0.x"
    assert results["ask[0].sub-0.x"]["error"]["code"] == "not_recorded"
    assert replay.status == "completed"


@pytest.mark.capability("D03", "F24", "I05")
async def test_agents_in_workflows_inside_are_tried_out_too(database: Path) -> None:
    """In a step of a map that is a workflow, in a workflow that an agent calls, and an agent that was published: with
    another model, all of them; another prompt or agent is for the one that is named, whatever its item."""
    inner = workflow("inner", [{"name": "deep", "type": "agent", "config": {"model": "openai:old", "message": "Go"}}])
    flow = [
        {
            "name": "each",
            "type": "map",
            "config": {"items": [1, 2]},
            "steps": [{"name": "part", "type": "workflow", "config": {"workflow": "inner"}}],
        },
        {
            "name": "ask",
            "type": "agent",
            "depends_on": ["each"],
            "config": {"model": "openai:caller", "message": "Go", "tools": [{"workflow": "inner"}]},
        },
    ]
    answers = [Script(name, turns=(Turn(f"From {name}."),)) for name in ("old", "new")]
    caller = Script("caller", turns=(Turn(calls=(Call("inner"),)), Turn("Called.")))
    with serving(provider := Provider([*answers, caller])) as url:
        models = Models(settings={"openai": {"base_url": url, "api_key": "sk-none"}})
        polite = Agents([Agent(name="polite", instructions="Be polite.", model="openai:old")])
        async with engine(database, resources=[models, polite], workflows=[inner]) as baton:
            source = await run(baton, workflow("w", flow))

            async def replayed(from_step: str, **changes: str) -> tuple[Any, list[tuple[str, Any]]]:
                first = len(provider.asked)
                replay = await finished(baton, await baton.replay(source.id, from_step, **changes))
                assert replay.status == "completed", replay.error
                asked = [(one.model, one.body["messages"][0]) for one in provider.asked[first:]]
                return replay, [(model, said["content"] if said["role"] == "system" else None) for model, said in asked]

            _, asked = await replayed("each", model="openai:new")
            assert asked == [("new", None)] * 3
            _, asked = await replayed("each[0].part.deep", instructions="Be brief.")
            assert sorted(asked, key=str) == sorted(
                [("old", "Be brief."), ("caller", None), ("old", None), ("caller", None)], key=str
            )
            _, asked = await replayed("ask[0].inner-0.deep[0].model", instructions="Be brief.")
            assert asked == [("old", "Be brief."), ("caller", None)]
            replay, asked = await replayed("each[1].part.deep", agent="polite")
            assert ("old", "Be polite.") in asked and len(asked) == 4
            compared = await baton.compare(source.id, replay.id)
            changed = next(one for one in compared["steps"] if one["path"] == "each[1].part.deep")
            assert changed["differs"]["output"]["right"]["agent"] == "polite"
            with pytest.raises(InputError, match=r"'each\[1\]\.part' is no agent step") as refused:
                await baton.replay(source.id, "each[1].part", agent="polite")
            assert "ask[0].inner-0.deep" in str(refused.value.hint)
