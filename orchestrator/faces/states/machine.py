"""The machine: states and transitions compiled to steps and dependencies, and carried out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from graphs.building.composites import case
from graphs.building.options import made, step_of
from graphs.spec import Step
from graphs.spec import Workflow as Definition
from graphs.state import Result
from orchestrator.faces.callables import Dressed, called, holds
from orchestrator.faces.running import Means, Start, at_hand, carry_out
from orchestrator.faces.states.checking import check_machine
from orchestrator.faces.states.parts import State, Transition


@dataclass(frozen=True, slots=True)
class Run:
    """How a state machine was carried out: the states it was in and the transitions it took, in their order."""

    execution_id: str
    status: str
    states: list[str]
    transitions: list[str]
    output: Any = None
    error: str | None = None


class Workflow:
    """States and the transitions between them."""

    def __init__(self, name: str, *, version: str = "1.0", description: str = "") -> None:
        self.name = name
        self.version = version
        self.description = description
        self.states: list[State] = []
        self.transitions: list[Transition] = []

    def add_state(self, state: State) -> Self:
        """Add a state; the first one is where it begins."""
        self.states.append(state)
        return self

    def add_transition(self, transition: Transition) -> Self:
        """Add a transition; of several out of one state, the one that was added first is asked first."""
        self.transitions.append(transition)
        return self

    def to_workflow(self) -> Definition:
        """The workflow of the model.

        Raises:
            DefinitionError: the states and transitions are not one machine, or its states form a circle.
        """
        check_machine(self.name, self.states, self.transitions)
        ways = _Ways(self)
        steps: list[Step] = []
        for state in self.states:
            steps.append(ways.entered(state))
            if ways.is_choice(state):
                steps.append(ways.choice(state))
        metadata = {"name": self.name, "version": self.version, "description": self.description}
        return made(Definition, f"workflow '{self.name}'", {"metadata": metadata, "spec": {"steps": tuple(steps)}})

    async def execute(
        self,
        input: Mapping[str, Any] | None = None,  # noqa: A002 - the word of the language
        *,
        means: Means | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Carry it out on the engine and wait for its end.

        Args:
            means: What it is carried out with; without them, what `using(...)` has laid out.
            idempotency_key: An execution that was started under the same key is taken up again, not started twice.
        """
        start = Start(input=dict(input or {}), idempotency_key=idempotency_key)
        ended = await carry_out(self.to_workflow(), start, at_hand(means))
        execution, results = ended.execution, ended.results
        entered = [self._named[name] for name in results if name in self._named and _completed(results[name])]
        return Run(
            execution_id=execution.id,
            status=str(execution.status),
            states=[state.name for state in entered],
            transitions=list(_Ways(self).went(entered, results)),
            output=execution.output,
            error=(execution.error or {}).get("message"),
        )

    @property
    def _named(self) -> Mapping[str, State]:
        return {state.name: state for state in self.states}


class _Ways:
    """The transitions of a machine by the states they lead out of and into, and the steps that say so."""

    def __init__(self, machine: Workflow) -> None:
        self._out: dict[int, list[Transition]] = {id(state): [] for state in machine.states}
        self._into: dict[int, list[Transition]] = {id(state): [] for state in machine.states}
        for transition in machine.transitions:
            self._out[id(transition.source)].append(transition)
            self._into[id(transition.target)].append(transition)
        self._always = set(self._from_the_beginning(machine.states[0]))

    def _from_the_beginning(self, state: State) -> Iterator[int]:
        """The states that are entered whatever happens: the first, and what alone follows it and follows it alone."""
        while True:
            yield id(state)
            out = self._out[id(state)]
            if self.is_choice(state) or not out or len(self._into[id(out[0].target)]) > 1:
                return
            state = out[0].target

    def is_choice(self, state: State) -> bool:
        """Whether something has to be decided in a state."""
        out = self._out[id(state)]
        return len(out) > 1 or any(transition.condition is not None for transition in out)

    def entered(self, state: State) -> Step:
        """The step of a state: it follows those that may lead to it, and runs if one of them has."""
        ways = self._into[id(state)]
        needs = dict.fromkeys(_route(way.source) if self.is_choice(way.source) else way.source.name for way in ways)
        condition = None if id(state) in self._always else " or ".join(self._taken(way) for way in ways)
        return Step.model_validate({**dict(_acting(state)), "depends_on": list(needs), "condition": condition})

    def _taken(self, way: Transition) -> str:
        if self.is_choice(way.source):
            return f"(steps['{_route(way.source)}'].route | default('')) == '{way.name}'"
        return f"steps['{way.source.name}'].completed"

    def choice(self, state: State) -> Step:
        """The step that decides which way to go."""
        cases = tuple(case(way.name, when=_condition(way)) for way in self._out[id(state)])
        options: Any = {"depends_on": state.name}
        if id(state) not in self._always:
            options["condition"] = f"steps['{state.name}'].completed"
        return step_of(_route(state), "switch", {}, options, cases=cases, default=())

    def went(self, entered: Sequence[State], results: Mapping[str, Result]) -> Iterator[str]:
        """The transitions that were taken, each after the state it leads out of."""
        ids = {id(state) for state in entered}
        for state in entered:
            route = results[_route(state)].get("route") if _route(state) in results else None
            for way in self._out[id(state)]:
                if way.name == route if self.is_choice(state) else id(way.target) in ids:
                    yield way.name


def _completed(result: Result) -> bool:
    return result["status"] == "completed"


class _Enters(Dressed):
    """Calls a state's action with the state."""

    async def __call__(self, context: Any) -> Any:
        return await called(self.inner, context.state)


def enter_state(state: str) -> dict[str, str]:
    """What a state without an action does: it is entered."""
    return {"state": state}


def _acting(state: State) -> Step:
    action = state.action
    if isinstance(action, Step):
        return action.model_copy(update={"name": state.name})
    if action is None:
        return step_of(state.name, "function", {"function": enter_state, "args": {"state": state.name}}, {})
    if isinstance(action, str):
        return step_of(state.name, "function", {"function": action}, {"variables": "merge"})
    return step_of(state.name, "function", {"function": _Enters(action), "args": {}}, {"variables": "merge"})


def _condition(transition: Transition) -> Any:
    if transition.condition is None:
        return True
    return transition.condition if isinstance(transition.condition, str | bool) else holds(transition.condition)


def _route(state: State) -> str:
    return f"{state.name}_leads_on"
