"""What a state machine is put together from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphs.spec import Step

Condition = str | bool | Callable[[Any], Any]
Action = str | Step | Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class State:
    """A state.

    Attributes:
        action: What is done on entering: a function of the state (a mapping it gives is merged into the variables),
            the name of a registered function, or any step of the language. None: nothing.
    """

    name: str
    action: Action | None = None


@dataclass(frozen=True, eq=False)
class Transition:
    """A way from one state to another.

    Attributes:
        condition: An expression, or a function of the state; None: always.
    """

    source: State
    target: State
    name: str
    condition: Condition | None = None
