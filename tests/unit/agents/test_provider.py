"""The demo's provider through langchain-openai itself: each way to go wrong, whole and streamed."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from agents import Call, Failure, Models, Script, Tools, Turn, tool
from api.demo.provider import Fault, Provider, serving
from graphs.errors import StepError
from graphs.steps import StepContext

from .conftest import work

CLERK = Script("clerk", turns=(Turn("Looking.", calls=(Call("find_order", {"order_id": 7}),)), Turn("It is shipped.")))
FORMED = Script("formed", turns=(Turn(structured={"n": 1}),))
FAILING = Script("failing", turns=(Turn("ok", failures=(Failure("server"), Failure("rate_limit", retry_after=3))),))


@tool
def find_order(order_id: int) -> dict[str, Any]:
    """Find an order by its number."""
    return {"order_id": order_id, "status": "shipped"}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Provider, str]]:
    provider = Provider([CLERK, FORMED, FAILING])
    with serving(provider) as url:
        yield provider, url


@pytest.fixture
def provider(running: tuple[Provider, str]) -> Provider:
    running[0].asked.clear()
    return running[0]


@pytest.fixture
async def run(
    running: tuple[Provider, str], provider: Provider, make_context: Callable[..., StepContext]
) -> AsyncIterator[Callable[..., Any]]:
    models = Models(settings={"openai": {"base_url": running[1], "api_key": "sk-none", "timeout": 5}})

    async def go(**config: Any) -> Any:
        context = make_context(models, Tools([find_order]))
        return await work(
            context, {"model": "openai:clerk", "message": "Where is 7?", "tools": ["find_order"], **config}
        )

    yield go
    await models.aclose()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_script_is_spoken_over_http(run: Any, provider: Provider, stream: bool) -> None:
    response = await run(stream=stream)
    assert (response["answer"], response["turns"]) == ("It is shipped.", 2)
    assert response["tool_calls"][0]["result"]["status"] == "shipped"
    assert set(provider.conversations.values()) == {1}
    if not stream:  # a server that is not OpenAI's own is not asked for counts in streams
        assert response["usage"]["output_tokens"] > 0


async def test_a_formed_answer_over_http(run: Any) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert (await run(model="openai:formed", output_schema=schema))["structured"] == {"n": 1}


@pytest.mark.capability("E21", "E03", "R12")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("fault", "category", "code", "patience"),
    [
        (Fault("429", retry_after=7), "transient", "model_rate_limited", 7.0),
        (Fault("500"), "dependency", "model_failed", None),
        (Fault("503"), "dependency", "model_failed", None),
        (Fault("401"), "logic", "model_unauthorized", None),
        (Fault("cut"), "dependency", "model_unreachable", None),
        (Fault("invalid_json"), "dependency", "model_answer_invalid", None),
        (Fault("content_filter"), "validation", "content_filtered", None),
        (Fault("length"), "resource", "answer_cut", None),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_what_goes_wrong_is_of_a_kind_and_tried_once(
    run: Any, provider: Provider, fault: Fault, category: str, code: str, patience: float | None, stream: bool
) -> None:
    provider.fail(fault)
    with pytest.raises(StepError) as caught:
        await run(stream=stream)
    assert (caught.value.category, caught.value.code, caught.value.retry_after) == (category, code, patience)
    assert len(provider.asked) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_tool_nobody_has_and_arguments_that_are_none_are_told_to_the_model(
    run: Any, provider: Provider, stream: bool
) -> None:
    provider.fail(Fault("wrong_tool"))
    response = await run(stream=stream)
    assert response["tool_calls"] == [
        {"name": "no_such_tool", "args": {}, "error": "Error: there is no tool 'no_such_tool'. Tools: find_order."}
    ]
    provider.fail(Fault("bad_arguments"))
    response = await run(stream=stream)
    assert response["tool_calls"][0]["error"] == "Error: the arguments of this call are no JSON: {broken"


async def test_failures_of_a_script_come_one_per_try(run: Any) -> None:
    for code in ("model_failed", "model_rate_limited"):
        with pytest.raises(StepError) as caught:
            await run(model="openai:failing")
        assert caught.value.code == code
    assert (await run(model="openai:failing"))["answer"] == "ok"


async def test_its_own_side(running: tuple[Provider, str], run: Any) -> None:
    await run()
    root = running[1].removesuffix("/v1")
    async with httpx.AsyncClient(timeout=60) as client:
        rows = (await client.get(f"{root}/_control/requests")).json()["requests"]
        assert [row["answered"] for row in rows] == [True, True]
        assert (await client.post(f"{root}/_control/faults", json=[{"kind": "500"}])).json() == {"waiting": 1}
        assert "clerk" in [one["id"] for one in (await client.get(f"{running[1]}/models")).json()["data"]]
    with pytest.raises(StepError, match="The server had an error"):
        await run()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"nope", "The request cannot be read: it: Invalid JSON"),
        (b'{"model": "echo", "messages": "x"}', "messages: Input should be a valid array."),
        (b'{"messages": []}', "The request cannot be read: model: Field required."),
    ],
)
def test_a_request_that_is_none_is_refused_as_openai_does(
    running: tuple[Provider, str], body: bytes, said: str
) -> None:
    response = httpx.post(f"{running[1]}/chat/completions", content=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")
    assert said in response.json()["error"]["message"]


@pytest.mark.parametrize("faults", ['[{"kind": "nope"}]', '[{"kind": "429", "retry-after": 1}]', "429"])
def test_faults_that_nobody_knows_are_refused(running: tuple[Provider, str], faults: str) -> None:
    response = httpx.post(f"{running[1].removesuffix('/v1')}/_control/faults", content=faults)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid_faults")
