"""Scripts: what the scripted model says. It ships with the product, so that demos and tests need no key.

A script is turns in order, or rules over what was asked. Which turn is due is read from the conversation itself
(how often the model has spoken), never from a counter: after a crash or a retry the same question gets the same
answer, and many executions may use one script at once.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from agents.registry import Registry
from agents.values import shorten

FailureKind = Literal[
    "rate_limit", "timeout", "connection", "server", "authentication", "invalid", "context_overflow", "content_filter"
]


_ECHOED: Final = 500
"""Characters of the question that an echo repeats."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A provider's failure, raised in place of an answer."""

    kind: FailureKind
    retry_after: float | None = None
    message: str = "scripted failure"


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call the model asks for."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """What the model says once.

    Attributes:
        text: The words.
        calls: The tools it wants called.
        structured: The value it gives when it is made to answer in a schema.
        refusal: What it says in place of an answer: that it will give none.
        failures: Raised first, one per try, before the turn itself is given.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    structured: Any = None
    refusal: str = ""
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """When the last message matches `pattern` (searched, case ignored), `turn` is given.

    In the turn's text, `\\1` and `\\g<name>` are the match's groups.
    """

    pattern: str
    turn: Turn

    def answer(self, text: str) -> Turn | None:
        match = re.search(self.pattern, text, re.IGNORECASE | re.DOTALL)
        if match is None:
            return None
        return replace(self.turn, text=match.expand(self.turn.text))


@dataclass(frozen=True, slots=True)
class Script:
    """What one scripted model says.

    Attributes:
        name: `scripted:NAME` names it.
        turns: Given in order.
        rules: Tried first to last; with turns too, the rules come first.
        otherwise: When neither fits: `echo` repeats what was asked, `first` takes the first of what is offered,
            `fail` raises.
    """

    name: str
    turns: tuple[Turn, ...] = ()
    rules: tuple[Rule, ...] = ()
    otherwise: Literal["echo", "first", "fail"] = "fail"

    def turn(self, spoken: int, asked: str, form: Mapping[str, Any] | None) -> Turn | None:
        """What is said next; None when the script has nothing to say.

        Args:
            spoken: How often the model has spoken in this conversation.
            asked: The last message.
            form: JSON Schema of the answer, where one is wanted.
        """
        for rule in self.rules:
            if (turn := rule.answer(asked)) is not None:
                return turn
        if spoken < len(self.turns):
            return self.turns[spoken]
        if self.otherwise == "fail":
            return None
        if form is None:
            return Turn(f"You said: {shorten(asked, _ECHOED)}")
        return Turn(structured=fitting(form, "" if self.otherwise == "first" else asked))


def fitting(schema: Mapping[str, Any], words: str) -> Any:
    """A value of the schema's form. Of several allowed values, the one that occurs first in the words; else the
    first allowed."""
    if options := schema.get("enum"):
        found = [(words.find(str(option)), position) for position, option in enumerate(options)]
        named = sorted(pair for pair in found if pair[0] >= 0) if words else []
        return options[named[0][1]] if named else options[0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: fitting(one, words) for name, one in schema.get("properties", {}).items()}
    least = max(0, schema.get("minimum", 0))
    plain: dict[Any, Any] = {"integer": least, "number": float(least), "boolean": False, "array": [], "null": None}
    return plain[kind] if kind in plain else f"You said: {shorten(words, _ECHOED)}"


ECHO = Script("echo", otherwise="echo")
FIRST_ROUTE = Script("first-route", otherwise="first")


class Scripts(Registry[Script]):
    """Scripts by name. `echo` and `first-route` are always there."""

    word = "script"
    remedy = "Scripts are registered: Models(scripts=[Script('name', turns=(...))])."

    def __init__(self, scripts: Iterable[Script] = ()) -> None:
        super().__init__((ECHO, FIRST_ROUTE, *scripts))
