"""Conversations that become too long: summed up, or left out in part."""

from pathlib import Path
from typing import Any

import pytest

from agents import Call, Models, Script, Tool, Tools, Turn
from tests.support.engine.desk import DONE, agent
from tests.support.engine.engines import engine, run, workflow


@pytest.mark.capability("I05", "I07")
async def test_a_long_conversation_is_summed_up(database: Path) -> None:
    """The question and the last turns stay as they are; the summary is a call of its own, and is paid once."""
    asked: list[tuple[int, str]] = []

    class Heard(Script):
        def turn(self, spoken: int, asked_now: str, form: Any) -> Any:
            asked.append((spoken, asked_now))
            if "Context Extraction" in asked_now:
                return Turn("It looked several times.")
            return Turn(calls=(Call("look"),)) if len(asked) < 9 else DONE

    look = Tool("look", "Looks.", lambda: "x" * 1500)
    given = [Models(allow_real=False, scripts=[Heard("s")]), Tools([look])]
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look"], context_tokens=1200)]))
        found = await baton.results(execution.id)
    summaries = [path for path in found if path.endswith(".summary")]
    assert execution.status == "completed"
    assert summaries[0] == "ask[3].summary"
    assert found["ask[3].summary"]["output"]["summary"] == "It looked several times."
    assert max(spoken for spoken, _ in asked) <= 3, "what was summed up is not sent again"
    assert len(summaries) == sum("Context Extraction" in text for _, text in asked)
    usage = sum(
        result["output"]["usage"]["total_tokens"]
        for path, result in found.items()
        if path.endswith(("model", "summary"))
    )
    assert execution.output["usage"]["total_tokens"] == usage
    assert len(execution.output["messages"]) == 2 * execution.output["turns"]


@pytest.mark.capability("I05", "I07")
async def test_a_long_conversation_may_be_trimmed_in_place_of_summed_up(database: Path) -> None:
    """By whole turns, the oldest first; the question and the last turns stay, and the step's response has it all."""
    heard: list[int] = []

    class Heard(Script):
        def turn(self, spoken: int, asked_now: str, form: Any) -> Any:
            heard.append(spoken)
            return Turn(calls=(Call("look"),)) if len(heard) < 8 else DONE

    look = Tool("look", "Looks.", lambda: "x" * 1500)
    given = [Models(allow_real=False, scripts=[Heard("s")]), Tools([look])]
    step = agent(tools=["look"], context_tokens=1500, context_overflow="trim")
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", [step]))
    assert heard == [0, 1, 2, 3, 3, 3, 3, 3]
    assert (execution.output["turns"], len(execution.output["messages"])) == (8, 16)
