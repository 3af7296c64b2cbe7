"""What a node is told of the execution it works for: what does not change, and what a replay is served from."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from graphs.state import Result, follows_the_end


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What does not change while an execution is being driven."""

    execution_id: str
    workflow: str
    version: str
    generation: int
    """Of what is made: part of idempotency keys. Ask `generation_at`."""
    started_at: datetime
    user_context: Mapping[str, Any]
    metadata: Mapping[str, Any]
    partition_size: int = 250
    """How many steps a superstep holds at most; more are split into concurrent child flows."""
    short_wait: float = 0.5
    thread_grace: float = 30.0
    """Seconds; for less, nobody parks."""
    max_result_bytes: int | None = None
    """As JSON, of one step; None for any number."""
    gone_back: int = 0
    """How often the execution was made to go on after an end, or from an earlier step."""

    def generation_at(self, path: str) -> int:
        """The generation of the step at a path.

        What undoes and what `finally` says is done anew at each end, whichever steps were: under a key of its own,
        because who honours the one of the end before would do nothing.
        """
        return self.generation + (self.gone_back if follows_the_end(path) else 0)


class Recording(Protocol):
    """What an execution did, for a replay of it."""

    @property
    def performed(self) -> Collection[str]:
        """Names of steps that are performed all the same: somebody knows that they only compute."""
        ...

    def find(self, path: str, so_far: Callable[[str], Result | None]) -> tuple[str, Result] | None:
        """The recorded result that a step is served, and its path in the record; None when there is none.

        Args:
            so_far: The replay's own results by path, of the plans around the step.
        """
        ...

    def instead(self, path: str) -> Mapping[str, str]:
        """What a step that asks a model is given in place of what it says: `model`, `agent`, `instructions`."""
        ...
