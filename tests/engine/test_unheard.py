"""Calls of which nobody heard how they ended: they may have acted all the same, and are undone like those that did.

The hotel is a real service over HTTP. It books under the idempotency key it is given, and a key that was cancelled is
never booked any more: the only way in which an undoing that comes before the act can hold.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from agents import Call, Functions, Models, Script, Service, Services, Tools, Turn, tool
from agents.tools.service_tool import service_tool
from api.demo.provider import Provider, serving
from graphs.clock import ManualClock
from graphs.errors import InputError, StepError
from graphs.steps import StepContext
from orchestrator.store.port import Execution
from tests.support.engine.engines import act, engine, finished, rested, rings_in, run, until, workflow
from tests.support.engine.steps import Effects, Gates

LIMIT = 0.2
NEVER_IN_TIME = ("late", "later", "looks")
"""How the hotel answers after any limit; what it answers at once has no limit that a busy machine could miss."""


class Hotel:
    """What is booked, and what was cancelled, by key."""

    def __init__(self) -> None:
        self.booked: set[str] = set()
        self.cancelled: list[str] = []
        self._cancelled = asyncio.Event()
        self.over = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *headers = head.splitlines()
        method, target, _ = line.split(" ")
        said = dict(one.lower().split(": ", 1) for one in headers if ": " in one)
        await reader.readexactly(int(said.get("content-length", 0)))
        status = await self._answer(method, urlsplit(target), said.get("idempotency-key", ""))
        if status is not None:
            writer.write(
                f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode()
            )
        writer.close()

    async def _answer(self, method: str, target: Any, key: str) -> int | None:
        """The status; None when the connection is cut."""
        if method == "DELETE":
            (key,) = parse_qs(target.query)["key"]
            self.booked.discard(key)
            self.cancelled.append(key)
            self._cancelled.set()
            return 200
        how = target.path.strip("/")
        if how == "refuses":
            return 409
        if how == "later":  # the undoing comes first
            await self._cancelled.wait()
        if method == "POST" and key not in self.cancelled:
            self.booked.add(key)
        if how in NEVER_IN_TIME:
            await self.over.wait()
        return {"cut": None, "gateway": 504}.get(how, 200)


@pytest.fixture
def hotel() -> Hotel:
    return Hotel()


@pytest_asyncio.fixture
async def url(hotel: Hotel) -> AsyncIterator[str]:
    async with await asyncio.start_server(hotel.serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        hotel.over.set()


def book(how: str, **more: Any) -> dict[str, Any]:
    """A call that is undone by its key, or (`at`) within the step's time instead of the call's."""
    query = {"key": "{{ error.idempotency_key }}", "outcome": "{{ error.outcome }}"}
    undo = {"name": "cancel", "type": "service_call"}
    undo["config"] = {"service": "hotel", "endpoint": "/", "method": "DELETE", "query": query}
    config = {"service": "hotel", "endpoint": f"/{how}", "method": "GET" if how == "looks" else "POST"}
    limit = {"timeout": LIMIT} if more.pop("by_step", False) else {}
    config |= {"timeout": LIMIT} if how in NEVER_IN_TIME and not limit else {}
    retry = {"max_attempts": 1}
    return {
        "name": "book",
        "type": "service_call",
        "config": config,
        "compensate": undo,
        "retry": retry,
        **limit,
        **more,
    }


async def nobody() -> str:
    """An address at which nobody listens any more."""
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def came_to(database: Path, url: str, *steps: dict[str, Any], **spec: Any) -> tuple[Execution, Any]:
    services = Services([Service(name="hotel", base_url=url), Service(name="gone", base_url=await nobody())])
    async with engine(database, resources=[services]) as baton:
        execution = await run(baton, workflow("w", steps, **spec))
        return execution, (await baton.results(execution.id))["book"]


@pytest.mark.capability("X24", "E11", "I01")
@pytest.mark.parametrize(
    ("how", "more", "status"),
    [
        ("late", {}, "compensated"),
        ("late", {"by_step": True}, "timed_out"),
        ("later", {}, "compensated"),
        ("cut", {}, "compensated"),
        ("gateway", {}, "compensated"),
    ],
)
async def test_a_call_that_may_have_acted_is_undone(
    database: Path, hotel: Hotel, url: str, how: str, more: dict[str, Any], status: str
) -> None:
    """By its key, which the undoing step is handed; whether it acts before that or after."""
    execution, result = await came_to(database, url, book(how, **more))
    assert (execution.status, execution.compensation) == (status, "compensated")
    assert result["outcome"] == result["error"]["outcome"] == "unknown"
    assert hotel.cancelled == [result["idempotency_key"]] == [f"{execution.id}:book:0"]
    hotel.over.set()
    assert hotel.booked == set()


@pytest.mark.capability("X24", "E11")
@pytest.mark.parametrize(
    ("how", "more"),
    [("refuses", {}), ("looks", {}), ("late", {"compensate_failed": False}), ("late", {"included": False})],
)
async def test_one_that_cannot_have_acted_is_not(
    database: Path, hotel: Hotel, url: str, how: str, more: dict[str, Any]
) -> None:
    """Nor where the definition says that what failed is not undone."""
    spec = {"compensation": {"include_failed": more.pop("included")}} if "included" in more else {}
    execution, result = await came_to(database, url, book(how, **more), **spec)
    assert (execution.status, execution.compensation, hotel.cancelled) == ("failed", None, [])
    assert ("outcome" in result) is (how == "late")


@pytest.mark.capability("X24", "E11")
async def test_where_nobody_was_reached_nothing_was_done(database: Path, hotel: Hotel, url: str) -> None:
    step = book("late")
    step["config"]["service"] = "gone"
    execution, result = await came_to(database, url, step)
    assert result["error"]["code"] == "service_unreachable" and "outcome" not in result
    assert (execution.status, hotel.cancelled) == ("failed", [])


@pytest.mark.capability("X24", "E11", "E21")
async def test_code_that_knows_better_says_so(database: Path, effects: Effects) -> None:
    async def charge() -> None:
        raise StepError("it was taken back in time", category="timeout", outcome="none")

    step = {"name": "book", "type": "function", "config": {"function": "charge"}, "compensate": act("undo")}
    async with engine(database, effects=effects, resources=[Functions([charge])]) as baton:
        execution = await run(baton, workflow("w", [step | {"retry": {"max_attempts": 1}}]))
    assert execution.status == "timed_out" and effects.began == []


@pytest.mark.capability("X24", "E01")
async def test_what_an_earlier_attempt_may_have_done_is_not_forgotten(database: Path, hotel: Hotel) -> None:
    """The last one was refused; nobody knows of the first. A long pause and another process come between."""
    clock, tried = ManualClock(), list[int]()

    async def charge() -> None:
        tried.append(1)
        if len(tried) == 1:
            raise ConnectionResetError("the line is dead")
        raise StepError("no", category="validation")

    undone = list[Any]()

    async def give_back(outcome: str) -> None:
        undone.append(outcome)

    undo = {"name": "undo", "type": "function", "config": {"function": "give_back"}}
    undo["config"]["args"] = {"outcome": "{{ error.outcome }}"}
    step = {"name": "book", "type": "function", "config": {"function": "charge"}, "compensate": undo}
    step["retry"] = {"max_attempts": 2, "initial_delay": 60, "jitter": 0}
    functions = Functions([charge, give_back])
    async with engine(database, resources=[functions], clock=clock) as baton:
        execution = await baton.start(workflow("w", [step]))
        await until(rings_in(clock, 60))
    clock.advance(60)
    async with engine(database, resources=[functions], clock=clock) as baton:
        execution = await finished(baton, execution)
    assert (execution.status, len(tried), undone) == ("compensated", 2, ["unknown"])


def hotel_tools() -> list[Any]:
    text = {"type": "string"}
    keyed = {"type": "object", "properties": {"key": text, "outcome": text}}
    told = {"key": "{{ idempotency_key }}", "outcome": "{{ outcome }}"}
    return [
        service_tool("book", "Books.", "hotel", "/{how}", method="POST", undo="cancel", timeout=LIMIT, undo_args=told),
        service_tool("hold", "Waits for it.", "hotel", "/{how}", method="POST", undo="cancel", undo_args=told),
        service_tool("look", "Looks.", "hotel", "/looks", timeout=LIMIT),
        service_tool("cancel", "Cancels.", "hotel", "/", method="DELETE", schema=keyed),
    ]


@pytest.mark.capability("X24", "I05", "I07", "E11")
@pytest.mark.parametrize("fails", [False, True])
async def test_a_call_of_an_agent_that_may_have_acted_is_undone(
    database: Path, hotel: Hotel, url: str, fails: bool
) -> None:
    """The agent is told that it took too long, and goes on: what came of that call is of use to nobody. One that it
    made well is undone with the rest only. The model is behind a server in OpenAI's shape."""
    late, refused, well = Call("book", {"how": "late"}), Call("hold", {"how": "refuses"}), Call("hold", {"how": "well"})
    clerk = Script("clerk", turns=(Turn(calls=(late, refused, Call("look"))), Turn(calls=(well,)), Turn("Booked.")))
    step = {
        "name": "ask",
        "type": "agent",
        "config": {"model": "openai:clerk", "message": "Go", "tools": ["book", "hold", "look"]},
    }
    services = Services([Service(name="hotel", base_url=url)])
    with serving(Provider([clerk])) as model:
        models = Models(settings={"openai": {"base_url": model, "api_key": "sk-none"}})
        async with engine(database, resources=[models, services, Tools(hotel_tools())]) as baton:
            execution = await run(baton, workflow("w", [step, act("after", "ask", fail=fails)]))
            results = await baton.results(execution.id)
    cut, made = f"{execution.id}:ask[0].book-0:0", f"{execution.id}:ask[1].hold-0:0"
    assert (execution.status, execution.compensation) == ("compensated" if fails else "completed", "compensated")
    assert hotel.cancelled == ([made, cut] if fails else [cut])
    assert hotel.booked == (set() if fails else {made})
    assert results["ask[0].book-0"]["outcome"] == "unknown" and "outcome" not in results["ask[0].hold-1"]


TOLD = "It undoes 'book', which was cut off: what that did is not known; its key is '{}:book:0'."


def cut_off_tool(undo_args: Any) -> tuple[Tools, list[str]]:
    cancelled = list[str]()

    @tool(undo="cancel", undo_args=undo_args)
    async def book(room: str) -> dict[str, str]:
        """Book."""
        raise TimeoutError

    @tool
    def cancel(booking: str) -> None:
        """Cancel."""
        cancelled.append(booking)

    return Tools([book, cancel]), cancelled


@pytest.mark.capability("X24", "I05", "E12", "E22")
@pytest.mark.parametrize("undo_args", [{"booking": "{{ result.id }}"}, None])
async def test_what_undoes_it_may_need_its_result(database: Path, effects: Effects, undo_args: Any) -> None:
    """Which nobody has: then people are told all that is known, say what is missing, and it is undone."""
    tools, cancelled = cut_off_tool(undo_args)
    step = {
        "name": "book",
        "type": "tool",
        "config": {"tool": "book", "args": {"room": "7"}},
        "retry": {"max_attempts": 1},
    }
    async with engine(database, effects=effects, resources=[tools]) as baton:
        execution = await run(baton, workflow("w", [step]))
        (letter,) = await baton.dead_letters(kind="compensation")
        assert (execution.status, execution.compensation) == ("timed_out", "compensation_failed")
        assert letter.about["undoes"] == "book" and letter.about["idempotency_key"] == f"{execution.id}:book:0"
        assert "argument 'booking' is missing" in letter.error["message"]
        assert letter.error["message"].endswith(TOLD.format(execution.id))
        assert "--edit ARGUMENT=VALUE" in letter.error["hint"]
        await baton.edit_letter(letter.id, {"booking": "b-17"}, by="ann")
        await baton.redrive([letter.id], by="ann")
        execution = await finished(baton, execution)
        left = await baton.dead_letters(kind="compensation")
    assert (execution.status, execution.compensation, cancelled, left) == ("timed_out", "compensated", ["b-17"], [])


@pytest.mark.capability("X24", "E11", "E12", "E22")
@pytest.mark.parametrize("reads", ["{{ output.id }}", "{{ steps.book.output.id }}"])
@pytest.mark.parametrize("inside", [False, True])
async def test_an_undoing_step_is_given_what_people_found_out(
    database: Path, effects: Effects, reads: str, inside: bool
) -> None:
    """Its own output only, once; what had been undone meanwhile is not undone twice, in another process either."""
    cancelled = list[str]()

    async def book() -> dict[str, str]:
        raise TimeoutError

    async def cancel(booking: str) -> None:
        cancelled.append(booking)

    undo = {"name": "cancel", "type": "function", "config": {"function": "cancel", "args": {"booking": reads}}}
    step = {"name": "book", "type": "function", "config": {"function": "book"}, "compensate": undo}
    step |= {"retry": {"max_attempts": 1}}
    first = act("first", compensate=act("undo_first"))
    steps = [first, {"name": "list", "type": "sequence", "steps": [step]}] if inside else [first, step]
    steps[1]["depends_on"] = ["first"]
    functions, path = Functions([book, cancel]), "list.book" if inside else "book"
    async with engine(database, effects=effects, resources=[functions]) as baton:
        execution = await run(baton, workflow("w", steps))
        (letter,) = await baton.dead_letters(kind="compensation")
        (failure,) = await baton.dead_letters(kind="failure")
        assert execution.compensation == "compensation_failed" and letter.about["undoes"] == path
        assert letter.about["idempotency_key"] == f"{execution.id}:{path}:0" in letter.error["hint"]
        assert "--edit output:=JSON" in letter.error["hint"]
        with pytest.raises(InputError, match=f"Dead letter {letter.id} wants to know what '{path}' gave"):
            await baton.edit_letter(letter.id, {"booking": "b-17"})
        await baton.edit_letter(letter.id, {"output": {"id": "b-17"}}, by="ann")
    async with engine(database, effects=effects, resources=[functions]) as baton:
        await baton.redrive([letter.id], by="ann")
        execution = await finished(baton, execution)
        assert (execution.compensation, cancelled) == ("compensated", ["b-17"])
        assert effects.counts["~compensation.undo_first"] == 1
        assert await baton.dead_letters(kind="compensation") == []
        (redriven,) = [one for one in await baton.records(execution.id) if one.kind == "execution.redriven"]
        assert redriven.data["edits"][0]["input"] == {"output": {"id": "b-17"}}
        await baton.redrive([failure.id])
        await finished(baton, execution)
        (again,) = await baton.dead_letters(kind="compensation")
    assert again.about["idempotency_key"] == f"{execution.id}:{path}:1", "another call, of which nobody was told"
    assert cancelled == ["b-17"]


@pytest.mark.capability("X24", "E10", "X32")
async def test_who_was_cut_off_in_a_race_is_undone(
    database: Path, effects: Effects, gates: Gates, hotel: Hotel, url: str
) -> None:
    race = {"name": "race", "type": "parallel", "config": {"first": 1}}
    race["branches"] = {"slow": [book("late", config={"service": "hotel", "endpoint": "/late", "method": "POST"})]}
    race["branches"]["quick"] = [act("quick", gate="go")]
    services = Services([Service(name="hotel", base_url=url)])
    async with engine(database, effects=effects, gates=gates, resources=[services]) as baton:
        execution = await baton.start(workflow("w", [race]))
        async with asyncio.timeout(60):
            while not hotel.booked:
                await asyncio.sleep(0.001)
        gates.open("go")
        execution = await finished(baton, execution)
    assert execution.status == "completed" and hotel.cancelled == [f"{execution.id}:race.slow.book:0"]
    assert hotel.booked == set()


@pytest.mark.capability("X24", "E11", "E16")
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("decision", ["approve", "respond", "reject"])
async def test_a_person_who_decides_what_becomes_of_it_is_told_and_it_is_undone(
    database: Path, decision: str, fails: bool
) -> None:
    """Whatever they decide; what was made in its place goes with the rest only."""
    made, undone = list[str](), list[str]()

    async def book(context: StepContext) -> None:
        made.append(context.idempotency_key)
        if len(made) == 1:
            raise TimeoutError

    async def cancel(key: str) -> None:
        undone.append(key)

    read = "{{ error.idempotency_key if error.idempotency_key is defined else 'heard' }}"
    undo = {"name": "cancel", "type": "function", "config": {"function": "cancel", "args": {"key": read}}}
    step = {"name": "book", "type": "function", "config": {"function": "book"}, "compensate": undo}
    step |= {"retry": {"max_attempts": 1}, "on_failure": {"action": "escalate"}}
    async with engine(database, resources=[Functions([book, cancel])]) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [step, act("after", "book", fail=fails)])))
        (question,) = await baton.waits(execution.id)
        await baton.decide(execution.id, question.path, decision, by="ann", data="done by hand")
        execution = await finished(baton, execution)
    first = f"{execution.id}:book:0"
    assert (
        f"It was cut off, and may have acted all the same, under the key '{first}'" in question.wait.question["message"]
    )
    again = ["heard"] if decision == "approve" and fails else []
    assert made == [first, f"{execution.id}:book~fallback[0].book:0"][: 2 if decision == "approve" else 1]
    assert undone == [*again, first] and execution.compensation == "compensated"
    assert (execution.status == "completed") is (not fails and decision != "reject")


@pytest.mark.capability("X24", "E11", "E16")
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("by_tool", [False, True])
@pytest.mark.parametrize("again", [False, True], ids=["at once", "tried again, and cut off again"])
async def test_what_was_cut_off_stands_where_a_person_says_what_it_gave(
    database: Path, by_tool: bool, fails: bool, again: bool
) -> None:
    """With `keep`: it is undone with the rest only, with what they said; of an earlier attempt nobody has said that."""
    made, undone = list[str](), list[Any]()

    @tool(undo="cancel")
    async def book(context: StepContext) -> None:
        """Book."""
        made.append(context.idempotency_key)
        raise TimeoutError

    @tool
    async def cancel(booking: str = "unknown") -> None:
        """Cancel."""
        undone.append(booking)

    step: dict[str, Any] = {"name": "book", "type": "tool", "retry": {"max_attempts": 1}}
    if not by_tool:
        read = "{{ output.booking if output != none else 'unknown' }}"
        undo = {"name": "cancel", "type": "function", "config": {"function": "cancel", "args": {"booking": read}}}
        step |= {"type": "function", "config": {"function": "book"}, "compensate": undo}
    step["on_failure"] = {"action": "escalate", "escalate": {"keep": True}}
    given = [Functions([book.function, cancel.function]), Tools([book, cancel])]
    async with engine(database, resources=given) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [step, act("after", "book", fail=fails)])))
        if again:
            (question,) = await baton.waits(execution.id)
            await baton.decide(execution.id, question.path, "approve", by="ann")
            await until(lambda: len(made) == 2)
            execution = await rested(baton, execution)
        (question,) = await baton.waits(execution.id)
        assert "If it has, respond with what it gave: it then stands." in question.wait.question["message"]
        await baton.decide(execution.id, question.path, "respond", by="ann", data={"booking": "b-17"})
        execution = await finished(baton, execution)
    assert len(made) == 1 + again
    assert undone == [*(["b-17"] if fails else []), *(["unknown"] if again else [])]
    assert execution.status == ("compensated" if fails else "completed")
    assert execution.compensation == ("compensated" if undone else None)
