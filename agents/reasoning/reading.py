"""Reading what a model said: the calls it wants, and whether they are made; its answer, and whether it is one.

Loaded with `agents.reasoning.react`.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, ToolCall

from agents import schemas
from agents.reasoning.agent_calls import ModelCall
from agents.reasoning.agent_config import MAX_CALLS_PER_TURN
from agents.reasoning.answers import AnswerForm
from agents.reasoning.assignment import Assignment
from agents.reasoning.messages import MAX_WORDS, keep
from agents.tools.offers import Offer, tool_of
from agents.tools.tool_use import ToolApproval
from agents.values import shorten
from graphs.clock import Clock
from graphs.errors import StepError


class Reading:
    """What the model said, as the step's output."""

    def __init__(
        self,
        assignment: Assignment,
        message: AIMessage,
        broken: dict[str, str],
        form: AnswerForm | None,
        formed: Any,
        call: ModelCall,
        clock: Clock,
    ) -> None:
        self._assignment = assignment
        self._message = message
        self._broken = broken
        self._form = form
        self._formed = formed
        self._call = call
        self._unfit: str | None = None
        self._made = Counter(call.made)
        self._at_once, self._most_at_once = 0, assignment.get("max_calls_per_turn", MAX_CALLS_PER_TURN)
        self._clock = clock

    def read(self) -> dict[str, Any]:
        calls = [self._called(call) for call in self._message.tool_calls]
        output: dict[str, Any] = {"message": keep(self._message), "calls": calls}
        if all("form" in call for call in calls):
            output |= self._answered(calls)
        if self._unfit is not None:
            if self._call.reasks >= self._assignment["max_reasks"]:
                raise StepError(
                    f"agent '{self._assignment['agent']}' gave an answer that does not fit its schema: {self._unfit}.",
                    category="dependency",
                    retryable=False,  # it has been asked again as often as it may be
                    code="answer_unfit",
                )
            output["unfit"] = self._unfit
        return output

    def _called(self, call: ToolCall) -> dict[str, Any]:
        called: dict[str, Any] = {"id": call["id"], "name": call["name"], "args": call["args"]}
        offered = {offer["name"]: offer for offer in self._assignment["tools"]}
        if self._form is not None and call["name"] == self._form.tool:
            called["form"] = True
        if (broken := self._broken.get(str(call["id"]))) is not None:
            called["refused"] = f"Error: the arguments of this call {broken}"
        elif "form" in called:
            called["refused"] = "Error: the answer was not taken, because tools were called beside it. Answer again."
        elif call["name"] not in offered:
            called["refused"] = f"Error: there is no tool '{call['name']}'. Tools: {', '.join(offered) or 'none'}."
        else:
            self._permit(called, offered[call["name"]])
        return called

    def _permit(self, called: dict[str, Any], offer: Offer) -> None:
        """Whether the call is made, and whether a person is asked first."""
        if self._at_once >= self._most_at_once:
            called["refused"] = (
                f"Error: no more than {self._most_at_once} tools are called in one turn, and this is one too many. "
                "Call it again, once you have heard of the others."
            )
            return
        self._at_once += 1
        self._made[tool := tool_of(offer)] += 1
        if (most := offer.get("max_calls")) is not None and self._made[tool] > most:
            called["refused"] = f"Error: tool '{offer['name']}' may be called {most} times here, and it was."
            return
        if offer.get("approvals"):
            # What is left out has its default, and a threshold is judged on what is really sent.
            called["args"] = {**_defaults(offer["parameters"]), **called["args"]}
        for kept in offer.get("approvals", ()):
            if ToolApproval.model_validate(kept).asks(called["args"], self._clock):
                # Nobody is asked about a call that cannot be made.
                if problem := schemas.misfit(offer["parameters"], called["args"], "arguments"):
                    called["refused"] = f"Error: tool '{offer['name']}' cannot be called: {problem}."
                else:
                    called["approval"] = kept
                return

    def _answered(self, calls: list[dict[str, Any]]) -> dict[str, Any]:
        """No tool is to be called: this is the answer, if it is one."""
        text = shorten(str(self._message.text), MAX_WORDS)
        if self._form is None:
            if not text.strip():
                raise StepError(
                    f"agent '{self._assignment['agent']}' gave an empty answer.",
                    category="dependency",
                    code="answer_empty",
                )
            return {"answer": {"text": text, "structured": None}}
        value, problem = self._formed_value(text, calls)
        if problem is None:
            words = text or json.dumps(value, ensure_ascii=False)
            for call in calls:
                call.pop("refused", None)
            return {"answer": {"text": words, "structured": value}, "calls": []}
        self._unfit = problem
        for call in calls:
            if str(call["id"]) not in self._broken:
                call["refused"] = f"The answer does not fit its schema: {problem}. Answer again."
        return {}

    def _formed_value(self, text: str, calls: list[dict[str, Any]]) -> tuple[Any, str | None]:
        assert self._form is not None
        if self._broken:
            return None, f"its arguments {next(iter(self._broken.values()))}"
        if len(calls) > 1:
            return None, "it was given more than once"
        if self._formed is not None:
            problem = self._form.misfit(self._formed)
            return (self._form.unwrapped(self._formed), None) if problem is None else (None, problem)
        return self._form.written(text)


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that have a value where none is given."""
    properties = schema.get("properties", {}).items()
    return {name: one["default"] for name, one in properties if isinstance(one, Mapping) and "default" in one}
