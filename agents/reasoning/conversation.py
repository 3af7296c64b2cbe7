"""What an agent and its tools have said and done, read from the results of its steps. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from agents.reasoning.assignment import Assignment, as_text
from agents.reasoning.decisions import decision_on, edited_to, lets_happen, rejection
from agents.reasoning.trimming import Message, Part, in_parts, trimmed
from agents.tools.offers import tool_of
from agents.values import shorten, without_media
from graphs.planner import COMPANION, Results
from graphs.state import Result

MAX_TOOL_RESULT: Final = 50_000
"""Characters of one tool's result that the model is told; more would crowd out the question."""

KEPT_TURNS: Final = 2
"""The last turns, which a summary leaves as they were."""

Called = Mapping[str, Any]
"""A call the model asked for: `{"id", "name", "args"}`, with `refused` (what it is told) when it is not made."""


class Conversation:
    """What stands between the question and the next turn.

    Args:
        data: The agent step's `Assignment`.
        results: Of the steps inside, by name.
    """

    def __init__(self, data: Mapping[str, Any], results: Results) -> None:
        self._assignment = cast(Assignment, data)
        self._results = results
        self._asked: list[Message] = [
            one if isinstance(one, Mapping) else {"role": one[0], "content": one[1]}
            for one in self._assignment["messages"]
        ]
        self._said: list[Mapping[str, Any]] = []
        self._settled: dict[int, list[Message]] = {}

    @property
    def said(self) -> list[Mapping[str, Any]]:
        """What the model gave in each turn that is complete."""
        said = self._said
        while (result := self._results.get(model_step(len(said)))) is not None and result["status"] == "completed":
            said.append(result["output"])
        return said

    def turns(self, until: int) -> int:
        """How many of the first iterations were turns: in the others the budget allowed no call."""
        return sum("over" not in said for said in self.said[:until])

    def made(self, until: int) -> Counter[str]:
        """How often each tool was called in the first iterations, under whichever name it is offered (`tool_of`)."""
        tools = {offer["name"]: tool_of(offer) for offer in self._assignment["tools"]}
        return Counter(tools.get(call["name"], "") for call in self._calls(until) if "refused" not in call)

    def arguments(self) -> list[Any]:
        """Of every call so far, in order: as the model asked for it, or as a person had it made instead."""
        return [
            call["args"] if (edited := self._edited(number, position, call)) is None else edited
            for number, said in enumerate(self.said)
            for position, call in enumerate(said.get("calls", ()))
        ]

    def _calls(self, until: int | None = None) -> Iterator[Called]:
        for said in self.said[:until]:
            yield from said.get("calls", ())

    def told(self, number: int) -> list[Message]:
        """What the model is told before that turn: shortened where `context_tokens` says so."""
        most = self._assignment["context_tokens"]
        if most is None or self._assignment.get("context_overflow") != "trim":
            return list(self.messages(number, number + 1))
        asked = in_parts(self._asked)
        turns = [Part(self._turn(one)) for one in range(number)]
        stays = [part for part in asked if part.messages[0].get("role") == "system"]
        stays += [*asked[-1:], *turns[-KEPT_TURNS:]]
        return trimmed([*asked, *turns], stays, most)

    def messages(self, turns: int, summed: int | None = None, *, asked: bool = True) -> Iterator[Message]:
        """The conversation before that turn.

        Args:
            summed: What summaries made before that iteration stand for is left out; without it, nothing is.
            asked: With what the agent was asked to begin with.
        """
        if asked:
            yield from self._asked if summed is None else self._opening()
        first, words = self.summed(summed) if summed is not None else (0, "")
        if first:
            yield {"role": "user", "content": f"Summary of what was done so far:\n\n{words}"}
        for number in range(first, min(turns, len(self.said))):
            yield from self._turn(number)

    @property
    def earlier(self) -> list[Message]:
        """What was said before the question; what a system says is no part of that."""
        return [message for message in self._asked[:-1] if message.get("role") != "system"]

    def _opening(self) -> list[Message]:
        """What the agent was asked to begin with, where what went before the question may have been summed up."""
        if (words := self._summary(0)) is None:
            return self._asked
        stays = [message for message in self._asked[:-1] if message.get("role") == "system"]
        before: Message = {"role": "user", "content": f"Summary of the conversation so far:\n\n{words}"}
        return [*stays, before, self._asked[-1]]

    def _turn(self, number: int) -> list[Message]:
        if number in self._settled:
            return self._settled[number]
        said = self.said[number]
        if "over" in said:
            return []
        answers = [self._told(number, position, call) for position, call in enumerate(said["calls"])]
        told: list[Message] = [{"ai": said["message"]}, *answers]
        if number + 1 < len(self.said):  # the model has been told
            self._settled[number] = told
        return told

    def _told(self, number: int, position: int, call: Called) -> Message:
        outcome = self._outcome(number, position, call)
        text = (
            outcome["error"]
            if "error" in outcome
            else shorten(as_text(without_media(outcome["result"])), MAX_TOOL_RESULT)
        )
        if (edited := self._edited(number, position, call)) is not None:
            text = f"A person changed the arguments of this call to {as_text(edited)}.\n{text}"
        status = "error" if "error" in outcome else "success"
        return {"role": "tool", "tool_call_id": call["id"], "name": call["name"], "content": text, "status": status}

    def _outcome(self, number: int, position: int, call: Called) -> dict[str, Any]:
        if "refused" in call:
            return {"error": call["refused"]}
        name = tool_step(number, position, call)
        result = self._results.get(name)
        if (instead := self._results.get(name + COMPANION)) is not None and instead["status"] == "completed":
            result = instead
        if result is None:
            return self._not_made(name, call)
        return {"result": result.get("output")} if result["status"] == "completed" else {"error": _error(result)}

    def _not_made(self, name: str, call: Called) -> dict[str, Any]:
        """A step that is not carried out has no result of its own: what a person said is all there is."""
        said = decision_on(self._results, name)
        if said is None or lets_happen(said):
            return {"error": "Error: it was not carried out."}
        if said["decision"] == "responded":
            return {"result": said["data"]}
        return {"error": f"Error: {rejection(call['name'], said).message}"}

    def _edited(self, number: int, position: int, call: Called) -> Mapping[str, Any] | None:
        """What a person had a call made with instead; None where it was made as the model asked."""
        if "approval" not in call:
            return None
        return edited_to(decision_on(self._results, tool_step(number, position, call)))

    def _call_shown(self, number: int, position: int, call: Called) -> dict[str, Any]:
        shown = {"name": call["name"], "args": call["args"], **self._outcome(number, position, call)}
        if (edited := self._edited(number, position, call)) is not None:
            shown |= {"args": edited, "asked": call["args"]}
        return shown

    def summed(self, until: int) -> tuple[int, str]:
        """How many turns the newest summary made before that iteration stands for, and its words."""
        for number in range(until - 1, 0, -1):
            if (words := self._summary(number)) is not None:
                return number - KEPT_TURNS, words
        return 0, ""

    def _summary(self, number: int) -> str | None:
        """What was summed up before that iteration: at the first one, what had been said before the question."""
        result = self._results.get(summary_step(number))
        if result is None or result["status"] != "completed":
            return None
        words: str | None = result["output"].get("summary")
        return words

    def _summaries(self) -> Iterator[Mapping[str, Any]]:
        for number in range(len(self.said) + 1):
            result = self._results.get(summary_step(number))
            if result is not None and result["status"] == "completed":
                yield result["output"]

    def response(self) -> dict[str, Any]:
        """What the step gives."""
        answer = self.said[-1].get("answer", {}) if self.said else {}
        return {
            "answer": answer.get("text"),
            "structured": answer.get("structured"),
            "messages": [_shown(message) for message in self.messages(len(self.said))],
            "tool_calls": [
                self._call_shown(number, position, call)
                for number, said in enumerate(self.said)
                for position, call in enumerate(said.get("calls", ()))
                if not call.get("form")
            ],
            "usage": _total(said["usage"] for said in [*self.said, *self._summaries()] if "usage" in said),
            "turns": self.turns(len(self.said)),
            "refused": sum("refused" in call and not call.get("form") for call in self._calls()),
            "agent": self._assignment["agent"],
            "model": self._assignment["model_name"],
        }


def model_step(number: int) -> str:
    return f"[{number}].model"


def summary_step(number: int) -> str:
    return f"[{number}].summary"


def budget_step(number: int) -> str:
    return f"[{number}].budget"


def tool_step(number: int, position: int, call: Called) -> str:
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
        if usage.get("estimated"):
            total["estimated"] = True
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
