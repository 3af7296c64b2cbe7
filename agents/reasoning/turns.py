"""The steps of an agent's work, as far as its results say. Pure: the same results give the same steps."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Final, cast

from agents.reasoning.agent_calls import CallApproval, ModelCall, Summary, ToolCall, Wanted, WorkflowCall
from agents.reasoning.assignment import Assignment
from agents.reasoning.conversation import (
    APPROVAL,
    KEPT_TURNS,
    Called,
    Conversation,
    budget_step,
    model_step,
    summary_step,
    tool_step,
)
from agents.reasoning.spending import MoreBudget, budget_of
from agents.reasoning.trimming import Message
from agents.tools.offers import Offer
from agents.tools.tool_use import ToolApproval
from agents.values import tokens_of
from graphs.budget import amount
from graphs.errors import StepError
from graphs.planner import Need, PlannedStep, Results, companion_of
from graphs.policies import ONCE
from graphs.prepare import Library
from graphs.spec import OnFailure, RetryPolicy, Step, is_name
from graphs.steps import Action

_TOLD: Final = OnFailure(action="continue")
"""A failure of such a step does not end the agent's work."""


class Course:
    """What is to be done next, after what has been said and done.

    Args:
        step: The agent step.
        data: Its `Assignment`.
        results: Of the steps inside, by name.
        asking: Puts something around a call of the model.
        library: Knows the types of the steps that are offered as tools.
    """

    def __init__(
        self,
        step: Step,
        data: Mapping[str, Any],
        results: Results,
        asking: Callable[[Step, Action], Action],
        library: Library,
    ) -> None:
        self._library = library
        self._step = step
        self._assignment = cast(Assignment, data)
        self._results = results
        self._talk = Conversation(data, results)
        self._read: dict[int, tuple[Message, Any]] = {}
        self._asking = asking
        self._tool_steps: dict[str, Step] = {}

    @property
    def _failed(self) -> bool:
        return model_step(len(self._talk.said)) in self._results

    @property
    def over(self) -> bool:
        """There is an answer, or there will be none."""
        return self._failed or (bool(self._talk.said) and "answer" in self._talk.said[-1])

    def ended(self) -> StepError:
        """Why it ends without an answer."""
        agent, most = self._assignment["agent"], self._assignment["max_turns"]
        if self._talk.said and (over := self._talk.said[-1].get("over")) is not None:
            return StepError(
                f"agent '{agent}' has used up {budget_of(over)} of {amount(over)}, and nobody raised it.",
                category="budget",
                code="budget_exceeded",
                **over,
            )
        return StepError(
            f"agent '{agent}' has no answer after {most} turns.",
            category="budget",
            code="turn_limit",
            hint="Give it more with 'max_turns', or a task it can finish.",
            turns=most,
        )

    # -- what is to be done ------------------------------------------------------------------------------------

    def more(self, known: Collection[str]) -> list[PlannedStep]:
        """The steps that are not in the plan yet: those before the last complete turn are."""
        newest = self._planned(max(0, len(self._talk.said) - 1))
        return [planned for planned in newest if planned.name not in known]

    def planned(self) -> list[PlannedStep]:
        """Every step of the plan as far as it is known: the turns that are complete, and the next."""
        return self._planned(0)

    def _planned(self, first: int) -> list[PlannedStep]:
        planned: list[PlannedStep] = []
        before: list[str] = []
        for number in range(first, len(self._talk.said) + 1):
            if number == len(self._talk.said) and (number and self.over and not self._failed):
                break
            if self._talk.turns(number) >= self._assignment["max_turns"] or self._refused(number - 1):
                break
            if self._depends(number) and any(name not in self._results for name in before):
                break
            if self._too_long(number):
                planned.append(self._summing_up(number, before))
                before = [planned[-1].name]
            planned.append(self._model_call(number, before))
            before = [planned[-1].name]
            if number < len(self._talk.said):
                calls = list(self._tool_calls(number) if "over" not in self._talk.said[number] else self._more(number))
                planned += calls
                before += [call.name for call in calls]
        return planned

    def _depends(self, number: int) -> bool:
        """Whether it takes the results of the turn before to know what comes next.

        Otherwise the next call of the model waits beside the tools that it will hear of, and goes on as soon as the
        last of their results is kept: nobody plans in between.
        """
        summed_up = self._assignment["context_tokens"] is not None and not self._trims
        return summed_up or (number > 0 and "over" in self._talk.said[number - 1])

    @property
    def _trims(self) -> bool:
        return self._assignment.get("context_overflow") == "trim"

    def _more(self, number: int) -> Iterator[PlannedStep]:
        """A person is asked for a larger budget."""
        kind = MoreBudget(f"Agent '{self._assignment['agent']}'", self._talk.said[number]["over"])
        step = Step(name="budget", type="approval", on_failure=_TOLD)
        needs = (Need(model_step(number), "succeeded"),)
        yield PlannedStep(budget_step(number), step, kind.node, needs, local=f"[{number}].", kind=kind)

    def _refused(self, number: int) -> bool:
        """Whether a larger budget was asked for, and refused."""
        result = self._results.get(budget_step(number))
        return result is not None and not (result["status"] == "completed" and result["output"]["approved"])

    def _too_long(self, number: int) -> bool:
        """Whether the conversation before that turn is to be summed up: the last turns stay as they were."""
        most = self._assignment["context_tokens"]
        if most is None or self._trims:
            return False
        if number == 0:
            # Executions of older versions began without one, and do not go back to the beginning.
            begun = model_step(0) in self._results and summary_step(0) not in self._results
            return bool(self._talk.earlier) and not begun and tokens_of(list(self._talk.messages(0))) > most
        if number - self._talk.summed(number)[0] <= KEPT_TURNS:
            return False
        return tokens_of(list(self._talk.messages(number, number))) > most

    def _summing_up(self, number: int, before: list[str]) -> PlannedStep:
        def older() -> list[Message]:
            talk = self._talk
            return list(talk.messages(number - KEPT_TURNS, number, asked=False)) if number else talk.earlier

        kind = Summary(self._step, self._assignment, older)
        own = self._step
        step = Step(name="summary", type="agent", limits=own.limits, retry=self._retry, on_failure=_TOLD)
        needs = tuple(Need(name, "settled") for name in before)
        return PlannedStep(summary_step(number), step, kind.node, needs, local=f"[{number}].", kind=kind)

    def _model_call(self, number: int, before: list[str]) -> PlannedStep:
        own = self._step
        call = ModelCall(
            own,
            self._assignment,
            number=self._talk.turns(number),
            reasks=sum("unfit" in said for said in self._talk.said[:number]),
            made=self._talk.made(number),
            conversation=lambda: self._talk.told(number),
            read=self._read,
        )
        needs = tuple(Need(name, "settled") for name in before)
        kind = self._asking(own, call)
        return PlannedStep(model_step(number), self._model_step, kind.node, needs, local=f"[{number}].", kind=kind)

    def _tool_calls(self, number: int) -> Iterator[PlannedStep]:
        for position, call in enumerate(self._talk.said[number]["calls"]):
            if "refused" not in call:
                name = tool_step(number, position, call)
                if self._offers[call["name"]]["kind"] == "step":
                    yield from self._step_call(number, position, name, call)
                else:
                    yield from self._tool_call(number, name, call)

    @property
    def arguments(self) -> list[Any]:
        """Of every call so far, in order: what `args` is in the steps that are called."""
        return [call["args"] for said in self._talk.said for call in said.get("calls", ())]

    def _step_call(self, number: int, position: int, name: str, call: Called) -> Iterator[PlannedStep]:
        """A step that is written inside the agent step, with the call's arguments as its `args`."""
        wanted = next(step for step in self._step.steps if step.name == self._offers[call["name"]]["target"])
        change: dict[str, Any] = {} if wanted.input is not None else {"input": "{{ args }}"}
        if wanted.on_failure.action == "terminate":
            change["on_failure"] = _TOLD
        index = sum(len(said.get("calls", ())) for said in self._talk.said[:number]) + position
        kind, needs = self._library.kind(wanted), (Need(model_step(number), "succeeded"),)
        made = wanted.model_copy(update=change)
        planned = PlannedStep(name, made, kind.node, needs, local=f"[{number}].", index=index, kind=kind)
        yield planned
        if (companion := companion_of(planned, self._library.node_of)) is not None:
            yield replace(companion, kind=None)

    def _tool_call(self, number: int, name: str, call: Called) -> Iterator[PlannedStep]:
        offer = self._offers[call["name"]]
        needs = [Need(model_step(number), "succeeded")]
        if "approval" in call:
            asking = CallApproval(
                self._assignment["agent"], offer, call["args"], ToolApproval.model_validate(call["approval"])
            )
            asked = Step(name="approval", type="approval", on_failure=_TOLD)
            yield PlannedStep(name + APPROVAL, asked, asking.node, tuple(needs), local=f"[{number}].", kind=asking)
            needs.append(Need(name + APPROVAL, "settled"))
        wanted = Wanted(offer, call["args"], number, (lambda: self._decision(name)) if "approval" in call else None)
        kind = WorkflowCall(wanted) if offer["kind"] == "workflow" else ToolCall(self._step, self._assignment, wanted)
        step = self._tool_step(offer)
        yield PlannedStep(name, step, kind.node, tuple(needs), local=f"[{number}].", kind=kind)

    def _decision(self, name: str) -> Mapping[str, Any]:
        result = self._results[name + APPROVAL]
        if result["status"] == "completed":
            return cast(Mapping[str, Any], result["output"])
        # Nobody decided in time, or nobody can any more: what needs a person's consent does not happen without it.
        return {"decision": "rejected", "reason": result.get("error", {}).get("message", "nobody decided")}

    # -- the steps that are the same in every turn: making one anew costs as much as planning it --------------------

    @cached_property
    def _model_step(self) -> Step:
        own = self._step
        again = own.on_failure
        return Step(
            name="model",
            type="agent",
            limits=own.limits,
            breaker=own.breaker,
            retry=self._retry,
            on_failure=OnFailure(
                action="retry" if again.action == "retry" else "terminate", max_attempts=again.max_attempts
            ),
        )

    @property
    def _retry(self) -> RetryPolicy | None:
        own = self._assignment.get("retry")
        return self._step.retry or (RetryPolicy.model_validate(own) if own is not None else None)

    def _tool_step(self, offer: Offer) -> Step:
        name = offer["name"]
        if name not in self._tool_steps:
            # Once, unless the tool itself says that it may be tried again: nobody else knows what it has done.
            self._tool_steps[name] = Step(
                name=name if is_name(name) else "tool",
                type=offer["kind"],
                retry=RetryPolicy.model_validate(offer["retry"]) if "retry" in offer else ONCE,
                timeout=offer.get("timeout"),
                breaker=self._step.breaker,
                on_failure=_TOLD,
            )
        return self._tool_steps[name]

    @cached_property
    def _offers(self) -> dict[str, Offer]:
        return {offer["name"]: offer for offer in self._assignment["tools"]}
