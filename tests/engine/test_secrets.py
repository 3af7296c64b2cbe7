"""A secret input goes wherever a workflow sends it, and stays in no byte of what is kept, logged or shown."""

import asyncio
import base64
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from agents import Functions, Tools, tool
from graphs.expressions import Secret, reveal
from graphs.spec import Step
from graphs.steps import StepContext
from orchestrator.cli.app import make_app
from orchestrator.sealing import Sealer, take_secrets
from orchestrator.store.cipher import Cipher
from tests.support.engine.engines import act, ask, engine, finished, rested, run, workflow
from tests.support.engine.steps import Effects
from tests.support.sentinel import SENTINEL, found_in, leaks

TOKEN = {
    "schema": {
        "type": "object",
        "properties": {"token": {"type": "string", "format": "password"}, "n": {"type": "integer"}},
        "required": ["token"],
    }
}


class Echo:
    """A service that gives back everything it was sent: as an answer, or (`/fail`) as a failure."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b"":
            fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if line)
            body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
            said = (head + body).decode()
            self.asked.append(said)
            fails = b"/fail" in head.split(b"\r\n")[0]
            status = b"500 Oh" if fails else b"200 OK"
            answer = json.dumps({"echo": body.decode() if fails else said}).encode()
            writer.write(b"HTTP/1.1 %s\r\ncontent-type: application/json\r\nconnection: close\r\n" % status)
            writer.write(b"content-length: %d\r\n\r\n%s" % (len(answer), answer))
            break
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self.serve, "127.0.0.1")
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            await server.wait_closed()


def _resources(seen: list[Any]) -> list[Any]:
    functions, tools = Functions(), Tools()

    @functions.function
    def gives(token: str) -> dict[str, Any]:
        seen.append(token)
        return {"token": token, f"for {token}": [f"Bearer {token}", 7]}

    @functions.function
    def raises(token: str) -> None:
        seen.append(token)
        raise ValueError(f"{token} is not accepted")

    @tool
    def knocks(token: str) -> str:
        """Knock at the door."""
        seen.append(token)
        raise PermissionError(f"not with {token}")

    tools.add(knocks)
    return [functions, tools]


GOES_ON = {"on_failure": {"action": "continue"}}
WHEREVER: list[dict[str, Any]] = [
    {
        "name": "in_a_header",
        "type": "service_call",
        "config": {
            "service": "echo",
            "endpoint": "/ok",
            "headers": {
                "Authorization": "Bearer {{ input.token | b64encode }}",
                "X-Token": "{{ input.token | urlencode }}",
            },
        },
    },
    {
        "name": "in_a_body_that_fails",
        "type": "service_call",
        "config": {"service": "echo", "endpoint": "/fail", "method": "POST", "payload": {"t": ["{{ input.token }}"]}},
        **GOES_ON,
    },
    {
        "name": "in_a_query",
        "type": "service_call",
        "config": {"service": "echo", "endpoint": "/ok", "query": {"t": "{{ input.token }}"}, "full": True},
    },
    {
        "name": "in_a_prompt",
        "type": "agent",
        "config": {
            "model": "scripted:echo",
            "instructions": "You know {{ input.n }}.",
            "message": "The token is {{ input.token }}.",
            "context": {"token": "{{ input.token }}"},
        },
    },
    {"name": "given", "type": "function", "config": {"function": "gives", "args": {"token": "{{ input.token }}"}}},
    {
        "name": "raised",
        "type": "function",
        "config": {"function": "raises", "args": {"token": "{{ input.token }}"}},
        "retry": {"max_attempts": 2, "initial_delay": 0, "retry_on": ["logic"]},
        **GOES_ON,
    },
    {
        "name": "knocked",
        "type": "tool",
        "config": {"tool": "knocks", "args": {"token": "{{ input.token }}"}},
        **GOES_ON,
    },
    act("as_a_value", value={"t": "{{ input.token }}", "in": "a {{ input.token }} b"}, input="{{ input.token }}"),
    act("as_a_variable", variables={"kept": "{{ input.token }}"}, output={"t": "{{ input.token }}"}),
    act("misfit", input={"t": "{{ input.token }}"}, input_schema={"properties": {"t": {"maxLength": 3}}}, **GOES_ON),
    act("no_such_key", value="{{ input.token.nothing }}", **GOES_ON),
    {"name": "late", "type": "delay", "config": {"duration": "{{ input.token }}"}, **GOES_ON},
    {"name": "told", "type": "emit_event", "config": {"event_type": "x", "data": "{{ input.token }}"}, **GOES_ON},
    {
        "name": "awaited",
        "type": "wait_for_event",
        "config": {"event_type": "x", "filter": {"t": "{{ input.token }}"}},
        **GOES_ON,
    },
    {
        "name": "switched",
        "type": "switch",
        "config": {"on": "{{ input.token }}"},
        "cases": [{"equals": "other", "steps": []}],
        "default": [act("otherwise")],
        **GOES_ON,
    },
    {
        "name": "items",
        "type": "map",
        "config": {"items": ["{{ input.token }}", "{{ 'x' ~ input.token }}"], "as": "each"},
        "steps": [act("shown", value="{{ each }}"), {**ask("may_i"), "config": {"payload": "{{ each }}"}}],
    },
    {
        "name": "below",
        "type": "workflow",
        "config": {"workflow": "sub", "input": {"token": "{{ input.token }}"}},
    },
    {
        "name": "checked",
        "type": "validation",
        "input": {"token": "{{ input.token }}"},
        "config": {
            "validation_rules": [
                {"field": "token", "rule": "email"},
                {"field": "token", "rule": "one_of", "options": ["a", "b"]},
                {"field": "token", "rule": "max_length", "max": 3},
                {"field": "token", "rule": "schema", "schema": {"const": "other"}},
            ]
        },
        **GOES_ON,
    },
    {
        "name": "asked_elsewhere",
        "type": "validation",
        "input": {"token": "{{ input.token }}"},
        "config": {"validation_rules": [{"field": "token", "rule": "known", "service": "echo"}]},
        **GOES_ON,
    },
    {
        "name": "openly",
        "type": "approval",
        "config": {"message": "Use {{ input.token }}?"},
        **GOES_ON,
    },
    {
        "name": "question",
        "type": "approval",
        "depends_on": ["in_a_header"],
        "config": {"message": "Use it?", "payload": {"t": "{{ input.token }}"}},
    },
]
SUB = workflow("sub", [act("x", value="{{ input.token }}"), ask("q", "x")])


@pytest.mark.capability("X12", "I25", "D13")
@pytest.mark.parametrize("source", ["input.token", "secrets.TOKEN"])
async def test_a_secret_stands_in_no_byte_of_what_is_kept_logged_or_shown(
    source: str, tmp_path: Path, database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent in headers, bodies, queries, prompts, arguments, items, questions, errors: looked for while the execution
    rests, with its WAL, and after its end, with everything the command line says of it."""
    echo, seen = Echo(), list[Any]()
    of_input, given = (TOKEN, {"token": SENTINEL, "n": 5}) if source == "input.token" else ({}, {"n": 5})
    monkeypatch.setenv("TOKEN", SENTINEL)
    steps = json.loads(json.dumps(WHEREVER).replace("input.token", source))
    output = {"values": {"t": f"{{{{ {source} }}}}", "n": "{{ input.n }}"}}
    definition = workflow("w", steps, input=of_input, output=output)
    async with echo.running() as url:
        how: dict[str, Any] = {"resources": _resources(seen), "workflows": [SUB], "log_level": "debug"}
        how |= {"services": {"echo": url}, "log_format": "json", "secrets": ("TOKEN",)}
        async with engine(database, **how) as baton:
            execution = await baton.start(definition, given)
            await rested(baton, execution)
            assert {wait.path for wait in await baton.waits(execution.id)} >= {"question", "items[0].may_i"}
            assert "***" in f"{await baton.waits(execution.id)}"
            assert leaks(tmp_path) == {}
        async with engine(database, **how) as baton:  # another process would open what was sealed
            for wait in await baton.waits(execution.id):
                await baton.decide(execution.id, wait.path, "approve", by="ann")
            execution = await finished(baton, execution)
            results = await baton.results(execution.id)
            told = f"{execution} {results} {await baton.records(execution.id)}"
            assert leaks(tmp_path) == {}
    assert execution.status == "completed" and execution.output == {"t": "***", "n": 5}, execution.error
    assert leaks(tmp_path) == {} and found_in(told) == []
    # It was not lost on the way: where it is used, it is itself.
    assert seen.count(SENTINEL) == len(seen) == 4
    asked = "".join(echo.asked)
    assert base64.b64encode(SENTINEL.encode()).decode() in asked and f"[{json.dumps(SENTINEL)}]" in asked
    assert results["given"]["output"] == {"token": "***", "for ***": ["Bearer ***", 7]}
    assert results["raised"]["error"]["message"] == "ValueError: *** is not accepted"
    assert results["items[1].shown"]["output"]["value"] == results["below.x"]["output"]["value"] == "***"
    monkeypatch.chdir(tmp_path)
    for words in (["show", execution.id, "--json"], ["show", execution.id], ["list", "--json"]):
        shown = await asyncio.to_thread(CliRunner().invoke, make_app(), [*words, "--database", str(database)])
        assert shown.exit_code == 0 and found_in(shown.output) == []
    logged = capsys.readouterr()
    assert "step.failed" in logged.err and found_in(logged.err) == [] and found_in(logged.out) == []


@pytest.mark.capability("X12", "E11", "E22")
async def test_code_that_knows_a_secret_tells_it_to_nobody_by_way_of_its_context(
    tmp_path: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its log, its notes, its progress, the effects it writes down, the letter its failure leaves: all without it. And
    yet what it wrote down is undone with it."""
    functions, undone = Functions(), list[Any]()

    @functions.function
    async def acts(token: str, context: StepContext) -> None:
        context.log.bind(of=token).warning(f"acting with {token}", token=token, more=[{token: 1}], odd={token})
        try:
            raise ValueError(token)
        except ValueError:
            context.log.error("it was refused", exc_info=True)
        context.note("step.noted", {"token": token})
        context.progress({"with": token})
        await context.effect({"function": "gives_back", "args": {"token": token, "n": 1}}, result={"for": token})
        undo = Step(name="again", type="function", config={"function": "gives_back", "args": {"token": f"2 {token}"}})
        await context.effect(undo)

    @functions.function
    def gives_back(token: str, n: int = 0) -> dict[str, Any]:
        undone.append(token)
        return {"given": token, "n": n}

    @functions.function
    def fails(token: str) -> None:
        raise ValueError(f"not with {token}")

    def call(name: str, *needs: str) -> dict[str, Any]:
        config = {"function": name, "args": {"token": "{{ input.token }}"}}
        return {"name": name, "type": "function", "depends_on": list(needs), "config": config}

    definition = workflow("w", [call("acts"), call("fails", "acts")], input=TOKEN, **{"finally": [call("gives_back")]})
    seen: list[Any] = []
    async with engine(database, resources=[functions], log_level="debug", log_format="json") as baton:

        async def watch() -> None:
            seen.extend([record async for record in baton.watch()])

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        execution = await run(baton, definition, {"token": SENTINEL})
        told = f"{execution} {await baton.records(execution.id)} {await baton.store.dead_letters()}"
        watching.cancel()
        assert leaks(tmp_path) == {}
    logged = capsys.readouterr().err
    assert execution.status == "compensated", execution.error
    assert undone[:2] == [f"2 {SENTINEL}", SENTINEL] and undone[2:] == [SENTINEL]
    assert leaks(tmp_path) == {} and found_in(told) == found_in(logged) == found_in(f"{seen}") == []
    assert "acting with ***" in logged and "ValueError: ***" in logged and "step.noted" in told


LOOKS_LIKE_OURS = [{"$secret": "token"}, {"$secret": "nobody"}, {"$sealed": "Zm9v"}, {"$plain": {"$secret": "token"}}]


@pytest.mark.capability("X12")
async def test_data_that_looks_like_a_reference_is_data(database: Path) -> None:
    """Whoever may give an input cannot have another's secret put in its place, nor stop the execution with it."""
    each = act("each", value="{{ item }}")
    steps = [{"name": "m", "type": "map", "config": {"items": "{{ input.list }}"}, "steps": [each, ask("q")]}]
    schema = TOKEN["schema"] | {"properties": TOKEN["schema"]["properties"] | {"list": {"type": "array"}}}
    definition = workflow("w", steps, input={"schema": schema})
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(definition, {"token": SENTINEL, "list": LOOKS_LIKE_OURS}))
    async with engine(database) as baton:
        for wait in await baton.waits(execution.id):
            await baton.decide(execution.id, wait.path, "approve")
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status == "completed", execution.error
    assert [results[f"m[{index}].each"]["output"]["value"] for index in range(4)] == LOOKS_LIKE_OURS


@pytest.mark.capability("X12", "D03")
async def test_a_fork_has_the_secret_and_its_edit_cannot_name_it(database: Path) -> None:
    """The edit is data: it does not move a secret to where it can be read."""
    steps = [act("shown", value="{{ input.note }}"), act("used", value="{{ input.token }}")]
    schema = TOKEN["schema"] | {"properties": TOKEN["schema"]["properties"] | {"note": {}}}
    seen: list[Any] = []
    effects = Effects(watchers=[lambda context: seen.append(reveal(context.input)["token"])])
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps, input={"schema": schema}), {"token": SENTINEL, "note": 1})
        fork = await baton.fork(execution.id, "shown", edit={"note": {"$secret": "token"}})
        fork = await finished(baton, fork)
        results = await baton.results(fork.id)
    assert fork.status == "completed" and results["shown"]["output"]["value"] == {"$secret": "token"}
    assert set(seen) == {SENTINEL} and leaks(database.parent) == {}


_KEYS = st.sampled_from(["$secret", "$sealed", "$plain", "token", "a"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_KEYS, _JSON, max_size=3), _JSON)
def test_what_is_taken_out_and_sealed_is_put_back_as_it_was(rest: dict[str, Any], secret: Any) -> None:
    """Whatever stands beside the secrets, and whatever they are."""
    with tempfile.TemporaryDirectory() as folder:
        cipher = Cipher.open(Path(folder) / "baton.db")
        value = {**rest, "token": {"deep": [secret, 1]}}
        public, taken = take_secrets(value, [("token", "deep", "*"), ("nothing", "there")])
        sealer = Sealer({name: cipher.encrypt(plain) for name, plain in taken.items()}, cipher)
    assert set(taken) == {"token.deep.0", "token.deep.1"} and public["token"] != value["token"]
    opened = sealer.open_input(json.loads(json.dumps(public)))
    assert reveal(opened) == value and all(isinstance(item, Secret) for item in opened["token"]["deep"])
    assert reveal(sealer.unseal(json.loads(json.dumps(sealer.seal(opened))))) == value
