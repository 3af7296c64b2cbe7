"""With a key or a server, the examples' agents speak through a real model: here one over HTTP on this machine."""

from pathlib import Path

import pytest

from api.demo.catalogue import resources
from api.demo.provider import Provider, serving
from api.demo.voice import real_model
from tests.support.engine.engines import engine, run, workflow

STEP = {"name": "greet", "type": "agent", "config": {"agent": "welcome_agent", "message": "Welcome new customer Ann"}}


@pytest.mark.capability("I05", "I27")
async def test_the_same_agents_use_a_real_model_when_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine(tmp_path / "a.db", resources=resources()) as baton:
        scripted = await run(baton, workflow("w", [STEP]))
    assert (scripted.output["model"], scripted.output["answer"][:12]) == ("scripted:welcome", "Welcome, Ann")
    provider = Provider()
    with serving(provider) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
        monkeypatch.setenv("OPENAI_MODEL", "echo")
        async with engine(tmp_path / "b.db", resources=resources()) as baton:
            real = await run(baton, workflow("w", [STEP]))
    assert (real.output["model"], real.output["answer"]) == ("openai:echo", "You said: Welcome new customer Ann")
    assert provider.asked[0].body["messages"][0]["content"] == "You greet new customers in two sentences."


async def test_no_engine_of_a_test_calls_a_model_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    async with engine(tmp_path / "a.db", resources=resources()) as baton:
        failed = await run(baton, workflow("w", [STEP | {"config": {"model": "openai:gpt-5-mini", "message": "?"}}]))
    assert failed.error is not None
    assert failed.error["code"] == "model_refused"


def test_which_model_speaks() -> None:
    assert real_model({}) is None
    assert real_model({"OPENAI_API_KEY": "sk"}) == "openai:gpt-5-mini"
    assert real_model({"OPENAI_BASE_URL": "http://x", "OPENAI_MODEL": "mine"}) == "openai:mine"
    assert real_model({"OPENAI_API_KEY": "sk", "BATON_REAL_MODELS": "refuse"}) is None
