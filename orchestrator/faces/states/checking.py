"""Whether states and transitions are one machine: everything that is not is refused with a sentence."""

from collections.abc import Iterable, Sequence

from graphs.errors import DefinitionError, Problem
from graphs.spec import Step
from orchestrator.faces.states.parts import State, Transition


def check_machine(name: str, states: Sequence[State], transitions: Sequence[Transition]) -> None:
    """Raises:
    DefinitionError: the states and transitions are not one machine, or the states form a circle.
    """
    if not states:
        raise _problem("states_missing", f"workflow '{name}' has no states.", "Add one: add_state(State(…)).")
    _check_known(states, transitions)
    for state in states:
        _check_action(state)
        _check_ways(state, [one for one in transitions if one.source is state])
    for state in states[1:]:
        if not any(one.target is state for one in transitions):
            raise _problem(
                "state_unreachable",
                f"no transition leads to state '{state.name}'.",
                f"It begins in '{states[0].name}', which was added first; lead on from there.",
            )
    _refuse_circles(states, transitions)


def _check_known(states: Sequence[State], transitions: Sequence[Transition]) -> None:
    known = {id(state) for state in states}
    for transition in transitions:
        for state in (transition.source, transition.target):
            if id(state) not in known:
                raise _problem(
                    "state_unknown",
                    f"transition '{transition.name}' names state '{state.name}', which was not added.",
                    "Add the same State object: workflow.add_state(state).",
                )


def _check_action(state: State) -> None:
    if isinstance(state.action, Step) and state.action.condition is not None:
        raise _problem(
            "state_condition",
            f"state '{state.name}': its step has a condition of its own.",
            "Whether a state is entered is said by the conditions of the transitions that lead to it.",
        )


def _check_ways(state: State, ways: Iterable[Transition]) -> None:
    """Out of a state, names differ, and nothing stands behind a transition that is always taken."""
    seen: set[str] = set()
    always: Transition | None = None
    for transition in ways:
        if transition.name in seen:
            raise _problem(
                "transition_twice",
                f"two transitions out of state '{state.name}' are called '{transition.name}'.",
                "Give one of them another name.",
            )
        if always is not None:
            raise _problem(
                "transition_unreachable",
                f"transition '{transition.name}' out of state '{state.name}' can never be taken: '{always.name}' was "
                "added before it and has no condition.",
                "Give the earlier one a condition, or add it last.",
            )
        seen.add(transition.name)
        always = transition if transition.condition is None else None


def _refuse_circles(states: Sequence[State], transitions: Sequence[Transition]) -> None:
    """Depth first, with a stack of its own, so that a machine may be as long as it likes."""
    ways = {id(state): [one for one in transitions if one.source is state] for state in states}
    done: set[int] = set()
    for beginning in states:
        taken: list[Transition] = []
        rest = [iter(ways[id(beginning)])]
        while rest:
            transition = next(rest[-1], None)
            if transition is None:
                rest.pop()
                done.add(id(taken.pop().target if taken else beginning))
                continue
            sources = [id(beginning), *(id(one.target) for one in taken)]
            if id(transition.target) in sources:
                raise _circle([*taken, transition][sources.index(id(transition.target)) :])
            if id(transition.target) not in done:
                taken.append(transition)
                rest.append(iter(ways[id(transition.target)]))


def _circle(way: Sequence[Transition]) -> DefinitionError:
    names = " → ".join([way[0].source.name, *(transition.target.name for transition in way)])
    by = ", ".join(f"'{transition.name}'" for transition in way)
    return _problem(
        "states_circular",
        f"the states {names} form a circle, by {by}.",
        "Steps cannot depend on each other in a circle. What repeats belongs into a loop: one state whose action is "
        "a 'loop' step (graphs.builder.loop) with a condition and a bound.",
    )


def _problem(code: str, message: str, hint: str) -> DefinitionError:
    return DefinitionError([Problem(code, message, hint)])
