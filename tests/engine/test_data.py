"""What goes into an execution and its steps, what comes out, and where expressions stand."""

from pathlib import Path
from typing import Any

import pytest

from graphs.errors import InputError
from tests.support.engine.engines import (
    act,
    engine,
    run,
    workflow,
)
from tests.support.engine.steps import Effects

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.capability("X28", "Y16", "A36")
async def test_durations_are_text_or_seconds(database: Path) -> None:
    """Both say the same, so both have the same digest."""
    text = workflow("w", [act("a", timeout="1m30s")])
    number = workflow("w", [act("a", timeout=90)])
    assert text.digest == number.digest


@pytest.mark.capability("X05", "D13", "D09", "A36", "A55")
async def test_expressions_are_evaluated_in_every_templatable_field(database: Path) -> None:
    """Configuration, condition, input, output, variables: not in payloads only."""
    step = act("a", value="{{ input.n }}", condition="{{ input.n > 1 }}", output={"twice": "{{ response.value * 2 }}"})
    step["variables"] = {"seen": "{{ output.twice }}"}
    definition = workflow("w", [step, act("b", "a", value="{{ vars.seen ~ '!' }}")], variables={"seen": 0})
    async with engine(database) as baton:
        assert (await run(baton, definition, {"n": 3})).output["value"] == "6!"


@pytest.mark.capability("M06", "D18", "D19", "M08")
async def test_what_a_caller_says_of_a_run_reaches_its_steps(database: Path, effects: Effects) -> None:
    """Metadata, the caller's identity, the priority, first values of variables."""
    seen: list[Any] = []
    effects.watchers.append(lambda context: seen.append((context.metadata, context.user_context, dict(context.state))))
    async with engine(database, effects=effects) as baton:
        execution = await run(
            baton,
            workflow("w", [act("a", value="{{ vars.tier }}")], variables={"tier": "standard"}),
            metadata={"source": "web"},
            user_context={"customer": "c1"},
            variables={"tier": "premium"},
            priority=5,
        )
    assert seen == [({"source": "web"}, {"customer": "c1"}, {"tier": "premium"})]
    assert execution.priority == 5 and execution.output["value"] == "premium"


@pytest.mark.capability("D10", "E26", "A36")
async def test_an_input_that_does_not_fit_starts_nothing(database: Path) -> None:
    """Refused with every violation; no execution is kept."""
    async with engine(database) as baton:
        with pytest.raises(InputError, match="n"):
            await baton.start(workflow("w", [act("a")], input={"schema": SCHEMA}), {"n": "four"})
        assert not await baton.list()


@pytest.mark.capability("D11", "Y14", "X10", "A36")
@pytest.mark.parametrize(("given", "status"), [(7, "completed"), ("seven", "failed")])
async def test_the_output_of_a_run_is_held_against_its_schema(given: Any, status: str, database: Path) -> None:
    """One that does not fit is the execution's failure, named with its place; its steps keep what they did."""
    output = {"schema": SCHEMA, "values": {"n": "{{ steps.a.output.value }}"}}
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [act("a", value="{{ input.x }}")], output=output), {"x": given})
        assert (await baton.results(execution.id))["a"]["status"] == "completed"
    assert execution.status == status
    if status == "failed":
        assert execution.output is None and execution.error is not None
        assert execution.error["code"] == "output_invalid" and "output.n" in execution.error["message"]
    else:
        assert execution.output == {"n": 7} and execution.error is None


@pytest.mark.capability("D12", "M03", "X13")
async def test_the_input_of_a_step_is_held_against_its_schema(database: Path, effects: Effects) -> None:
    """Before it acts, and without another attempt: the same input would not fit again."""
    retry = {"max_attempts": 3, "initial_delay": 0}
    step = act("a", input={"n": "{{ input.x }}"}, input_schema=SCHEMA, retry=retry)
    async with engine(database, effects=effects) as baton:
        assert (await run(baton, workflow("w", [step]), {"x": 1})).status == "completed"
        execution = await run(baton, workflow("w", [step]), {"x": "one"})
        failed = (await baton.results(execution.id))["a"]
    assert execution.status == "failed" and effects.began == ["a"]
    assert failed["attempts"] == 1 and failed["error"]["code"] == "step_input_invalid"
    assert "input.n" in failed["error"]["message"]


@pytest.mark.capability("I25", "D14")
async def test_of_the_environment_only_what_is_exposed_can_be_read(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest does not exist for an expression, whoever wrote it."""
    monkeypatch.setenv("SHOWN_TO_ALL", "blue")
    monkeypatch.setenv("KEPT_BACK", "hush")
    reads = [act("a", value="{{ env.SHOWN_TO_ALL }}"), act("b", value="{{ env.KEPT_BACK }}")]
    async with engine(database, expose=("SHOWN_TO_ALL", "NOT_SET")) as baton:
        execution = await run(baton, workflow("w", reads, config={"failure_policy": "continue"}))
        results = await baton.results(execution.id)
    assert results["a"]["output"]["value"] == "blue"
    assert results["b"]["status"] == "failed" and "hush" not in f"{results}"
