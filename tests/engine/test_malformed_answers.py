"""Answers with status 200 that are none, as servers and proxies in OpenAI's shape do send them (R12)."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agents import Call, Models, Script, Tools, Turn, tool
from api.demo.provider import Provider, serving
from graphs.budget import SPENT
from tests.support.engine.engines import engine, run, workflow

ATTEMPTS = 2
paid: list[float] = []


class Malformed(Provider):
    """Says the same every time, whatever it is asked; only what a tool has given is answered as it should be."""

    says: Callable[[], Response]

    def app(self) -> Starlette:
        async def completions(request: Request) -> Response:
            body = await request.json()
            if body["messages"][-1]["role"] != "tool":
                return self.says()
            fine = {"role": "assistant", "content": "Fine."}
            return _stream(_piece(fine), _piece({}, "stop")) if body.get("stream") else _whole(fine)

        return Starlette(routes=[Route("/v1/chat/completions", completions, methods=["POST"])])


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Malformed, str]]:
    provider = Malformed()
    with serving(provider) as url:
        yield provider, url


@tool(effect="irreversible", approval="args.amount > 100")
def pay(amount: float) -> str:
    """Pay."""
    paid.append(amount)
    return "paid"


def _whole(message: Any, **more: Any) -> Response:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage}
    return Response(json.dumps(body | more), media_type="application/json")


def _call(function: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]}


def _piece(delta: Any, finish: str | None = None) -> str:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    return json.dumps(chunk)


def _stream(*events: str) -> Response:
    return Response("".join(f"data: {event}\n\n" for event in (*events, "[DONE]")), media_type="text/event-stream")


async def _asked(database: Path, url: str, *, stream: bool, **budget: float) -> tuple[Any, Any, list[Any]]:
    paid.clear()
    config = {"model": "openai:m", "message": "Pay.", "tools": ["pay"], "stream": stream}
    step = {"name": "ask", "type": "agent", "config": config, "retry": {"max_attempts": ATTEMPTS, "initial_delay": 0}}
    models = Models(settings={"openai": {"base_url": url, "api_key": "sk-none", "timeout": 20}})
    async with engine(database, resources=[models, Tools([pay])], limits={"openai": {"breaker": False}}) as baton:
        execution = await run(baton, workflow("w", [step], config={"budget": budget or {"tokens": 100_000}}))
        results = await baton.results(execution.id)
        return execution, results, [one.data for one in await baton.records(execution.id) if one.kind == SPENT]


NONE: dict[str, tuple[bool, Callable[[], Response]]] = {
    "no choices": (False, lambda: _whole(None, choices=[])),
    "choices null": (False, lambda: _whole(None, choices=None)),
    "no message": (False, lambda: _whole(None)),
    "content of another kind": (False, lambda: _whole({"role": "assistant", "content": 5})),
    "somebody else's message": (False, lambda: _whole({"role": "user", "content": "Fine."})),
    "a call of nothing": (False, lambda: _whole(_call(None))),
    "arguments that are an object": (False, lambda: _whole(_call({"name": "pay", "arguments": {"amount": 5}}))),
    "arguments that are a list": (False, lambda: _whole(_call({"name": "pay", "arguments": "[1]"}))),
    "a page of a proxy": (False, lambda: Response("<html>Sign in</html>", media_type="text/html")),
    "an event that is null": (True, lambda: _stream("null")),
}


@pytest.mark.capability("R12", "E21", "E03")
@pytest.mark.parametrize("name", NONE)
async def test_an_answer_that_cannot_be_read_is_tried_again_and_told_on_one_line(
    running: tuple[Malformed, str], name: str, database: Path
) -> None:
    stream, running[0].says = NONE[name]
    execution, results, spent = await _asked(database, running[1], stream=stream)
    error = results["ask"]["error"]
    assert (execution.status, error["category"], error["code"]) == ("failed", "dependency", "model_answer_invalid")
    assert error["message"].startswith("model 'openai:m' gave ") and "\n" not in error["message"]
    assert "pydantic" not in error["message"] and paid == []
    assert [(one["calls"], one["tokens"] > 0) for one in spent] == [(1, True)] * ATTEMPTS, "it may have been paid for"


@pytest.mark.capability("R12", "security-A18")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-1e999", "1" + "0" * 30])
async def test_numbers_that_no_json_has_are_told_to_the_model(
    running: tuple[Malformed, str], amount: str, stream: bool, database: Path
) -> None:
    """A threshold that is compared with them is not passed by: the call is not made."""
    function = {"name": "pay", "arguments": f'{{"amount": {amount}}}'}
    pieces = (_piece({"tool_calls": [{"index": 0, "id": "c", "function": function}]}), _piece({}, "tool_calls"))
    running[0].says = lambda: _stream(*pieces) if stream else _whole(_call(function))
    execution, results, _ = await _asked(database, running[1], stream=stream)
    assert (execution.status, results["ask"]["output"]["answer"]) == ("completed", "Fine.")
    [told] = results["ask"]["output"]["tool_calls"]
    assert told["error"].startswith("Error: the arguments of this call are no JSON: ") and paid == []


@pytest.mark.capability("R12", "I05", "security-A19")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_arguments_without_end_are_told_to_the_model_and_what_was_paid_is_kept(
    running: tuple[Malformed, str], stream: bool, database: Path
) -> None:
    function = {"name": "pay", "arguments": json.dumps({"amount": 5, "why": "a" * 3_000_000})}
    pieces = (_piece({"tool_calls": [{"index": 0, "id": "c", "function": function}]}), _piece({}, "tool_calls"))
    running[0].says = lambda: _stream(*pieces) if stream else _whole(_call(function))
    execution, results, spent = await _asked(database, running[1], stream=stream, calls=10)
    assert (execution.status, results["ask"]["output"]["answer"]) == ("completed", "Fine.")
    [told] = results["ask"]["output"]["tool_calls"]
    assert (told["args"], paid, results["ask"]["output"]["refused"]) == ({}, [], 1)
    assert told["error"] == (
        "Error: the arguments of this call take 3000024 bytes, and those of all calls of one turn may take 1000000"
    )
    assert [one["calls"] for one in spent] == [1, 1]
    assert len(json.dumps(results)) < 100_000, "it is kept nowhere"


@pytest.mark.capability("R12", "I05")
async def test_an_answer_without_end_is_asked_for_again(database: Path) -> None:
    schema = {"type": "object", "properties": {"words": {"type": "string"}}, "required": ["words"]}
    turns = (Turn(structured={"words": "a" * 3_000_000}),) * 2 + (Turn(structured={"words": "Few."}),)
    config = {"model": "scripted:m", "message": "?", "output_schema": schema}
    for most, code in ((2, None), (1, "answer_unfit")):
        step = {"name": "ask", "type": "agent", "config": {**config, "max_reasks": most}}
        async with engine(database, resources=[Models(scripts=[Script("m", turns=turns)])]) as baton:
            execution = await run(baton, workflow("w", [step]))
        assert (execution.error or {}).get("code") == code, execution.error
        assert code is not None or execution.output["structured"] == {"words": "Few."}


@pytest.mark.capability("R12", "D13")
async def test_tokens_that_are_fewer_than_none_do_not_fill_a_budget_up(
    running: tuple[Malformed, str], database: Path
) -> None:
    less = {"prompt_tokens": -1000, "completion_tokens": -1000, "total_tokens": -2000}
    running[0].says = lambda: _whole({"role": "assistant", "content": "Fine."}, usage=less)
    execution, results, spent = await _asked(database, running[1], stream=False)
    usage = results["ask"]["output"]["usage"]
    assert execution.status == "completed" and usage["total_tokens"] > 0 and usage["estimated"]
    assert [(one["tokens"] > 0, one["estimated"]) for one in spent] == [(True, True)]


@pytest.mark.capability("R12")
@pytest.mark.parametrize("answer", ['```json\n{"total": 7}\n```', '{"total": 7}'])
async def test_a_formed_answer_may_be_written_in_a_fence(answer: str, database: Path) -> None:
    schema = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
    script = Script("m", turns=(Turn('{"total": NaN}'), Turn("", (Call("pay", {"amount": 1}),)), Turn(answer)))
    config = {"model": "scripted:m", "message": "?", "tools": ["pay"], "output_schema": schema}
    async with engine(database, resources=[Models(scripts=[script]), Tools([pay])]) as baton:
        execution = await run(baton, workflow("w", [{"name": "ask", "type": "agent", "config": config}]))
        results = await baton.results(execution.id)
    assert results["ask"]["output"]["structured"] == {"total": 7}, execution.error
