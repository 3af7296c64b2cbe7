"""Scripts: what the scripted model says. It ships with the product, so that demos and tests need no key.

A script is turns in order, or rules over what was asked. Which turn is due is read from the conversation itself
(how often the model has spoken), never from a counter: after a crash or a retry the same question gets the same
answer, and many executions may use one script at once.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from agents.registry import Registry

FailureKind = Literal[
    "rate_limit", "timeout", "connection", "server", "authentication", "invalid", "context_overflow", "content_filter"
]


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
        failures: Raised first, one per try, before the turn itself is given.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    structured: Any = None
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


ECHO = Script("echo", otherwise="echo")
FIRST_ROUTE = Script("first-route", otherwise="first")


class Scripts(Registry[Script]):
    """Scripts by name. `echo` and `first-route` are always there."""

    word = "script"
    remedy = "Scripts are registered: Models(scripts=[Script('name', turns=(...))])."

    def __init__(self, scripts: Iterable[Script] = ()) -> None:
        super().__init__((ECHO, FIRST_ROUTE, *scripts))
