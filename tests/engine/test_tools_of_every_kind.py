"""What is said of a tool holds for every kind of tool, in the same words: approval, limits, side effects, undoing."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agents import Call, Functions, McpServer, McpServers, Models, Script, Service, Services, Tool, Tools, Turn
from agents.planning.acting import acts_of
from agents.planning.offer import Offered
from graphs.clock import ManualClock
from graphs.errors import DefinitionError
from graphs.loader import load_workflow
from orchestrator.engine import Orchestrator
from tests.support.engine.desk import DONE, Desk, agent
from tests.support.engine.engines import TYPES, act, engine, finished, rested, run, workflow
from tests.support.engine.steps import Gates

pytestmark = pytest.mark.capability("I06", "I05", "I08")

KINDS = ("function", "step", "workflow", "endpoint", "mcp")
AMOUNT = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}
SERVER = """
import sys
from pathlib import Path
from mcp.server.fastmcp import FastMCP

server, done = FastMCP("desk"), Path(sys.argv[1])


def note(what: str) -> str:
    with done.open("a") as file:
        file.write(what + "\\n")
    return what


@server.tool()
def act(amount: int) -> str:
    "Acts."
    return note(f"act {amount}")


@server.tool()
def unact(amount: int) -> str:
    "Takes it back."
    return note(f"unact {amount}")


server.run()
"""


class World:
    """Something that acts, and can be taken back, as each kind of tool; what was done stands in a file."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder / "done"
        self.url, self.undone = "", True

    @property
    def done(self) -> list[str]:
        return self._file.read_text().splitlines() if self._file.exists() else []

    def act(self, amount: int) -> str:
        """Acts."""
        return self._note(f"act {amount}")

    def unact(self, amount: int) -> str:
        """Takes it back."""
        return self._note(f"unact {amount}")

    def _note(self, what: str) -> str:
        with self._file.open("a") as file:
            file.write(what + "\n")
        return what

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        _, what, amount = head.split(" ")[1].split("/")
        self._note(f"{what} {amount}")
        answer = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        )
        writer.write(answer)
        writer.close()

    def _step(self) -> dict[str, Any]:
        calls = {"type": "function", "input_schema": AMOUNT}
        undo = {
            "name": "undo",
            "type": "function",
            "config": {"function": "unact", "args": {"amount": "{{ input.amount }}"}},
        }
        given = {"input": "{{ args }}"}
        undone = {"compensate": undo} if self.undone else {}
        return {"name": "act", **calls, **given, "config": {"function": "act"}, **undone}

    def use(self, kind: str) -> dict[str, Any]:
        """How an agent names it."""
        endpoint = {"service": "desk", "name": "act", "description": "Acts.", "endpoint": "/act/{amount}"}
        return {
            "function": {"tool": "act"},
            "step": {"step": "act"},
            "workflow": {"workflow": "act"},
            "endpoint": {**endpoint, "method": "POST", "input_schema": AMOUNT},
            "mcp": {"tool": "desk_act", "name": "act"},
        }[kind]

    def asking(self, kind: str, *uses: dict[str, Any]) -> dict[str, Any]:
        """The agent step that has it."""
        undone = {"undo": {"endpoint": "/unact/{amount}"}} if kind == "endpoint" and self.undone else {}
        more = {"steps": [self._step()]} if kind == "step" else {}
        return agent(tools=[{**self.use(kind), **undone, **use} for use in uses]) | more

    def resources(self, kind: str, *turns: Turn) -> list[Any]:
        script = Script("s", turns=turns)
        given: list[Any] = [Models(allow_real=False, scripts=[script]), Functions([self.act, self.unact])]
        if kind == "function":
            given.append(Tools([Tool("act", "Acts.", self.act, undo="unact" if self.undone else None), self.unact]))
        if kind == "endpoint":
            given.append(Services([Service(name="desk", base_url=self.url)]))
        if kind == "mcp":
            program = self._folder / "server.py"
            program.write_text(SERVER)
            command = {"command": sys.executable, "args": (str(program), str(self._file))}
            tools: Any = {"act": {"undo": "unact"} if self.undone else {}}
            given.append(McpServers([McpServer(name="desk", tools=tools, **command)]))
        return given

    def workflows(self, kind: str) -> list[Any]:
        step = self._step() | {"input": "{{ input }}"}
        return [workflow("act", [step], input={"schema": AMOUNT})] if kind == "workflow" else []


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    found = World(tmp_path)
    async with await asyncio.start_server(found.serve, "127.0.0.1", 0) as server:
        found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield found


async def _question(baton: Orchestrator, execution: Any) -> Any:
    await rested(baton, execution)
    (wait,) = await baton.waits(execution.id)
    return wait


@pytest.mark.capability("E11", "security-A19")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_person_always_approves_and_what_was_done_is_undone(database: Path, world: World, kind: str) -> None:
    """It is made with what the person made of it, and that is what is taken back."""
    steps = [world.asking(kind, {"approval": "always"}), act("bad", "ask", fail=True)]
    given, workflows = world.resources(kind, Turn(calls=(Call("act", {"amount": 5}),)), DONE), world.workflows(kind)
    async with engine(database, resources=given, workflows=workflows) as baton:
        execution = await baton.start(workflow("w", steps))
        wait = await _question(baton, execution)
        assert (wait.path, wait.wait.question["payload"], world.done) == ("ask[0].act-0~approval", {"amount": 5}, [])
        await baton.decide(execution.id, wait.path, "edit", by="ann", data={"amount": 3})
        execution = await finished(baton, execution)
        (call,) = (await baton.results(execution.id))["ask"]["output"]["tool_calls"]
    assert (execution.status, world.done) == ("compensated", ["act 3", "unact 3"])
    assert (call["args"], call["asked"]) == ({"amount": 3}, {"amount": 5})


@pytest.mark.capability("security-A18", "security-A19")
@pytest.mark.parametrize("kind", KINDS)
async def test_thresholds_limits_and_side_effects_are_those_of_the_tool(
    database: Path, world: World, kind: str
) -> None:
    """Who is asked sees what it does to the world; how often it may be called counts whatever it is called."""
    said = {"approval": "args.amount > 100", "max_calls": 3, "effect": "reversible"}
    steps = [world.asking(kind, said, {"name": "other", "description": "Also acts.", "max_calls": 3})]
    turns = (
        Turn(calls=(Call("act", {"amount": 500}), Call("act", {"amount": 5}))),
        Turn(calls=(Call("other", {"amount": 7}), Call("other", {"amount": 8}))),
        DONE,
    )
    given, workflows = world.resources(kind, *turns), world.workflows(kind)
    async with engine(database, resources=given, workflows=workflows) as baton:
        execution = await baton.start(workflow("w", steps))
        wait = await _question(baton, execution)
        asked = wait.wait.question
        assert (asked["tool"], asked["payload"], asked["effect"]) == ("act", {"amount": 500}, "reversible")
        assert world.done == ["act 5"]
        await baton.decide(execution.id, wait.path, "respond", by="ann", data="Done by hand.")
        execution = await finished(baton, execution)
        calls = execution.output["tool_calls"]
    assert world.done == ["act 5", "act 7"]
    assert calls[0]["result"] == "Done by hand."
    assert calls[3]["error"] == "Error: tool 'other' may be called 3 times here, and it was."
    assert execution.output["refused"] == 1


@pytest.mark.capability("E11")
@pytest.mark.parametrize("kind", KINDS)
async def test_what_nothing_undoes_is_named_by_whoever_fails_after_it(database: Path, world: World, kind: str) -> None:
    """Also where only the agent's definition says so; and a call that a person has not let happen is not named."""
    world.undone = False
    said = {"effect": "irreversible", "approval": "args.amount > 100"}
    turns = (Turn(calls=(Call("act", {"amount": 5}), Call("act", {"amount": 500}))), DONE)
    given, workflows = world.resources(kind, *turns), world.workflows(kind)
    async with engine(database, resources=given, workflows=workflows) as baton:
        execution = await baton.start(workflow("w", [world.asking(kind, said), act("bad", "ask", fail=True)]))
        wait = await _question(baton, execution)
        await baton.decide(execution.id, wait.path, "reject", by="ann")
        execution = await finished(baton, execution)
        standing = await baton.left_standing(execution)
    assert execution.status == "failed"
    tool = "desk_act" if kind == "mcp" else "act"
    key = f"{execution.id}:ask[0].act-0:0"
    assert standing == [{"path": "ask[0].act-0", "reason": "irreversible", "tool": tool, "idempotency_key": key}]


async def test_a_step_that_a_person_refuses_is_not_begun(database: Path, world: World) -> None:
    """Nor one that nobody decided about in time; the model is told why, and the others of the turn are made."""
    rule = {"when": "args.amount > 100", "timeout": "1h"}
    steps = [world.asking("step", {"approval": rule})]
    turns = (
        Turn(calls=(Call("act", {"amount": 500}), Call("act", {"amount": 5}), Call("act", {"amount": 900}))),
        DONE,
    )
    given, clock = world.resources("step", *turns), ManualClock()
    async with engine(database, resources=given, clock=clock) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
    async with engine(database, resources=given, clock=clock) as baton:  # nor does a restart begin it
        await baton.decide(execution.id, "ask[0].act-0~approval", "reject", by="ann", reason="too much")
        clock.advance(3600)
        execution = await finished(baton, execution)
        assert {"ask[0].act-0", "ask[0].act-2"}.isdisjoint(await baton.results(execution.id))
    assert world.done == ["act 5"]
    assert [call.get("error") for call in execution.output["tool_calls"]] == [
        "Error: the call of 'act' was not approved: too much.",
        None,
        "Error: the call of 'act' was not approved: nobody decided within 1h.",
    ]


async def test_a_step_has_no_more_time_than_is_said_where_it_is_offered(database: Path) -> None:
    gates, clock = Gates(), ManualClock()
    steps = [agent(tools=[{"step": "slow", "timeout": 60}]) | {"steps": [act("slow", gate="never", timeout=90)]}]
    models = Models(allow_real=False, scripts=[Script("s", turns=(Turn(calls=(Call("slow"),)), DONE))])
    async with engine(database, resources=[models], gates=gates, clock=clock) as baton:
        execution = await baton.start(workflow("w", steps))
        await gates.reached("never")
        clock.advance(60)
        execution = await finished(baton, execution)
    assert "took longer than its 60 s" in execution.output["tool_calls"][0]["error"]


async def test_what_is_said_of_a_step_takes_no_other_tool_away(database: Path) -> None:
    """Neither those of the agent that is asked, nor the steps of which nothing is said."""
    desk = Desk()
    clerk = {"name": "clerk", "model": "scripted:s", "tools": ["look"]}
    config = {"agent": clerk, "message": "Go", "tools": [{"step": "one", "name": "uno"}]}
    steps = [{"name": "ask", "type": "agent", "config": config, "steps": [act("one", value=1), act("two", value=2)]}]
    turn = Turn(calls=(Call("look"), Call("uno"), Call("two"), Call("one")))
    given = [Models(allow_real=False, scripts=[Script("s", turns=(turn, DONE))]), Tools([desk.tool("look")])]
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", steps))
    assert [call.get("error") for call in execution.output["tool_calls"]] == [
        None,
        None,
        None,
        "Error: there is no tool 'one'. Tools: look, uno, two.",
    ]


TEXT = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: w}
spec:
  steps:
    - name: ask
      type: agent
      config:
        model: scripted:s
        message: Go
        tools:
          - step: book
            approval: args.amount > 100
      steps:
        - name: book
          type: act
          compensate: {name: cancel, type: act}
"""


@pytest.mark.capability("X10")
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", None),
        ("effect: reversible", None),
        ("max_calls: 0", "14:24: step 'ask', config.tools[0].max_calls: 0 is too small; the least is 1"),
        ("effect: irreversible", "14:21: step 'ask', config.tools[0].effect: step 'book' says what undoes it"),
        ("undo: cancel", "a step has 'compensate'"),
        ("retry: {max_attempts: 2}", "'retry' goes with 'service'"),
        ("tool: book", "give one of 'tool', 'step', 'workflow' and 'service'"),
        ("timeout: soon", "14:22: step 'ask', config.tools[0].timeout"),
    ],
)
def test_what_is_wrong_with_it_is_told_where_it_stands(said: str, told: str | None) -> None:
    text = TEXT.replace("            approval:", f"            {said}\n            approval:") if said else TEXT
    if told is None:
        load_workflow(text, step_types=TYPES)
        return
    with pytest.raises(DefinitionError) as refused:
        load_workflow(text, step_types=TYPES)
    assert any(told in str(problem) and problem.line for problem in refused.value.problems), str(refused.value)


@pytest.mark.capability("X10")
def test_a_step_that_is_not_inside_is_told_with_the_nearest_name() -> None:
    with pytest.raises(DefinitionError) as refused:
        load_workflow(TEXT.replace("- step: book", "- step: bok"), step_types=TYPES)
    assert "13:19: step 'ask', config.tools[0].step: there is no step 'bok' inside the agent step" in str(refused.value)
    assert "Did you mean 'book'?" in str(refused.value)


@pytest.mark.capability("F18", "security-A19")
def test_what_a_model_says_of_its_plans_steps_does_not_hide_what_they_do() -> None:
    inside = [{"name": "pay", "type": "service_call", "config": {"service": "bank", "endpoint": "/", "method": "POST"}}]
    steps = [agent(tools=[{"step": "pay", "effect": "none"}]) | {"steps": inside}]
    found = acts_of(workflow("p", steps), TYPES, Offered({}, {}, {}, ("bank",), ()))
    assert [one.does for one in found] == ["POST bank /"]
