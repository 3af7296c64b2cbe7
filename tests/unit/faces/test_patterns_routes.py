"""Patterns that choose a way: by conditions, by a model."""

import json

import pytest

from orchestrator.faces.patterns import (
    ConditionalWorkflow,
    InvalidRouteError,
    NoMatchingCaseError,
    ParallelWorkflow,
    SequentialWorkflow,
    WorkflowStepFailed,
)
from tests.unit.faces.pieces import Client, Mark, by_model

# -- conditional -----------------------------------------------------------------------------------------------------


def routed() -> ConditionalWorkflow:
    return (
        ConditionalWorkflow("routing")
        .add_case(lambda state: state.get("confidence", 0) >= 0.9, [Mark("auto"), Mark("store")])
        .add_case(lambda state: state.get("confidence", 0) >= 0.7, [])
    )


@pytest.mark.capability("A42", "F14", "X21", "D21")
@pytest.mark.parametrize(("confidence", "trail"), [(0.95, ["auto", "store"]), (0.7, []), (0.1, ["manual"])])
async def test_the_first_case_that_fits_is_taken(confidence: float, trail: list[str]) -> None:
    workflow = routed().add_default([Mark("manual")])
    given = {"confidence": confidence}
    assert await workflow.execute(given) == given | ({"trail": trail} if trail else {})


async def test_no_case_is_an_error() -> None:
    around = SequentialWorkflow("s").add_step(Mark("a")).add_step(routed())
    with pytest.raises(NoMatchingCaseError) as caught:
        await around.execute({"confidence": 0.1})
    assert str(caught.value) == "step 'routing': no case fits, and there is no default. Add a case or a 'default'."


async def test_a_case_is_asked_about_what_comes_in_not_about_the_input() -> None:
    choice = ConditionalWorkflow("c").add_case(lambda state: "a" in state["trail"], [Mark("b")])
    around = ParallelWorkflow("p").add_branch([Mark("a"), choice])
    assert (await around.execute({}))["branch_results"]["branch_0"] == {"trail": ["a", "b"]}


async def test_a_condition_that_fails_is_the_steps_failure() -> None:
    choice = ConditionalWorkflow("c").add_case(lambda state: state["nothing"], [Mark("b")])
    with pytest.raises(WorkflowStepFailed, match=r"step 'c' failed: .* raised KeyError: 'nothing'"):
        await choice.execute({})


@pytest.mark.capability("A43", "F17", "F16")
async def test_the_model_is_shown_the_state_and_the_routes() -> None:
    client = Client("billing")
    assert await by_model(client).execute({"id": 1}) == {"id": 1, "trail": ["billed"]}
    assert client.prompts == [
        "Given the following workflow state, choose the most appropriate routing:\n"
        f"State: {json.dumps({'id': 1}, indent=2)}\n"
        "Available routes: ['billing', 'hand over']\n"
        "Respond with only the route name."
    ]


@pytest.mark.capability("X25")
@pytest.mark.parametrize("said", ["billing", " Billing.\n", "'billing'", "`BILLING`"])
async def test_a_route_may_be_said_in_another_way(said: str) -> None:
    assert await by_model(Client(said)).execute({}) == {"trail": ["billed"]}


async def test_a_model_that_names_no_route_is_asked_again() -> None:
    client = Client("I am not sure", "hand_over")
    assert await by_model(client).execute({"id": 1}) == {"id": 1}
    assert client.prompts[1].endswith(
        "'I am not sure' is none of them. Respond with exactly one of: billing, hand over"
    )


@pytest.mark.capability("A43", "A47", "X25")
async def test_a_model_that_never_names_a_route_is_an_error() -> None:
    with pytest.raises(InvalidRouteError) as caught:
        await SequentialWorkflow("s").add_step(by_model(Client(*["sales"] * 3))).execute({})
    assert str(caught.value) == (
        "LLM chose invalid route: 'sales' is none of billing, hand over. "
        "Name the routes more clearly, or give a default_route."
    )
    by_default = by_model(Client("sales"), max_reasks=0, default_route="billing")
    assert await by_default.execute({}) == {"trail": ["billed"]}
