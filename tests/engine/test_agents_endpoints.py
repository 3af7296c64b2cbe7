"""Endpoints of services as tools, declared in YAML alone: with what bounds them, who approves, and what undoes them."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agents import Agent, Call, Models, Script, Service, Services, Turn
from agents.planning.acting import acts_of
from agents.planning.offer import Offered
from agents.planning.reach import out_of_reach
from agents.reasoning.defining import definition_of
from agents.tools.tool_use import ToolUse
from graphs.errors import DefinitionError
from graphs.loader import examine_text, load_workflow
from graphs.spec import Workflow
from graphs.validation import Known
from orchestrator.engine import Orchestrator
from orchestrator.store.port import DeadLetter, Execution
from tests.support.engine.engines import TYPES, act, engine, finished, rested, run, workflow

pytestmark = pytest.mark.capability("I06", "I02", "I05")

CLERK = """
apiVersion: workflow/v1
kind: Agent
metadata: {name: clerk}
spec:
  model: scripted:s
  tools:
    - service: hotel
      name: find
      description: Find a booking.
      endpoint: /bookings/{booking}
    - service: hotel
      name: book
      description: Book a room.
      endpoint: /rooms/{room}/bookings
      method: post
      input_schema: {type: object, properties: {room: {type: string}, nights: {type: integer}}, required: [nights]}
      undo: {endpoint: "/bookings/{booking}", method: delete, args: {booking: result.id}}
      approval: args.nights > 7
      max_calls: 2
      timeout: 30s
      retry: {max_attempts: 3, initial_delay: 0}
"""
BY_NAME = "undo: unbook"
UNBOOK = """
    - service: hotel
      name: unbook
      description: Cancel a booking.
      endpoint: /bookings/{id}
      method: DELETE
"""


class Hotel:
    """Takes requests down, and answers bookings with a number; some answers are failures first."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, str]] = []
        """Method, path, body, idempotency key."""
        self.failing = 0
        self.cut = False
        """The next answer never comes: the connection breaks."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *headers = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        method, path, _ = line.split(" ")
        said = dict(one.lower().split(": ", 1) for one in headers if ": " in one)
        body = (await reader.readexactly(int(said.get("content-length", 0)))).decode()
        self.asked.append((method, path, body, said.get("idempotency-key", "")))
        if self.cut:
            self.cut = False
            writer.close()
            return
        failed, self.failing = self.failing > 0, self.failing - 1
        answer = json.dumps({"id": f"b{len(self.asked)}", "key": said.get("idempotency-key")})
        status = "503 Busy" if failed else "200 OK"
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n{answer}".encode())
        writer.close()

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _, _ in self.asked]


@pytest.fixture
def hotel() -> Hotel:
    return Hotel()


@pytest_asyncio.fixture
async def url(hotel: Hotel) -> AsyncIterator[str]:
    async with await asyncio.start_server(hotel.serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def resources(url: str, *calls: Call) -> list[Any]:
    script = Script("s", turns=(Turn(calls=calls), Turn("Done.")))
    return [Models(allow_real=False, scripts=[script]), Services([Service(name="hotel", base_url=url)])]


def clerk(text: str = CLERK) -> Workflow:
    return load_workflow(text, step_types=TYPES).workflow


ASK = {"name": "ask", "type": "agent", "config": {"agent": "clerk", "message": "?"}}
BOOK = Call("book", {"room": "sea/1", "nights": 2})


async def test_its_arguments_go_where_they_belong_and_each_call_has_its_key(
    database: Path, hotel: Hotel, url: str
) -> None:
    calls = (BOOK, Call("find", {"booking": "7"}), Call("book", {"room": "1"}))
    async with engine(database, resources=resources(url, *calls)) as baton:
        await baton.publish(clerk())
        execution = await run(baton, workflow("w", [ASK]))
    tools = execution.output["tool_calls"]
    assert tools[2]["error"] == "Error: tool 'book' cannot be called: arguments.nights is missing."
    assert sorted(hotel.asked) == [
        ("GET", "/bookings/7", "", ""),
        ("POST", "/rooms/sea%2F1/bookings", '{"nights":2}', f"{execution.id}:ask[0].book-0:0"),
    ]


async def test_the_engine_tries_again_with_the_same_key(database: Path, hotel: Hotel, url: str) -> None:
    hotel.failing = 2
    async with engine(database, resources=resources(url, BOOK)) as baton:
        await baton.publish(clerk())
        execution = await run(baton, workflow("w", [ASK]))
        assert (await baton.results(execution.id))["ask[0].book-0"]["attempts"] == 3
    assert len(hotel.asked) == 3 and len({key for _, _, _, key in hotel.asked}) == 1


@pytest.mark.capability("E11")
@pytest.mark.parametrize("how", ["endpoint", "name"])
async def test_a_call_that_was_made_is_undone(database: Path, hotel: Hotel, url: str, how: str) -> None:
    """By another endpoint; by one of the agent's own, by its name; both after the engine was begun anew."""
    undo = 'undo: {endpoint: "/bookings/{booking}", method: delete, args: {booking: result.id}}'
    text = CLERK if how == "endpoint" else CLERK.replace(undo, BY_NAME) + UNBOOK.lstrip("\n")
    steps = [ASK, {"name": "q", "type": "approval", "depends_on": ["ask"]}, act("bad", "q", fail=True)]
    async with engine(database, resources=resources(url, BOOK)) as baton:
        await baton.publish(clerk(text))
        execution = await rested(baton, await baton.start(workflow("w", steps)))
    async with engine(database, resources=resources(url, BOOK)) as baton:
        await baton.decide(execution.id, "q", "approve", by="ann")
        execution = await finished(baton, execution)
    assert execution.status == "compensated"
    assert hotel.calls == [("POST", "/rooms/sea%2F1/bookings"), ("DELETE", "/bookings/b1")]
    assert hotel.asked[1][3], "and it, too, has a key"


async def undone_with(baton: Orchestrator, execution: Execution, letter: DeadLetter, given: dict[str, Any]) -> None:
    """A person says what it is undone with, and it is."""
    await baton.edit_letter(letter.id, given, by="ann")
    await baton.redrive([letter.id], by="ann")
    assert (await finished(baton, execution)).compensation == "compensated"
    assert await baton.dead_letters(kind="compensation") == []


@pytest.mark.capability("E11", "X24", "E22")
async def test_what_undoes_it_cannot_be_said_and_people_say_it(database: Path, hotel: Hotel, url: str) -> None:
    """The answer names nothing that its path needs."""
    text = CLERK.replace(", args: {booking: result.id}", "")
    async with engine(database, resources=resources(url, BOOK)) as baton:
        await baton.publish(clerk(text))
        execution = await run(baton, workflow("w", [ASK, act("bad", "ask", fail=True)]))
        (letter,) = await baton.dead_letters(kind="compensation")
        wrong = "DELETE hotel/bookings/{booking} cannot be called: argument 'booking' is missing."
        told = f"{wrong} It undoes 'ask[0].book-0'."
        assert (execution.compensation, letter.error["message"]) == ("compensation_failed", told)
        said = "Say what it is undone with (baton dead-letters edit NUMBER --edit ARGUMENT=VALUE) and redrive."
        assert letter.error["hint"].endswith(said)
        assert hotel.calls == [("POST", "/rooms/sea%2F1/bookings")]
        await undone_with(baton, execution, letter, {"booking": "b1"})
    assert hotel.calls == [("POST", "/rooms/sea%2F1/bookings"), ("DELETE", "/bookings/b1")]


@pytest.mark.capability("X24", "E11", "E22")
@pytest.mark.parametrize("args", [", args: {booking: result.id}", ""])
async def test_what_undoes_a_call_that_was_cut_off_is_given_what_people_found_out(
    database: Path, hotel: Hotel, url: str, args: str
) -> None:
    """The path of what undoes it names what only the lost answer said."""
    hotel.cut = True
    text = CLERK.replace(", args: {booking: result.id}", args).replace("retry: {max_attempts: 3, initial_delay: 0}", "")
    async with engine(database, resources=resources(url, BOOK)) as baton:
        await baton.publish(clerk(text))
        execution = await run(baton, workflow("w", [ASK, act("bad", "ask", fail=True)]))
        (letter,) = await baton.dead_letters(kind="compensation")
        key = f"{execution.id}:ask[0].book-0:0"
        assert (execution.compensation, letter.about["idempotency_key"]) == ("compensation_failed", key)
        assert "argument 'booking' is missing. It undoes 'ask[0].book-0', which was cut off" in letter.error["message"]
        await undone_with(baton, execution, letter, {"booking": "b 17"})
    assert hotel.calls == [("POST", "/rooms/sea%2F1/bookings"), ("DELETE", "/bookings/b%2017")]


async def test_a_person_approves_above_the_threshold(database: Path, hotel: Hotel, url: str) -> None:
    async with engine(database, resources=resources(url, Call("book", {"room": "1", "nights": 8}))) as baton:
        await baton.publish(clerk())
        execution = await rested(baton, await baton.start(workflow("w", [ASK])))
        (wait,) = await baton.waits(execution.id)
        assert hotel.asked == [] and wait.wait.question["effect"] == "reversible"
        await baton.decide(execution.id, wait.path, "edit", by="ann", data={"room": "2", "nights": 1})
        await finished(baton, execution)
    assert hotel.calls == [("POST", "/rooms/2/bookings")]


@pytest.mark.capability("X10")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("service: hotel\n      name: book", "name: book"), "'endpoint' goes with 'service'"),
        (("endpoint: /rooms/{room}/bookings", "timeout: 1s"), "'service' needs 'endpoint'"),
        (("/rooms/{room}/bookings", "https://evil.test/x"), "is a URL of its own"),
        (("/rooms/{room}/bookings", "/rooms/{root}/bookings"), "names 'root', which is no argument of its schema"),
        (("method: post", "method: fetch"), "method"),
        (("args: {booking: result.id}", "args: {booking: resul.id}"), "'undo_args': "),
        (("undo: {endpoint", "effect: none\n      undo: {endpoint"), "'undo' says what undoes it"),
        (("description: Book a room.", "tool: x"), "give one of 'tool', 'step', 'workflow' and 'service'"),
        (("      description: Book a room.\n", ""), "an endpoint needs a 'name' and a 'description'"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(change: tuple[str, str], told: str) -> None:
    assert change[0] in CLERK
    with pytest.raises(DefinitionError) as caught:
        clerk(CLERK.replace(*change, 1))
    assert any(told in str(problem) and problem.line and problem.line >= 12 for problem in caught.value.problems), str(
        caught.value
    )


def test_a_service_that_is_not_configured_is_told_when_it_is_checked() -> None:
    report = examine_text(CLERK, step_types=TYPES, known=Known(services=("hotels",)))
    assert {problem.code for problem in report.problems} >= {"service_unknown"}
    assert any("Did you mean 'hotels'?" in str(problem) for problem in report.problems)


@pytest.mark.capability("X10", "E11")
@pytest.mark.parametrize("undo", ["unbok", "{tool: unbok, args: {id: result.id}}"])
def test_an_undo_that_nobody_has_is_told_when_it_is_checked(undo: str) -> None:
    """One of the agent's own endpoints, or a registered tool, is one."""
    own = 'undo: {endpoint: "/bookings/{booking}", method: delete, args: {booking: result.id}}'
    text = CLERK.replace(own, f"undo: {undo}") + UNBOOK.lstrip("\n")

    def told(text: str, *tools: str) -> list[str]:
        known = Known(services=("hotel",), tools=tools)
        return [str(one) for one in examine_text(text, step_types=TYPES, known=known).problems]

    [problem] = told(text)
    line = text.splitlines().index(f"      undo: {undo}") + 1
    assert problem.startswith(f"{line}:") and "there is no tool 'unbok' in this engine's settings" in problem
    assert "Did you mean 'unbook'?" in problem
    assert told(text.replace("unbok", "unbook")) == [] and told(text, "unbok") == []


@pytest.mark.capability("F18", "security-A19")
def test_a_plan_that_a_model_writes_reaches_no_other_services_and_says_what_it_may_change() -> None:
    use = {"service": "hotel", "name": "x", "description": "X.", "endpoint": "/x", "method": "POST"}
    plan = workflow("p", [{"name": "ask", "type": "agent", "config": {"message": "?", "tools": [use]}}])
    none = Offered({}, {}, {}, (), ())
    there = Offered({}, {}, {}, ("hotel",), ())
    assert list(out_of_reach(plan, TYPES, none)) == ["step 'ask', service: there is no 'hotel' here."]
    assert list(out_of_reach(plan, TYPES, there)) == []
    wiped = {"name": "ask", "type": "agent", "config": {"message": "?", "tools": [{**use, "undo": "wipe"}]}}
    assert list(out_of_reach(workflow("p", [wiped]), TYPES, there)) == ["step 'ask', tool: there is no 'wipe' here."]
    undone = {**use, "name": "wipe"}
    own = {"name": "ask", "type": "agent", "config": {"message": "?", "tools": [{**use, "undo": "wipe"}, undone]}}
    assert list(out_of_reach(workflow("p", [own]), TYPES, there)) == []
    assert [one.does for one in acts_of(plan, TYPES, there)] == ["may call POST hotel /x"]
    reads = workflow(
        "p", [{"name": "ask", "type": "agent", "config": {"message": "?", "tools": [{**use, "method": "get"}]}}]
    )
    assert acts_of(reads, TYPES, there) == []


def test_it_is_the_same_agent_written_in_python() -> None:
    schema = {"type": "object", "properties": {"room": {"type": "string"}, "nights": {"type": "integer"}}}
    undo = {"endpoint": "/bookings/{booking}", "method": "delete", "args": {"booking": "result.id"}}
    book = ToolUse(
        service="hotel",
        name="book",
        description="Book a room.",
        endpoint="/rooms/{room}/bookings",
        method="POST",
        input_schema={**schema, "required": ["nights"]},
        undo=undo,  # type: ignore[arg-type]
        approval="args.nights > 7",  # type: ignore[arg-type]
        max_calls=2,
        timeout=30,
        retry={"max_attempts": 3, "initial_delay": 0},  # type: ignore[arg-type]
    )
    find = ToolUse(service="hotel", name="find", description="Find a booking.", endpoint="/bookings/{booking}")
    agent = Agent(name="clerk", model="scripted:s", tools=(find, book))
    assert definition_of(agent).as_document() == clerk().as_document()
