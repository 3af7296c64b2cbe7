"""What providers do to an execution (R12): a real server in OpenAI's shape, the real client, the whole engine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents import Call, Models, Script, Tools, Turn, tool
from api.demo.provider import Fault, Provider, serving
from graphs.budget import SPENT
from tests.support.engine.engines import act, engine, run, workflow

CLERK = Script("clerk", turns=(Turn(calls=(Call("look", {"n": 1}),)), Turn("It is shipped.")))
ATTEMPTS, BUDGET = 3, 5


@tool
def look(n: int) -> int:
    """Look."""
    return n


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Provider, str]]:
    provider = Provider([CLERK])
    with serving(provider) as url:
        yield provider, url


@pytest.fixture
def provider(running: tuple[Provider, str]) -> Provider:
    running[0].asked.clear()
    running[0].recover()
    return running[0]


def _steps(stream: bool) -> list[dict[str, Any]]:
    config = {"model": "openai:clerk", "message": "Where is it?", "tools": ["look"], "stream": stream}
    retry = {"max_attempts": ATTEMPTS, "initial_delay": 0, "jitter": 0, "max_delay": 0}
    ask = {"name": "ask", "type": "agent", "config": config, "retry": retry}
    return [ask, act("after", "ask", value="{{ steps.ask.output.answer }}")]


async def _carried_out(database: Path, url: str, *, stream: bool, patience: float = 60) -> Any:
    models = Models(settings={"openai": {"base_url": url, "api_key": "sk-none", "timeout": patience}})
    limits = {"openai": {"breaker": False}}
    async with engine(database, resources=[models, Tools([look])], limits=limits) as baton:
        definition = workflow("w", _steps(stream), config={"budget": {"calls": BUDGET}})
        execution = await run(baton, definition)
        spent = [record for record in await baton.records(execution.id) if record.kind == SPENT]
        return execution, await baton.results(execution.id), spent


FAULTS = [
    (Fault("429", retry_after=0), "transient", "model_rate_limited", ATTEMPTS),
    (Fault("500"), "dependency", "model_failed", ATTEMPTS),
    (Fault("503"), "dependency", "model_failed", ATTEMPTS),
    (Fault("late", seconds=3), "transient", "model_timeout", ATTEMPTS),
    (Fault("cut"), "dependency", "model_unreachable", ATTEMPTS),
    (Fault("invalid_json"), "dependency", "model_answer_invalid", ATTEMPTS),
    (Fault("401"), "logic", "model_unauthorized", 1),
    (Fault("content_filter"), "validation", "content_filtered", 1),
    (Fault("length"), "resource", "answer_cut", 1),
    (Fault("refusal"), "validation", "answer_refused", 1),
]


@pytest.mark.capability("R12", "E03", "E21")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("fault", "category", "code", "attempts"), FAULTS, ids=[fault.kind for fault, *_ in FAULTS])
async def test_a_provider_that_stays_bad_is_asked_as_often_as_the_policy_says(
    running: tuple[Provider, str],
    provider: Provider,
    database: Path,
    fault: Fault,
    category: str,
    code: str,
    attempts: int,
    stream: bool,
) -> None:
    """It fails as the table says, every call is accounted for, and nothing of the failure reaches who comes after."""
    provider.fail(*[fault] * 20)
    patience = 0.2 if fault.kind == "late" else 60
    execution, results, spent = await _carried_out(database, running[1], stream=stream, patience=patience)
    assert (execution.status, results["ask"]["error"]["category"], results["ask"]["error"]["code"]) == (
        "failed",
        category,
        code,
    )
    assert len(provider.asked) == attempts == results["ask[0].model"]["attempts"]
    assert len(spent) == attempts <= BUDGET
    assert results["after"]["status"] == "skipped"
    assert results["ask"]["output"]["answer"] is None
    if code == "answer_refused":
        assert results["ask"]["error"]["refusal"] == "I cannot help with that."


@pytest.mark.capability("R12", "E03")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "fault", [fault for fault, *_, attempts in FAULTS if attempts > 1], ids=lambda fault: fault.kind
)
async def test_a_provider_that_recovers_is_asked_once_more(
    running: tuple[Provider, str], provider: Provider, database: Path, fault: Fault, stream: bool
) -> None:
    provider.fail(fault)
    patience = 2 if fault.kind == "late" else 60
    execution, results, spent = await _carried_out(database, running[1], stream=stream, patience=patience)
    assert (execution.status, results["after"]["output"]["value"]) == ("completed", "It is shipped.")
    assert (len(provider.asked), len(spent)) == (3, 3)


@pytest.mark.capability("R12", "security-A18")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_words_that_are_none_or_too_many(
    running: tuple[Provider, str], provider: Provider, database: Path, stream: bool
) -> None:
    """An empty answer is a failure and no answer; ten megabytes are cut to what is kept of a message."""
    provider.fail(Fault("wrong_tool"), Fault("empty", times=20))
    execution, results, spent = await _carried_out(database, running[1], stream=stream)
    assert (execution.status, results["ask"]["error"]["code"]) == ("failed", "answer_empty")
    assert len(provider.asked) == len(spent) == 1 + ATTEMPTS
    assert results["ask"]["output"]["refused"] == 1
    provider.recover()
    provider.fail(Fault("wrong_tool"), Fault("huge"))
    execution, results, spent = await _carried_out(database.with_name("b.db"), running[1], stream=stream)
    assert execution.status == "completed"
    answer = results["after"]["output"]["value"]
    assert answer == "x" * 1_000_000 + "… (9000000 more characters)"


@pytest.mark.capability("R12", "security-A19")
async def test_a_budget_is_exceeded_by_no_call(
    running: tuple[Provider, str], provider: Provider, database: Path
) -> None:
    """Also by attempts at a provider that fails: what is tried again is asked for again."""
    provider.fail(*[Fault("500")] * 50)
    models = Models(settings={"openai": {"base_url": running[1], "api_key": "sk-none", "timeout": 5}})
    steps = [{**step, "name": f"ask{n}", "depends_on": []} for n in range(4) for step in _steps(False)[:1]]
    definition = workflow("w", steps, config={"budget": {"calls": 5}, "on_failure": {"action": "continue"}})
    async with engine(database, resources=[models, Tools([look])], limits={"openai": {"breaker": False}}) as baton:
        execution = await baton.start(definition)
        execution = await baton.wait(execution.id, until="rest")
        assert execution.status == "budget_exceeded"
        spent = [record for record in await baton.records(execution.id) if record.kind == SPENT]
    assert len(provider.asked) == len(spent) == 5
