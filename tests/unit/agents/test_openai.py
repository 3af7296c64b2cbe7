"""langchain-openai on the path: a small server on loopback that speaks OpenAI's shape."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agents import Models, Tool, Tools, tool
from agents.models.router import Router
from api.demo.serving import in_a_thread
from graphs.errors import StepError
from graphs.steps import StepContext

from .conftest import work

Make = Callable[..., StepContext]
KEY = "sk-test-0123456789abcdef"


@dataclass
class Provider:
    """Answers with what it was given, in order; keeps what it was asked."""

    url: str = ""
    answers: list[Response] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def completions(self, request: Request) -> Response:
        self.asked.append(await request.json())
        return self.answers.pop(0)


def says(content: str | None = None, *calls: tuple[str, dict[str, Any]], finish: str = "stop") -> Response:
    tool_calls = [
        {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(args)}}
        for n, (name, args) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": content} | ({"tool_calls": tool_calls} if tool_calls else {})
    body = json.dumps(  # as ASCII: half characters travel escaped
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4.1-mini",
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if calls else finish}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        }
    )
    return Response(body, media_type="application/json")


def fails(status: int, message: str = "no", code: str | None = None, **headers: str) -> Response:
    error = {"message": message, "type": "error", "param": None, "code": code}
    return JSONResponse({"error": error}, status, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    provider = Provider()
    paths = ("/v1/chat/completions", "/openai/deployments/gpt-4.1-mini/chat/completions")  # the other is Azure's
    app = Starlette(routes=[Route(path, provider.completions, methods=["POST"]) for path in paths])
    with in_a_thread(app, name="provider") as url:
        provider.url = f"{url}/v1"
        yield provider


@pytest.fixture
def provider(running: Provider, monkeypatch: pytest.MonkeyPatch) -> Provider:
    running.answers, running.asked = [], []
    monkeypatch.setenv("OPENAI_BASE_URL", running.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return running


@tool
def find_order(order_id: int) -> dict[str, Any]:
    """Find an order by its number."""
    return {"order_id": order_id, "status": "shipped"}


@pytest.fixture
async def run(make_context: Make) -> AsyncIterator[Callable[..., Any]]:
    models = Models(settings={"openai": {"timeout": 5}})

    async def go(**config: Any) -> Any:
        values = {"model": "openai:gpt-4.1-mini", "message": "Where is order 7?", **config}
        return await work(make_context(models, Tools([find_order])), values)

    yield go
    await models.aclose()


@pytest.mark.capability("I05")
async def test_a_plain_answer(provider: Provider, run: Any) -> None:
    provider.answers = [says("It is on its way.")]
    response = await run(instructions="Be kind.", temperature=0.5)
    assert (response["answer"], response["turns"], response["model"]) == ("It is on its way.", 1, "openai:gpt-4.1-mini")
    assert response["usage"] == {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    asked = provider.asked[0]
    assert asked["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Where is order 7?"},
    ]
    assert (asked["model"], asked["temperature"]) == ("gpt-4.1-mini", 0.5)


@pytest.mark.capability("I07", "I06")
async def test_tool_calls_go_back_and_forth(provider: Provider, run: Any) -> None:
    provider.answers = [says(None, ("find_order", {"order_id": 7})), says("Shipped.")]
    response = await run(tools=["find_order"])
    assert response["answer"] == "Shipped."
    assert response["tool_calls"] == [
        {"name": "find_order", "args": {"order_id": 7}, "result": {"order_id": 7, "status": "shipped"}}
    ]
    assert provider.asked[0]["tools"][0]["function"] == {
        "name": "find_order",
        "description": "Find an order by its number.",
        "parameters": {
            "type": "object",
            "properties": {"order_id": {"type": "integer"}},
            "required": ["order_id"],
            "additionalProperties": False,
        },
    }
    assert provider.asked[1]["messages"][-1]["role"] == "tool"
    assert response["usage"]["total_tokens"] == 30


async def test_half_characters_and_repeated_ids_do_no_harm(provider: Provider, run: Any) -> None:
    note = Tool("note", "Takes a note.", lambda text, context: [text, context.idempotency_key[-12:]])
    provider.answers = [
        says("cut \ud83d", ("note", {"text": "a\ud83d"})),
        says(None, ("note", {"text": "b"})),
        says("Done \ud83d"),
    ]
    response = await run(tools=[note])
    assert response["answer"] == "Done ?"
    assert [call["result"] for call in response["tool_calls"]] == [["a?", "[0].note-0:0"], ["b", "[1].note-0:0"]]


def broken(name: str) -> Response:
    answer = json.loads(bytes(says(None, (name, {})).body))
    answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = "{broken"
    return JSONResponse(answer)


async def test_arguments_that_are_no_json_are_told_to_the_model(provider: Provider, run: Any) -> None:
    provider.answers = [broken("find_order"), says("Sorry.")]
    response = await run(tools=["find_order"])
    assert response["answer"] == "Sorry."
    told = "Error: the arguments of this call are no JSON: {broken"
    assert response["tool_calls"] == [{"name": "find_order", "args": {}, "error": told}]
    assert provider.asked[1]["messages"][-1] == {"role": "tool", "content": told, "tool_call_id": "call_0"}


async def test_a_formed_answer_that_is_no_json_is_asked_for_again(provider: Provider, run: Any) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    provider.answers = [broken("final_answer"), says(None, ("final_answer", {"n": 1}))]
    response = await run(output_schema=schema)
    assert (response["structured"], response["turns"], response["tool_calls"]) == ({"n": 1}, 2, [])


async def test_an_answer_in_a_form(provider: Provider, run: Any) -> None:
    schema = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}
    provider.answers = [says(None, ("final_answer", {"status": "shipped"}))]
    response = await run(output_schema=schema)
    assert response["structured"] == {"status": "shipped"}
    assert provider.asked[0]["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("answer", "category", "code", "patience"),
    [
        (fails(429, "slow down", retry_after="7"), "transient", "model_rate_limited", 7.0),
        (fails(429, "slow down", retry_after="1", retry_after_ms="450"), "transient", "model_rate_limited", 0.45),
        (fails(429, "slow down", retry_after_ms="99999999"), "transient", "model_rate_limited", 3600.0),
        (fails(429, "slow down", retry_after="2", retry_after_ms="soon"), "transient", "model_rate_limited", 2.0),
        (fails(429, "pay", code="insufficient_quota"), "resource", "model_quota", None),
        (fails(401, f"Incorrect API key provided: {KEY}"), "logic", "model_unauthorized", None),
        (fails(403), "logic", "model_unauthorized", None),
        (fails(404), "validation", "model_unknown", None),
        (fails(400, "x", code="context_length_exceeded"), "validation", "context_overflow", None),
        (fails(400, "x", code="content_filter"), "validation", "content_filtered", None),
        (fails(400, "x"), "validation", "model_request_invalid", None),
        (fails(422, "x"), "validation", "model_failed", None),
        (fails(503, "busy", retry_after="99999"), "dependency", "model_failed", 3600.0),
        (says("cut", finish="length"), "resource", "answer_cut", None),
        (says("", finish="content_filter"), "validation", "content_filtered", None),
        (says("  "), "dependency", "answer_empty", None),
    ],
)
@pytest.mark.capability("E21", "E03", "R12")
async def test_failures_are_classified_and_not_tried_again_here(
    provider: Provider, run: Any, answer: Response, category: str, code: str, patience: float | None
) -> None:
    provider.answers = [answer]
    with pytest.raises(StepError) as caught:
        await run()
    assert (caught.value.category, caught.value.code, caught.value.retry_after) == (category, code, patience)
    assert len(provider.asked) == 1
    assert KEY not in str(caught.value)


def chunk(finish: str | None = None, **delta: Any) -> str:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    return f"data: {json.dumps(body)}\n\n"


DONE = "data: [DONE]\n\n"


def streamed(*events: str) -> Response:
    return Response("".join(events), media_type="text/event-stream")


@pytest.mark.capability("O02")
async def test_words_are_handed_on_as_they_come(provider: Provider, make_context: Make) -> None:
    words = [chunk(role="assistant", content="On "), chunk(content="its way."), chunk("stop")]
    provider.answers = [streamed(*words, DONE)]
    said: list[Any] = []
    models = Models()
    config = {"model": "openai:gpt-4.1-mini", "message": "?", "stream": True}
    response = await work(make_context(models, progress=said.append), config)
    await models.aclose()
    assert response["answer"] == "On its way."
    assert said == [
        {"kind": "turn", "turn": 1},
        {"kind": "token", "text": "On "},
        {"kind": "token", "text": "its way."},
    ]


ERROR = 'data: {"error": {"message": "The server had an error", "type": "server_error", "code": null}}\n\n'


@pytest.mark.parametrize(
    ("events", "category", "code"),
    [
        ((chunk(role="assistant", content="On "), ERROR), "dependency", "model_failed"),
        ((chunk(role="assistant", content="On "),), "dependency", "model_answer_invalid"),
        ((chunk(role="assistant", content="On "), DONE), "dependency", "model_answer_invalid"),
        ((chunk(role="assistant", content=""), chunk("stop"), DONE), "dependency", "answer_empty"),
        ((chunk(content="I ca"), chunk("content_filter"), DONE), "validation", "content_filtered"),
        ((chunk(content="I ca"), chunk("length"), DONE), "resource", "answer_cut"),
        ((DONE,), "dependency", "model_answer_invalid"),
        ((), "dependency", "model_answer_invalid"),
    ],
    ids=["error", "ended", "unfinished", "empty", "filtered", "cut", "nothing", "not a byte"],
)
@pytest.mark.capability("E21", "E03", "R12")
async def test_a_stream_that_breaks_off_is_no_answer(
    provider: Provider, run: Any, events: tuple[str, ...], category: str, code: str
) -> None:
    provider.answers = [streamed(*events)]
    with pytest.raises(StepError) as caught:
        await run(stream=True)
    assert (caught.value.category, caught.value.code) == (category, code), caught.value


@pytest.mark.capability("E21", "R12")
async def test_a_refusal_is_no_answer(provider: Provider, run: Any) -> None:
    refused = json.loads(bytes(says("").body))
    refused["choices"][0]["message"] |= {"content": None, "refusal": "I cannot help with that."}
    provider.answers = [JSONResponse(refused)]
    pieces = [chunk(role="assistant", content=""), chunk(refusal="I cannot "), chunk(refusal="help with that.")]
    provider.answers.append(streamed(*pieces, chunk("stop"), DONE))
    for stream in (False, True):
        with pytest.raises(StepError, match=r"refused to answer: I cannot help with that\.") as caught:
            await run(stream=stream)
        assert (caught.value.category, caught.value.code) == ("validation", "answer_refused")
        assert caught.value.details["refusal"] == "I cannot help with that."


@pytest.mark.capability("E21", "R12", "I05")
async def test_a_refusal_is_heard_word_by_word_at_azure_too(provider: Provider, make_context: Make) -> None:
    pieces = [chunk(role="assistant", content=""), chunk(refusal="I cannot "), chunk(refusal="help."), chunk("stop")]
    provider.answers = [streamed(*pieces, DONE), streamed(chunk(content="On its way."), chunk("stop"), DONE)]
    there = {"azure_endpoint": provider.url.removesuffix("/v1"), "api_key": KEY, "api_version": "2024-10-21"}
    models = Models(allow_real="loopback", settings={"azure_openai": there})
    config = {"model": "azure_openai:gpt-4.1-mini", "message": "?", "stream": True}
    with pytest.raises(StepError, match=r"refused to answer: I cannot help\.") as caught:
        await work(make_context(models), config)
    assert caught.value.code == "answer_refused"
    assert (await work(make_context(models), config))["answer"] == "On its way."
    await models.aclose()


@pytest.mark.capability("I05", "D13")
async def test_what_a_server_does_not_count_is_estimated_and_said_to_be(provider: Provider, run: Any) -> None:
    """Servers that only speak OpenAI's language seldom count in streams."""
    provider.answers = [streamed(chunk(role="assistant", content="On its way. " * 50), chunk("stop"), DONE)]
    usage = (await run(stream=True, instructions="Be kind. " * 50))["usage"]
    assert usage["estimated"] is True and usage["input_tokens"] > 50 and usage["output_tokens"] > 50
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    provider.answers = [says("On its way.")]
    assert "estimated" not in (await run())["usage"]


@pytest.mark.capability("F17", "X25", "R12")
async def test_a_model_that_refuses_to_choose_has_not_chosen(provider: Provider, make_context: Make) -> None:
    """It is neither asked again, nor taken for one that named no route."""
    refused = json.loads(bytes(says("").body))
    refused["choices"][0]["message"] |= {"content": None, "refusal": "I will not judge people."}
    provider.answers = [JSONResponse(refused)]
    models = Models()
    question = {"model": "openai:m", "prompt": "Who is guilty?", "routes": {"ann": "", "bob": ""}, "state": ""}
    with pytest.raises(StepError, match="refused to answer: I will not judge people") as caught:
        await Router().ask(make_context(models), question, [])
    await models.aclose()
    assert (caught.value.code, caught.value.retryable) == ("answer_refused", False)


async def test_a_provider_that_is_not_there(run: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
    with pytest.raises(StepError) as caught:
        await run()
    assert (caught.value.category, caught.value.code) == ("dependency", "model_unreachable")
    assert str(caught.value) == "model 'openai:gpt-4.1-mini' cannot be reached: Connection error."


async def test_without_a_key_the_message_says_what_to_set(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(StepError) as caught:
        await run()
    assert caught.value.code == "model_unavailable"
    assert str(caught.value).startswith("model 'openai:gpt-4.1-mini' cannot be opened: ")
    assert str(caught.value).endswith("(such as OPENAI_API_KEY).")
    with pytest.raises(StepError, match="model 'nonsense:x' cannot be opened"):
        await run(model="nonsense:x")


@pytest.mark.capability("F17", "X25")
async def test_a_route_is_chosen(provider: Provider, make_context: Make) -> None:
    provider.answers = [
        says("Maybe sales?"),
        says(None, ("choose_route", {"route": "Billing", "explanation": "It is about money."})),
    ]
    models, router = Models(), Router()
    question = {
        "model": "openai:gpt-4.1-mini",
        "prompt": "Who helps?",
        "routes": {"billing": "Money", "support": ""},
        "state": router.shown({"q": "refund"}),
    }
    assert await router.ask(make_context(models), question, []) == {"said": "Maybe sales?"}
    chosen = await router.ask(make_context(models), question, ["Maybe sales?"])
    await models.aclose()
    assert chosen == {"route": "billing", "explanation": "It is about money."}
    function = provider.asked[0]["tools"][0]["function"]
    assert function["parameters"]["properties"]["route"]["enum"] == ["billing", "support"]
    assert provider.asked[1]["messages"][-1] == {
        "role": "user",
        "content": "'Maybe sales?' is no route. Answer with one of these names exactly: billing, support.",
    }
