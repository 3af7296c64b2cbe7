"""The steps of the calls that an agent's model wants: of tools, of workflows, of the steps written inside. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from agents.reasoning.agent_calls import CallApproval, ToolCall, Wanted, WorkflowCall
from agents.reasoning.assignment import Assignment
from agents.reasoning.called_steps import told_by
from agents.reasoning.conversation import Called, Conversation, model_step, tool_step
from agents.reasoning.decisions import APPROVAL, Decision, decision_on, edited_to, lets_happen
from agents.tools.offers import Offer
from agents.tools.tool_use import ToolApproval
from graphs.planner import Need, PlannedStep, Results, companion_of
from graphs.policies import ONCE
from graphs.prepare import Library
from graphs.spec import OnFailure, RetryPolicy, Step, is_name

TOLD: Final = OnFailure(action="continue")
"""A failure of such a step does not end the agent's work."""


class ToolCalls:
    """What is done about the calls of each turn.

    Args:
        step: The agent step.
        results: Of the steps inside, by name.
        talk: What the model said.
        library: Knows the types of the steps that are offered as tools.
    """

    def __init__(
        self, step: Step, assignment: Assignment, results: Results, talk: Conversation, library: Library
    ) -> None:
        self._step = step
        self._assignment = assignment
        self._results = results
        self._talk = talk
        self._library = library
        self._steps: dict[str, Step] = {}
        """By offered name: making a step anew for every call costs as much as planning it."""

    def calls(self, number: int) -> Iterator[PlannedStep]:
        """The steps of a turn's calls, as far as they are known."""
        for position, call in enumerate(self._talk.said[number]["calls"]):
            if "refused" not in call:
                name = tool_step(number, position, call)
                if self._offers[call["name"]]["kind"] == "step":
                    yield from self._step_call(number, position, name, call)
                else:
                    yield from self._tool_call(number, name, call)

    def _step_call(self, number: int, position: int, name: str, call: Called) -> Iterator[PlannedStep]:
        """A step that is written inside the agent step, with the call's arguments as its `args`."""
        needs, args = [Need(model_step(number), "succeeded")], call["args"]
        if "approval" in call:
            yield self._asked_about(number, name, call)
            said = decision_on(self._results, name)
            if said is None or not lets_happen(said):
                return  # a step of any type, with steps inside perhaps: it is not planned unless it is to happen
            args = edited_to(said) or args
            needs.append(Need(name + APPROVAL, "settled"))
        offer = self._offers[call["name"]]
        made = self._step_called(offer)
        index = sum(len(said.get("calls", ())) for said in self._talk.said[:number]) + position
        kind = told_by(self._library.kind(made), offer, number, args)
        planned = PlannedStep(name, made, kind.node, tuple(needs), local=f"[{number}].", index=index, kind=kind)
        yield planned
        if (companion := companion_of(planned, self._library.node_of)) is not None:
            yield replace(companion, kind=None)

    def _asked_about(self, number: int, name: str, call: Called) -> PlannedStep:
        """The step that asks a person about a call."""
        rule, offer = ToolApproval.model_validate(call["approval"]), self._offers[call["name"]]
        asking = CallApproval(self._assignment["agent"], offer, call["args"], rule)
        asked = Step(name="approval", type="approval", on_failure=TOLD)
        needs = (Need(model_step(number), "succeeded"),)
        return PlannedStep(name + APPROVAL, asked, asking.node, needs, local=f"[{number}].", kind=asking)

    def _tool_call(self, number: int, name: str, call: Called) -> Iterator[PlannedStep]:
        offer = self._offers[call["name"]]
        needs = [Need(model_step(number), "succeeded")]
        if "approval" in call:
            yield self._asked_about(number, name, call)
            needs.append(Need(name + APPROVAL, "settled"))
        wanted = Wanted(offer, call["args"], number, (lambda: self._decision(name)) if "approval" in call else None)
        kind = WorkflowCall(wanted) if offer["kind"] == "workflow" else ToolCall(self._step, self._assignment, wanted)
        step = self._tool_step(offer)
        yield PlannedStep(name, step, kind.node, tuple(needs), local=f"[{number}].", kind=kind)

    def _decision(self, name: str) -> Decision:
        said = decision_on(self._results, name)
        assert said is not None, "a call is made after it was decided about"
        return said

    def _tool_step(self, offer: Offer) -> Step:
        name = offer["name"]
        if name not in self._steps:
            # Once, unless the tool itself says that it may be tried again: nobody else knows what it has done.
            self._steps[name] = Step(
                name=name if is_name(name) else "tool",
                type=offer["kind"],
                retry=RetryPolicy.model_validate(offer["retry"]) if "retry" in offer else ONCE,
                timeout=offer.get("timeout"),
                breaker=self._step.breaker,
                on_failure=TOLD,
            )
        return self._steps[name]

    def _step_called(self, offer: Offer) -> Step:
        name = offer["name"]
        if name not in self._steps:
            wanted = next(step for step in self._step.steps if step.name == offer["target"])
            change: dict[str, Any] = {} if wanted.input is not None else {"input": "{{ args }}"}
            if wanted.on_failure.action == "terminate":
                change["on_failure"] = TOLD
            if "timeout" in offer:
                change["timeout"] = offer["timeout"]
            self._steps[name] = wanted.model_copy(update=change)
        return self._steps[name]

    @cached_property
    def _offers(self) -> dict[str, Offer]:
        return {offer["name"]: offer for offer in self._assignment["tools"]}

    def undecided(self, number: int) -> bool:
        """Whether a person is still asked about a call of a step: what is planned of it hangs on what they say."""
        return any(
            "approval" in call
            and self._offers[call["name"]]["kind"] == "step"
            and decision_on(self._results, tool_step(number, position, call)) is None
            for position, call in enumerate(self._talk.said[number]["calls"])
        )
