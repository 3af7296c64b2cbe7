"""The steps of an agent's work, as far as its results say. Pure: the same results give the same steps."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Any, cast

from agents.reasoning.agent_calls import ModelCall, Summary
from agents.reasoning.assignment import Assignment
from agents.reasoning.conversation import KEPT_TURNS, Conversation, budget_step, model_step, summary_step
from agents.reasoning.spending import MoreBudget, budget_of
from agents.reasoning.tool_calls import TOLD, ToolCalls
from agents.reasoning.trimming import Message
from agents.values import tokens_of
from graphs.budget import amount
from graphs.errors import StepError
from graphs.planner import Need, PlannedStep, Results
from graphs.prepare import Library
from graphs.spec import OnFailure, RetryPolicy, Step
from graphs.steps import Action


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
        self._step = step
        self._assignment = cast(Assignment, data)
        self._results = results
        self._talk = Conversation(data, results)
        self._read: dict[int, tuple[Message, Any]] = {}
        self._asking = asking
        self._tools = ToolCalls(step, self._assignment, results, self._talk, library)

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
                calls = list(self._tools.calls(number) if "over" not in self._talk.said[number] else self._more(number))
                planned += calls
                before += [call.name for call in calls]
        return planned

    def _depends(self, number: int) -> bool:
        """Whether it takes the results of the turn before to know what comes next.

        Otherwise the next call of the model waits beside the tools that it will hear of, and goes on as soon as the
        last of their results is kept: nobody plans in between.
        """
        summed_up = self._assignment["context_tokens"] is not None and not self._trims
        return summed_up or (
            number > 0 and ("over" in self._talk.said[number - 1] or self._tools.undecided(number - 1))
        )

    @property
    def _trims(self) -> bool:
        return self._assignment.get("context_overflow") == "trim"

    def _more(self, number: int) -> Iterator[PlannedStep]:
        """A person is asked for a larger budget."""
        kind = MoreBudget(f"Agent '{self._assignment['agent']}'", self._talk.said[number]["over"])
        step = Step(name="budget", type="approval", on_failure=TOLD)
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
        step = Step(name="summary", type="agent", limits=own.limits, retry=self._retry, on_failure=TOLD)
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

    @property
    def arguments(self) -> list[Any]:
        """Of every call so far, in order: what `args` is in the steps that are called."""
        return self._talk.arguments()

    @cached_property
    def _model_step(self) -> Step:
        """The same in every turn: making one anew costs as much as planning it."""
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
