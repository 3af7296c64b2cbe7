"""States and transitions: the article's example, choices, and what is no machine."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from agents import Functions
from graphs import builder
from graphs.errors import DefinitionError
from graphs.loader import load_document
from orchestrator.faces.running import check, known_step_types, using
from orchestrator.faces.states import State, Transition, Workflow

TYPES = known_step_types()


def example_workflow() -> Workflow:
    # Define the workflow
    workflow = Workflow("example_workflow")
    # Define the states
    state1 = State("state1")
    state2 = State("state2")
    # Define the transitions
    transition1 = Transition(state1, state2, "transition1")
    # Add the states and transitions to the workflow
    workflow.add_state(state1)
    workflow.add_state(state2)
    workflow.add_transition(transition1)
    return workflow


@pytest.mark.capability("A60", "C03", "F28", "X27", "M20")
async def test_the_articles_example_runs() -> None:
    run = await example_workflow().execute()
    assert run.status == "completed"
    assert run.states == ["state1", "state2"] and run.transitions == ["transition1"]
    assert run.output == {"state": "state2"}


def test_each_state_is_a_step_and_each_transition_a_dependency() -> None:
    definition = example_workflow().to_workflow()
    first, second = definition.spec.steps
    assert (first.name, first.depends_on, first.condition) == ("state1", (), None)
    assert [need.step for need in second.depends_on] == ["state1"] and second.condition is None
    assert definition.digest == example_workflow().to_workflow().digest
    check(definition, TYPES)


def review(**actions: Any) -> Workflow:
    """draft → (ok) publish → done | (doubtful) ask → done"""
    states = {name: State(name, actions.get(name)) for name in ("draft", "publish", "ask", "done")}
    machine = Workflow("review")
    for state in states.values():
        machine.add_state(state)
    machine.add_transition(Transition(states["draft"], states["publish"], "ok", lambda state: state["score"] >= 7))
    machine.add_transition(Transition(states["draft"], states["ask"], "doubtful", "input.score >= 4"))
    machine.add_transition(Transition(states["publish"], states["done"], "published"))
    return machine.add_transition(Transition(states["ask"], states["done"], "answered"))


@pytest.mark.capability("F28", "F15", "D16")
@pytest.mark.parametrize(
    ("score", "states", "transitions"),
    [
        (9, ["draft", "publish", "done"], ["ok", "published"]),
        (5, ["draft", "ask", "done"], ["doubtful", "answered"]),
        (1, ["draft"], []),
    ],
)
async def test_the_first_transition_that_may_be_taken_is_taken(
    score: int, states: list[str], transitions: list[str]
) -> None:
    run = await review().execute({"score": score})
    assert (run.status, run.states, run.transitions) == ("completed", states, transitions)


async def test_what_an_action_gives_is_seen_by_conditions_and_later_states() -> None:
    machine = Workflow("grading")
    read, good, bad = State("read", lambda state: {"score": state["text"].count("!")}), State("good"), State("bad")
    last = State("last", lambda state: {"said": f"{state['score']} marks"})
    for state in (read, good, bad, last):
        machine.add_state(state)
    machine.add_transition(Transition(read, good, "many", "vars.score > 1"))
    machine.add_transition(Transition(read, bad, "few"))
    machine.add_transition(Transition(good, last, "on"))
    run = await machine.execute({"text": "hey!!"})
    assert run.states == ["read", "good", "last"] and run.transitions == ["many", "on"]


@pytest.mark.capability("C03")
async def test_an_action_may_be_a_registered_function_or_any_step() -> None:
    def grade(text: str) -> dict[str, int]:
        return {"score": len(text)}

    wait = builder.delay("later", 0)
    machine = Workflow("steps")
    first, second = State("first", "grade"), State("second", wait)
    machine.add_state(first).add_state(second).add_transition(Transition(first, second, "then"))
    with using(resources=[Functions([grade])]):
        run = await machine.execute({"text": "abc"})
    assert run.status == "completed" and run.states == ["first", "second"]
    definition = machine.to_workflow()
    assert definition.callables() == ()
    assert load_document(definition.as_document(), step_types=TYPES).workflow.digest == definition.digest


async def test_a_state_that_fails_ends_it() -> None:
    def boom(state: Any) -> Any:
        raise ValueError("boom")

    run = await review(publish=boom).execute({"score": 9})
    assert run.status == "failed" and run.states == ["draft"] and run.error == "ValueError: boom"


def machine_of(*states: State, ways: list[Transition]) -> Callable[[], Any]:
    machine = Workflow("m")
    for state in states:
        machine.add_state(state)
    for way in ways:
        machine.add_transition(way)
    return machine.to_workflow


A, B, C = State("review"), State("revise"), State("publish")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (machine_of(ways=[]), "workflow 'm' has no states. Add one: add_state(State(…))."),
        (
            machine_of(A, ways=[Transition(A, B, "reject")]),
            "transition 'reject' names state 'revise', which was not added. "
            "Add the same State object: workflow.add_state(state).",
        ),
        (
            machine_of(A, B, ways=[]),
            "no transition leads to state 'revise'. It begins in 'review', which was added first; lead on from there.",
        ),
        (
            machine_of(A, B, C, ways=[Transition(A, B, "x", "true"), Transition(A, C, "x")]),
            "two transitions out of state 'review' are called 'x'. Give one of them another name.",
        ),
        (
            machine_of(A, B, C, ways=[Transition(A, B, "always"), Transition(A, C, "never", "true")]),
            "transition 'never' out of state 'review' can never be taken: 'always' was added before it and has no "
            "condition. Give the earlier one a condition, or add it last.",
        ),
        (
            machine_of(
                A, B, C, ways=[Transition(A, B, "reject", "true"), Transition(A, C, "ok"), Transition(B, A, "again")]
            ),
            "the states review → revise → review form a circle, by 'reject', 'again'. Steps cannot depend on each "
            "other in a circle. What repeats belongs into a loop: one state whose action is a 'loop' step "
            "(graphs.builder.loop) with a condition and a bound.",
        ),
        (
            machine_of(State("a", builder.tool("a", condition="true")), ways=[]),
            "state 'a': its step has a condition of its own. Whether a state is entered is said by the conditions of "
            "the transitions that lead to it.",
        ),
    ],
)
def test_what_is_no_machine_is_a_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        make()
    assert str(caught.value) == sentence


def test_a_state_that_leads_to_itself_is_a_circle() -> None:
    with pytest.raises(DefinitionError, match="the states revise → revise form a circle, by 'again'"):
        machine_of(A, B, ways=[Transition(A, B, "on"), Transition(B, B, "again", "true")])()


def test_a_machine_may_be_long() -> None:
    states = [State(f"s{number}") for number in range(1200)]
    ways = [Transition(one, other, "on") for one, other in pairwise(states)]
    assert len(machine_of(*states, ways=ways)().spec.steps) == 1200


async def test_what_repeats_is_a_loop_inside_of_a_state() -> None:
    def revise(draft: int) -> dict[str, int]:
        return {"draft": draft + 1}

    loop = builder.loop(
        "revising",
        builder.function("revise", revise, {"draft": "{{ vars.draft }}"}, variables="merge"),
        until="vars.draft >= 3",
        max_iterations=5,
    )
    machine = Workflow("m")
    begin, revising, done = State("begin", lambda state: {"draft": 0}), State("revising", loop), State("done")
    for state in (begin, revising, done):
        machine.add_state(state)
    machine.add_transition(Transition(begin, revising, "on")).add_transition(Transition(revising, done, "good"))
    run = await machine.execute()
    assert run.status == "completed" and run.states == ["begin", "revising", "done"]
