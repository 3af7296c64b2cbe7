"""The course of an agent's work, read from the results of its steps. Pure: the same results give the same course."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Final, cast

from agents.agent_calls import CallApproval, Message, ModelCall, Summary, ToolCall, Wanted, WorkflowCall
from agents.assignment import Assignment, as_text
from agents.offers import Offer
from agents.spending import MoreBudget
from agents.tool_use import ToolApproval
from agents.values import shorten
from graphs.errors import StepError
from graphs.planner import COMPANION, Need, PlannedStep, Results, companion_of
from graphs.policies import ONCE
from graphs.prepare import Library
from graphs.spec import OnFailure, RetryPolicy, Step, is_name
from graphs.state import Result
from graphs.steps import Action

APPROVAL: Final = "~approval"
"""After a call's name: the step that asks a person about it."""

MAX_TOOL_RESULT: Final = 50_000
"""Characters of one tool's result that the model is told; more would crowd out the question."""

_KEPT_TURNS: Final = 2
"""The last turns, which a summary leaves as they were."""
_CHARACTERS_OF_A_TOKEN: Final = 4

_TOLD: Final = OnFailure(action="continue")
"""A failure of such a step does not end the agent's work."""

Called = Mapping[str, Any]
"""A call the model asked for: `{"id", "name", "args"}`, with `refused` (what it is told) when it is not made."""


class Course:
    """What has been said and done, and what is to be done next.

    Args:
        step: The agent step.
        data: Its `Assignment`.
        results: Of the steps inside, by name.
        asking: Puts something around a call of the model.
        library: Knows the types of the steps that are offered as tools; needed only to plan.
    """

    def __init__(
        self,
        step: Step,
        data: Mapping[str, Any],
        results: Results,
        asking: Callable[[Step, Action], Action],
        library: Library | None,
    ) -> None:
        self._library = library
        self._step = step
        self._assignment = cast(Assignment, data)
        self._results = results
        self._asking = asking

    @cached_property
    def _said(self) -> list[Mapping[str, Any]]:
        """What the model gave in each turn that is complete."""
        said: list[Mapping[str, Any]] = []
        while (result := self._results.get(_model(len(said)))) is not None and result["status"] == "completed":
            said.append(result["output"])
        return said

    @property
    def _failed(self) -> bool:
        return _model(len(self._said)) in self._results

    @property
    def over(self) -> bool:
        """There is an answer, or there will be none."""
        return self._failed or (bool(self._said) and "answer" in self._said[-1])

    def ended(self) -> StepError:
        """Why it ends without an answer."""
        agent, most = self._assignment["agent"], self._assignment["max_turns"]
        if self._said and (over := self._said[-1].get("over")) is not None:
            whose = f"the budget of '{over['scope']}'" if over["scope"] else "the execution's budget"
            return StepError(
                f"agent '{agent}' has used up {whose} of {over['limit']:g} {over['what']}, and nobody raised it.",
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

    def _turns(self, until: int) -> int:
        """How many of the first iterations were turns: in the others the budget allowed no call."""
        return sum("over" not in said for said in self._said[:until])

    # -- what is to be done ------------------------------------------------------------------------------------

    def planned(self) -> list[PlannedStep]:
        """Every step of the plan as far as it is known: the turns that are complete, and the next."""
        planned: list[PlannedStep] = []
        before: list[str] = []
        for number in range(len(self._said) + 1):
            if number == len(self._said) and (number and self.over and not self._failed):
                break
            if self._turns(number) >= self._assignment["max_turns"] or self._refused(number - 1):
                break
            if any(name not in self._results for name in before):
                break
            if self._too_long(number):
                planned.append(self._summing_up(number, before))
                before = [planned[-1].name]
            planned.append(self._model_call(number, before))
            before = [planned[-1].name]
            if number < len(self._said):
                calls = list(self._tool_calls(number) if "over" not in self._said[number] else self._more(number))
                planned += calls
                before += [call.name for call in calls]
        return planned

    def _more(self, number: int) -> Iterator[PlannedStep]:
        """A person is asked for a larger budget."""
        kind = MoreBudget(self._assignment["agent"], self._said[number]["over"])
        step = Step(name="budget", type="approval", on_failure=_TOLD)
        needs = (Need(_model(number), "succeeded"),)
        yield PlannedStep(_budget(number), step, kind.node, needs, local=f"[{number}].", kind=kind)

    def _refused(self, number: int) -> bool:
        """Whether a larger budget was asked for, and refused."""
        result = self._results.get(_budget(number))
        return result is not None and not (result["status"] == "completed" and result["output"]["approved"])

    def _too_long(self, number: int) -> bool:
        """Whether the conversation before that turn is to be summed up: the last turns stay as they were."""
        most = self._assignment["context_tokens"]
        if most is None or number - self._summed(number)[0] <= _KEPT_TURNS:
            return False
        return len(json.dumps(list(self._messages(number, number)))) // _CHARACTERS_OF_A_TOKEN > most

    def _summing_up(self, number: int, before: list[str]) -> PlannedStep:
        kind = Summary(
            self._step, self._assignment, lambda: list(self._messages(number - _KEPT_TURNS, number, asked=False))
        )
        own = self._step
        step = Step(name="summary", type="agent", limits=own.limits, retry=own.retry, on_failure=_TOLD)
        needs = tuple(Need(name, "settled") for name in before)
        return PlannedStep(_summary(number), step, kind.node, needs, local=f"[{number}].", kind=kind)

    def _summed(self, until: int) -> tuple[int, str]:
        """How many turns the newest summary made before that iteration stands for, and its words."""
        for number in range(until - 1, 0, -1):
            result = self._results.get(_summary(number))
            if result is not None and result["status"] == "completed" and "summary" in result["output"]:
                return number - _KEPT_TURNS, result["output"]["summary"]
        return 0, ""

    def _summaries(self) -> Iterator[Mapping[str, Any]]:
        for number in range(len(self._said) + 1):
            result = self._results.get(_summary(number))
            if result is not None and result["status"] == "completed":
                yield result["output"]

    def _model_call(self, number: int, before: list[str]) -> PlannedStep:
        own = self._step
        again = own.on_failure
        call = ModelCall(
            own,
            self._assignment,
            number=self._turns(number),
            reasks=sum("unfit" in said for said in self._said[:number]),
            made=Counter(
                call["name"] for said in self._said[:number] for call in said.get("calls", ()) if "refused" not in call
            ),
            conversation=lambda: list(self._messages(number, number + 1)),
        )
        step = Step(
            name="model",
            type="agent",
            limits=own.limits,
            breaker=own.breaker,
            retry=own.retry,
            on_failure=OnFailure(
                action="retry" if again.action == "retry" else "terminate", max_attempts=again.max_attempts
            ),
        )
        needs = tuple(Need(name, "settled") for name in before)
        kind = self._asking(own, call)
        return PlannedStep(_model(number), step, kind.node, needs, local=f"[{number}].", kind=kind)

    def _tool_calls(self, number: int) -> Iterator[PlannedStep]:
        for position, call in enumerate(self._said[number]["calls"]):
            if "refused" not in call:
                name = _tool(number, position, call)
                if self._offers[call["name"]]["kind"] == "step":
                    yield from self._step_call(number, position, name, call)
                else:
                    yield from self._tool_call(number, name, call)

    @property
    def arguments(self) -> list[Any]:
        """Of every call so far, in order: what `args` is in the steps that are called."""
        return [call["args"] for said in self._said for call in said.get("calls", ())]

    def _step_call(self, number: int, position: int, name: str, call: Called) -> Iterator[PlannedStep]:
        """A step that is written inside the agent step, with the call's arguments as its `args`."""
        assert self._library is not None
        wanted = next(step for step in self._step.steps if step.name == self._offers[call["name"]]["target"])
        change: dict[str, Any] = {} if wanted.input is not None else {"input": "{{ args }}"}
        if wanted.on_failure.action == "terminate":
            change["on_failure"] = _TOLD
        index = sum(len(said.get("calls", ())) for said in self._said[:number]) + position
        kind, needs = self._library.kind(wanted), (Need(_model(number), "succeeded"),)
        made = wanted.model_copy(update=change)
        planned = PlannedStep(name, made, kind.node, needs, local=f"[{number}].", index=index, kind=kind)
        yield planned
        if (companion := companion_of(planned, self._library.node_of)) is not None:
            yield replace(companion, kind=None)

    def _tool_call(self, number: int, name: str, call: Called) -> Iterator[PlannedStep]:
        offer = self._offers[call["name"]]
        needs = [Need(_model(number), "succeeded")]
        if "approval" in call:
            asking = CallApproval(
                self._assignment["agent"], offer, call["args"], ToolApproval.model_validate(call["approval"])
            )
            asked = Step(name="approval", type="approval", on_failure=_TOLD)
            yield PlannedStep(name + APPROVAL, asked, asking.node, tuple(needs), local=f"[{number}].", kind=asking)
            needs.append(Need(name + APPROVAL, "settled"))
        wanted = Wanted(offer, call["args"], number, (lambda: self._decision(name)) if "approval" in call else None)
        kind = WorkflowCall(wanted) if offer["kind"] == "workflow" else ToolCall(self._step, self._assignment, wanted)
        # Once, unless the tool itself says that it may be tried again: nobody else knows what it has done.
        step = Step(
            name=call["name"] if is_name(call["name"]) else "tool",
            type=offer["kind"],
            retry=RetryPolicy.model_validate(offer["retry"]) if "retry" in offer else ONCE,
            timeout=offer.get("timeout"),
            on_failure=_TOLD,
        )
        yield PlannedStep(name, step, kind.node, tuple(needs), local=f"[{number}].", kind=kind)

    def _decision(self, name: str) -> Mapping[str, Any]:
        result = self._results[name + APPROVAL]
        if result["status"] == "completed":
            return cast(Mapping[str, Any], result["output"])
        # Nobody decided in time, or nobody can any more: what needs a person's consent does not happen without it.
        return {"decision": "rejected", "reason": result.get("error", {}).get("message", "nobody decided")}

    @cached_property
    def _offers(self) -> dict[str, Offer]:
        return {offer["name"]: offer for offer in self._assignment["tools"]}

    # -- what has been said ------------------------------------------------------------------------------------

    def _messages(self, turns: int, summed: int | None = None, *, asked: bool = True) -> Iterator[Message]:
        """The conversation before that turn.

        Args:
            summed: What summaries made before that iteration stand for is left out; without it, nothing is.
            asked: With what the agent was asked to begin with.
        """
        if asked:
            for role, content in self._assignment["messages"]:
                yield {"role": role, "content": content}
        first, words = self._summed(summed) if summed is not None else (0, "")
        if first:
            yield {"role": "user", "content": f"Summary of what was done so far:\n\n{words}"}
        for number, said in enumerate(self._said[:turns]):
            if "over" in said or number < first:
                continue
            yield {"ai": said["message"]}
            for position, call in enumerate(said["calls"]):
                yield self._told(number, position, call)

    def _told(self, number: int, position: int, call: Called) -> Message:
        outcome = self._outcome(number, position, call)
        text = outcome["error"] if "error" in outcome else shorten(as_text(outcome["result"]), MAX_TOOL_RESULT)
        status = "error" if "error" in outcome else "success"
        return {"role": "tool", "tool_call_id": call["id"], "name": call["name"], "content": text, "status": status}

    def _outcome(self, number: int, position: int, call: Called) -> dict[str, Any]:
        if "refused" in call:
            return {"error": call["refused"]}
        name = _tool(number, position, call)
        result = self._results.get(name)
        if (instead := self._results.get(name + COMPANION)) is not None and instead["status"] == "completed":
            result = instead
        if result is None:
            return {"error": "Error: it was not carried out."}
        return {"result": result.get("output")} if result["status"] == "completed" else {"error": _error(result)}

    # -- what it came to ---------------------------------------------------------------------------------------

    def response(self) -> dict[str, Any]:
        """What the step gives."""
        answer = self._said[-1].get("answer", {}) if self._said else {}
        return {
            "answer": answer.get("text"),
            "structured": answer.get("structured"),
            "messages": [_shown(message) for message in self._messages(len(self._said))],
            "tool_calls": [
                {"name": call["name"], "args": call["args"], **self._outcome(number, position, call)}
                for number, said in enumerate(self._said)
                for position, call in enumerate(said.get("calls", ()))
                if not call.get("form")
            ],
            "usage": _total(said["usage"] for said in [*self._said, *self._summaries()] if "usage" in said),
            "turns": self._turns(len(self._said)),
            "agent": self._assignment["agent"],
            "model": self._assignment["model_name"],
        }


def _model(number: int) -> str:
    return f"[{number}].model"


def _summary(number: int) -> str:
    return f"[{number}].summary"


def _budget(number: int) -> str:
    return f"[{number}].budget"


def _tool(number: int, position: int, call: Called) -> str:
    return f"[{number}].{call['name']}-{position}"


def _error(result: Result) -> str:
    error = result.get("error", {})
    text = error.get("message") or f"it was {result['status']}"
    hint = error.get("hint")
    return shorten(f"Error: {text} {hint}" if hint else f"Error: {text}", MAX_TOOL_RESULT)


def _total(usages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    total: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    for usage in usages:
        for name in ("input_tokens", "output_tokens", "total_tokens"):
            total[name] += usage.get(name) or 0
        if "cost" in usage:
            total["cost"] = round(total.get("cost", 0) + usage["cost"], 9)
    return total


def _shown(message: Message) -> dict[str, Any]:
    """A message as users read it."""
    if "ai" not in message:
        return {key: value for key, value in message.items() if key != "status"}
    ai = message["ai"]
    shown: dict[str, Any] = {"role": "assistant", "content": text_of(ai.get("content"))}
    if ai.get("tool_calls"):
        shown["tool_calls"] = [{key: call[key] for key in ("id", "name", "args")} for call in ai["tool_calls"]]
    return shown


def text_of(content: Any) -> str:
    """The words of a message; providers give them whole, or in blocks among others."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "".join(
        one if isinstance(one, str) else str(one.get("text", "")) if one.get("type") == "text" else ""
        for one in blocks
        if isinstance(one, str | dict)
    )
