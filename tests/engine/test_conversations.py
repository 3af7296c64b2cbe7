"""Conversations that an agent is handed, and that are longer than it is to be told."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents import Call, Models, Rule, Script, Tool, Tools, Turn
from api.demo.provider import Provider, serving
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import engine, wind, workflow

RULES = (
    Rule("Context Extraction", Turn("They spoke of the weather.")),
    Rule("And now", Turn(calls=(Call("look"),))),
    Rule("sun", Turn("It is fine.")),
)
CLERK = Script("clerk", rules=RULES)
SAID = [{"role": "assistant" if n % 2 else "user", "content": f"{n}: {'rain ' * 80}"} for n in range(20)]
CONFIG = {
    "model": "openai:clerk",
    "messages": [{"role": "system", "content": "Be brief."}, *SAID],
    "message": "And now?",
}


async def _conversation(database: Path, url: str, **config: Any) -> dict[str, Any]:
    models = Models(settings={"openai": {"base_url": url, "api_key": "sk-none", "timeout": 20}})
    step = {"name": "ask", "type": "agent", "config": {**CONFIG, "tools": ["look"], "context_tokens": 600, **config}}
    async with engine(database, resources=[models, Tools([Tool("look", "Looks.", lambda: "sun")])]) as baton:
        if await baton.store.execution("e") is None:
            await baton.start(workflow("w", [step]), {}, execution_id="e")
        execution = await wind(baton, "e")
        assert execution.status == "completed", execution.error
        return execution.output


def _told(provider: Provider) -> list[list[str]]:
    return [[message["content"] or "" for message in one.body["messages"]] for one in provider.asked]


@pytest.mark.capability("I05", "I07")
async def test_what_was_said_before_the_question_is_summed_up_once_wherever_the_process_dies(tmp_path: Path) -> None:
    """The question and what a system says stay as they are, and the step's response has all of it."""
    provider = Provider([CLERK])
    with serving(provider) as url:
        output = await _conversation(tmp_path / "once.db", url)
        summing, first, second = _told(provider)
        assert "19: rain" in summing[0] and "Be brief." not in summing[0] and "And now?" not in summing[0]
        told = ["Be brief.", "Summary of the conversation so far:\n\nThey spoke of the weather.", "And now?"]
        assert (first, second[:3], second[-1]) == (told, told, "sun")
        assert [message["content"] for message in output["messages"][:22]] == ["Be brief.", *_words(), "And now?"]
        assert output["turns"] == 2
        for after in range(1, 100, 3):
            provider.asked.clear()
            crash = Crash(after)
            with crashing(crash):
                await either(_conversation(tmp_path / f"{after}.db", url), crash)
            await asyncio.wait_for(_conversation(tmp_path / f"{after}.db", url), 60)
            assert len(provider.asked) <= 4, f"after {after} commits"
            if not crash.happened.is_set():
                break
        assert after > 5


@pytest.mark.capability("I05", "I07")
async def test_or_its_older_part_is_left_out(tmp_path: Path) -> None:
    provider = Provider([CLERK])
    with serving(provider) as url:
        await _conversation(tmp_path / "baton.db", url, context_overflow="trim")
    assert all(len(told) < 12 and told[0] == "Be brief." and "And now?" in told for told in _told(provider))
    assert "(Earlier messages were left out.)" in _told(provider)[0]


def _words() -> list[str]:
    return [message["content"] for message in SAID]
