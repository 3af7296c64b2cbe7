"""What calls at a provider over HTTP may cost: failed ones, those whose length nobody knows, those that are cut off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from agents import Models, Script, Tools, Turn
from agents.models.prices import Prices
from agents.reasoning.spending import ANSWER
from api.demo.provider import Fault, Provider, serving
from graphs.budget import SPENT
from orchestrator.engine import Orchestrator
from orchestrator.usage import spent_in_all
from tests.support.engine.engines import engine, finished, rested, run, workflow


@asynccontextmanager
async def _at_a_provider(database: Path, provider: Provider, *more: Any) -> AsyncIterator[Orchestrator]:
    with serving(provider) as url:
        models = Models(settings={"openai": {"base_url": url, "api_key": "sk-none", "timeout": 30}})
        limits = {"openai": {"breaker": False}}
        async with engine(database, resources=[models, Tools([]), *more], limits=limits) as baton:
            yield baton


def _asking(name: str, model: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "agent", "config": {"model": f"openai:{model}", "message": "Go"}, **more}


@pytest.mark.capability("security-A19", "R12")
async def test_a_call_that_failed_at_the_provider_counts_as_what_was_held_for_it(database: Path) -> None:
    """It may have been answered, and nobody heard. A call that was refused took nothing."""
    script = Script("m", turns=(Turn("Done."),))
    retry = {"max_attempts": 50, "initial_delay": 0, "max_delay": 0, "jitter": 0}
    for fault, asked, status in (("500", 3, "budget_exceeded"), ("429", 21, "completed")):
        provider = Provider([script])
        provider.fail(Fault(fault, times=20))
        async with _at_a_provider(database.with_name(fault), provider) as baton:
            definition = workflow(
                "w", [_asking("ask", "m", retry=retry)], config={"budget": {"tokens": ANSWER * 2 + 500}}
            )
            execution = await rested(baton, await baton.start(definition))
            (usage,) = await baton.usage(execution.id)
            records = await baton.records(execution.id)
        assert (len(provider.asked), execution.status) == (asked, status)
        assert (usage.calls, usage.estimated) == (asked, asked if fault == "500" else 0)
        spent = sum(record.data["tokens"] for record in records if record.kind == SPENT)
        assert spent <= ANSWER * 2 + 500 and (spent > ANSWER * 2) == (fault == "500")


@pytest.mark.capability("security-A19", "R12")
async def test_so_it_does_where_the_budget_is_in_money(database: Path) -> None:
    """What is held for the last call is what is left, and no more is counted for it."""
    provider = Provider([Script("m", turns=(Turn("Done."),))])
    provider.fail(Fault("500", times=20))
    retry = {"max_attempts": 50, "initial_delay": 0, "max_delay": 0, "jitter": 0}
    most = 2.5 * ANSWER * 2 / 1_000_000
    prices = Prices.from_mapping({"openai:*": {"input": 1, "output": 2}})
    async with _at_a_provider(database, provider, prices) as baton:
        definition = workflow("w", [_asking("ask", "m", retry=retry)], config={"budget": {"cost": most}})
        execution = await rested(baton, await baton.start(definition))
        (usage,) = await baton.usage(execution.id)
    assert (execution.status, len(provider.asked), usage.estimated) == ("budget_exceeded", 3, 3)
    assert usage.cost == pytest.approx(most)


@pytest.mark.capability("O01", "security-A19")
@pytest.mark.parametrize(
    ("budget", "wanted", "streamed"),
    [({"calls": 9}, None, True), ({"tokens": 90_000}, None, False), ({"tokens": 90_000}, True, True)],
)
async def test_who_looks_on_sees_words_where_the_budget_needs_no_count_of_them(
    database: Path, budget: dict[str, int], wanted: bool | None, streamed: bool
) -> None:
    """A server that is merely of OpenAI's shape may not count in streams; what it does not count is estimated."""
    step = _asking("ask", "m")
    step["config"] |= {"stream": wanted} if wanted is not None else {}
    async with _at_a_provider(database, Provider([Script("m", turns=(Turn("It is two."),))])) as baton:
        with baton.listen("e", kinds=("step.progress", "execution.completed"), words=True) as listening:
            await baton.start(workflow("w", [step], config={"budget": budget}), execution_id="e")
            told = []
            async for record in listening:
                if record.kind == "execution.completed":
                    break
                told.append(record.data["data"])
        (usage,) = await baton.usage("e")
    words = [one["text"] for one in told if one["kind"] == "token"]
    assert "".join(words) == ("It is two." if streamed else "")
    assert (usage.calls, usage.estimated) == (1, int(streamed))


@pytest.mark.capability("security-A19")
async def test_answers_of_unknown_length_are_held_for_and_waited_for(database: Path) -> None:
    """Five agents side by side, room for one answer of any length at a time: none asks a person for more, as each
    leaves room for the next; and never are two under way."""
    under_way, most, all_there = 0, 0, asyncio.Event()

    async def arriving(number: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 5:
            all_there.set()
        with suppress(TimeoutError):  # those that nothing holds back would all come
            await asyncio.wait_for(asyncio.shield(all_there.wait()), 0.1)

    async def leaving(number: int) -> None:
        nonlocal under_way
        under_way -= 1

    provider = Provider([Script("m", turns=(Turn("Done."),))], arriving=arriving, leaving=leaving)
    async with _at_a_provider(database, provider) as baton:
        budget = {"tokens": ANSWER + 1000}
        definition = workflow("w", [_asking(f"a{n}", "m") for n in range(5)], config={"budget": budget})
        execution = await run(baton, definition)
        (total,) = [spent_in_all(await baton.usage(execution.id))]
    assert (execution.status, len(provider.asked), most) == ("completed", 5, 1)
    assert 0 < total.input_tokens + total.output_tokens < ANSWER


@pytest.mark.capability("security-A19", "D10")
async def test_a_call_that_is_cut_off_counts_and_is_made_again(database: Path) -> None:
    """The engine stops while the provider is at it, which nobody hears; so does a person who cancels."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def leaving(number: int) -> None:
        loop.call_soon_threadsafe(asked.set)
        while number == 0 and not answer.is_set():
            await asyncio.sleep(0.01)

    loop = asyncio.get_running_loop()
    provider = Provider([Script("m", turns=(Turn("Done."),))], leaving=leaving)
    with serving(provider) as url:
        given = [Models(settings={"openai": {"base_url": url, "api_key": "sk-none"}}), Tools([])]
        definition = workflow("w", [_asking("ask", "m")], config={"budget": {"calls": 2}})
        async with engine(database, resources=given, grace=0.05) as baton:
            await baton.start(definition, execution_id="e")
            await asyncio.wait_for(asked.wait(), 60)
        answer.set()
        async with engine(database, resources=given) as baton:
            execution = await finished(baton, "e")
            (usage,) = await baton.usage("e")
        assert (execution.status, usage.calls, usage.estimated, len(provider.asked)) == ("completed", 2, 1, 2)
