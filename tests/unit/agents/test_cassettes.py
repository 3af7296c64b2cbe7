"""Cassettes: model calls recorded to a file, and replayed strictly, through langchain-openai itself."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents import Call, Cassette, Models, Script, Tools, Turn, tool
from agents.models.cassette_model import CassetteModel
from agents.models.router import Router
from api.demo.provider import Fault, Provider, serving
from graphs.errors import InputError, StepError
from graphs.steps import StepContext

from .conftest import work

CLERK = Script(
    "clerk",
    turns=(Turn("Looking.", calls=(Call("find_order", {"order_id": 7}),)), Turn("It is shipped, as you see.")),
)
ROUTES = Script("routes", turns=(Turn(structured={"route": "billing", "explanation": "money"}),))
Make = Callable[..., StepContext]


@tool
def find_order(order_id: int) -> dict[str, Any]:
    """Find an order by its number."""
    return {"order_id": order_id, "status": "shipped"}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Provider, str]]:
    provider = Provider([CLERK, ROUTES])
    with serving(provider) as url:
        yield provider, url


@pytest.fixture
def provider(running: tuple[Provider, str]) -> Provider:
    running[0].asked.clear()
    return running[0]


@pytest.fixture
def ask(running: tuple[Provider, str], provider: Provider, make_context: Make) -> Callable[..., Any]:
    async def go(cassette: Cassette, **config: Any) -> Any:
        # Whoever replays has neither key nor server.
        settings = {} if cassette.mode == "replay" else {"openai": {"base_url": running[1], "api_key": "sk-secret-0"}}
        models = Models(allow_real=cassette.mode != "replay", cassette=cassette, settings=settings)
        given = {"model": "openai:clerk", "message": "Where is 7?", "tools": ["find_order"], **config}
        try:
            return await work(make_context(models, Tools([find_order])), given)
        finally:
            await models.aclose()

    return go


@pytest.mark.capability("I05", "C13")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_was_recorded_is_replayed_without_key_or_network(
    ask: Any, provider: Provider, tmp_path: Path, stream: bool
) -> None:
    file = tmp_path / "cassettes" / "clerk.json"
    recorded = await ask(Cassette(file, "record"), stream=stream)
    assert len(provider.asked) == 2
    replayed = await ask(cassette := Cassette(file), stream=stream)
    assert len(provider.asked) == 2, "nobody was called"
    assert replayed == recorded
    assert (recorded["answer"], cassette.unused) == ("It is shipped, as you see.", 0)
    text = file.read_text(encoding="utf-8")
    assert "sk-secret" not in text
    assert [message["role"] for message in json.loads(text)["calls"][1]["request"]["messages"]] == [
        "human",
        "ai",
        "tool",
    ]


async def test_a_recording_may_be_streamed_though_it_was_made_whole(
    ask: Any, make_context: Make, tmp_path: Path
) -> None:
    await ask(Cassette(tmp_path / "c.json", "record"))
    said: list[Any] = []
    context = make_context(Models(cassette=Cassette(tmp_path / "c.json")), Tools([find_order]), progress=said.append)
    given = {"model": "openai:clerk", "message": "Where is 7?", "tools": ["find_order"], "stream": True}
    assert (await work(context, given))["answer"] == "It is shipped, as you see."
    assert "".join(one["text"] for one in said if one["kind"] == "token") == "Looking.It is shipped, as you see."


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {"message": "Where is 8?"},
            "the nearest recording parts from it at message 1: "
            'human "Where is 7?" was recorded, human "Where is 8?" is asked',
        ),
        ({"instructions": "Be kind."}, 'message 1: human "Where is 7?" was recorded, system "Be kind." is asked'),
        ({"model": "openai:other"}, "the nearest recording has other 'model'"),
        ({"temperature": 0.5, "tools": []}, "the nearest recording has other 'options', 'tools'"),
    ],
)
async def test_a_request_that_was_not_recorded_is_refused_and_says_where_it_parts(
    ask: Any, provider: Provider, tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    await ask(Cassette(tmp_path / "c.json", "record"))
    with pytest.raises(StepError) as caught:
        await ask(Cassette(tmp_path / "c.json"), **change)
    assert (caught.value.code, caught.value.category) == ("recording_missing", "validation")
    assert why in str(caught.value)
    assert str(caught.value).endswith("If the request is meant to be another one, record it: Cassette(path, 'extend').")
    assert len(provider.asked) == 2


async def test_a_recording_answers_once_for_each_time_it_was_recorded(ask: Any, tmp_path: Path) -> None:
    await ask(Cassette(tmp_path / "c.json", "record"))
    cassette = Cassette(tmp_path / "c.json")
    await ask(cassette)
    with pytest.raises(StepError, match="it was recorded 1 time and is asked for once more"):
        await ask(cassette)


async def test_extending_makes_only_the_calls_that_are_not_there(ask: Any, provider: Provider, tmp_path: Path) -> None:
    await ask(Cassette(tmp_path / "c.json", "extend"))
    await ask(Cassette(tmp_path / "c.json", "extend"))
    assert len(provider.asked) == 2
    await ask(Cassette(tmp_path / "c.json", "extend"), message="And 8?")
    assert len(provider.asked) == 4
    assert (await ask(Cassette(tmp_path / "c.json"), message="And 8?"))["turns"] == 2


async def test_failures_are_not_kept(ask: Any, provider: Provider, tmp_path: Path) -> None:
    provider.fail(Fault("500"))
    with pytest.raises(StepError, match="The server had an error"):
        await ask(Cassette(tmp_path / "c.json", "record"))
    assert not (tmp_path / "c.json").exists()


async def test_routers_are_recorded_too(running: tuple[Provider, str], make_context: Make, tmp_path: Path) -> None:
    async def choose(models: Models) -> Any:
        routes = {"billing": "Money", "support": ""}
        question = {"model": "openai:routes", "prompt": "Who helps?", "routes": routes, "state": '{"q": 1}'}
        return await Router().ask(make_context(models), question, [])

    settings = {"openai": {"base_url": running[1], "api_key": "sk-none"}}
    models = Models(settings=settings, cassette=Cassette(tmp_path / "c.json", "record"))
    chosen = await choose(models)
    await models.aclose()
    replayed = await choose(Models(allow_real=False, cassette=Cassette(tmp_path / "c.json")))
    assert replayed == chosen == {"route": "billing", "explanation": "money"}


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Cassette(tmp_path / "c.json")
    assert str(caught.value) == (
        f"There is no cassette '{tmp_path / 'c.json'}' to replay. "
        "Record it once, with a model that answers: Cassette(path, 'record')."
    )
    for text in ("nonsense", "[]", '{"cassette": 2, "calls": []}', '{"cassette": 1, "calls": [{}]}'):
        (tmp_path / "c.json").write_text(text)
        with pytest.raises(InputError, match="is no cassette") as caught:
            Cassette(tmp_path / "c.json")
        assert caught.value.code == "cassette_invalid"


def test_only_models_on_this_machine_may_be_allowed(make_context: Make) -> None:
    models = Models(settings={"openai": {"base_url": "https://api.example/v1"}})
    models.narrow("loopback")
    models.narrow(True)
    assert models.allow_real == "loopback"
    models.narrow(False)
    assert models.allow_real is False


@pytest.mark.parametrize(
    ("server", "allowed"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://localhost:1/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://localhost.example/v1", False),
        (None, False),
    ],
)
async def test_loopback_allows_servers_on_this_machine_only(
    make_context: Make, monkeypatch: pytest.MonkeyPatch, server: str | None, allowed: bool
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    if server is not None:
        monkeypatch.setenv("OPENAI_BASE_URL", server)
    models = Models(allow_real="loopback")
    if allowed:
        await models.open("openai:x")
        await models.aclose()
    else:
        with pytest.raises(StepError, match="real models are switched off here"):
            await models.open("openai:x")


def test_calls_are_recorded_in_async_code_only(tmp_path: Path) -> None:
    model = CassetteModel(cassette=Cassette(tmp_path / "calls.json", "record"), named="m", options={})
    with pytest.raises(InputError, match=r"recorded in async code only\. Use ainvoke or astream\.") as refused:
        model.invoke("Good day.")
    assert refused.value.code == "recorded_async_only"
