"""The base of step types, and those that act."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict

from graphs.errors import Problem, StepError
from graphs.spec import Step
from graphs.steps.context import StepContext

Node = Literal[
    "orchestrator", "parallel_executor", "conditional_router", "react_agent", "human_approval", "error_recovery"
]

NOBODY: Final[frozenset[str]] = frozenset()
"""`written_in` of step types that no definition is written with: only code makes steps of them."""


class StepConfig(BaseModel):
    """The base for a step type's `Config`: unknown keys are refused, so a typing error is found at once."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # of a hundred step types, a workflow uses a few
    )


class StepType:
    """What a step's `type:` names.

    Attributes:
        name: The word in `type:`.
        summary: One line for lists and editors.
        node: Which of the six nodes performs such steps.
        Config: The model that a step's rendered `config` must fit.
        containers: Which of `steps`, `branches`, `cases`, `default`, `then`, `else` it uses.
        required_containers: Those of them it cannot do without.
        deferred: Keys of `config` that are not rendered before the step runs (they are evaluated again and again).
        default_timeout: Seconds one attempt may take when nothing else is said; None for no limit.
        takes: Keys of `config` that hold what the step is given, in place of its input: there a retry or a fork that
            edits it changes it.
        gives: The fields its output may have; None where only running it tells.
        written_in: The names of the only workflows that may be written with it; None for every workflow. Such a type
            is a part of something of ours, and is offered to nobody.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    node: ClassVar[Node] = "parallel_executor"
    Config: ClassVar[type[BaseModel]] = StepConfig
    containers: ClassVar[frozenset[str]] = frozenset()
    required_containers: ClassVar[frozenset[str]] = frozenset()
    deferred: ClassVar[frozenset[str]] = frozenset()
    default_timeout: ClassVar[float | None] = None
    takes: ClassVar[tuple[str, ...]] = ()
    gives: ClassVar[frozenset[str] | None] = None
    written_in: ClassVar[frozenset[str] | None] = None

    def check(self, step: Step) -> Iterable[Problem]:
        """Problems the model of `config` cannot see; `where` is relative to the step (`config.items`)."""
        return ()

    def limit(self, config: Any) -> str | None:
        """The name of the shared resource (a service, a model) whose limits and breaker this step is under."""
        return None

    def uses(self, context: StepContext, config: Any) -> str | None:
        """As `limit`, for types of which only the application's resources say what they use."""
        return self.limit(config)

    def acts(self, step: Step) -> bool | None:
        """Whether such a step changes the world outside, leaving out those inside it; None when only whoever offers
        what it calls can know."""
        return None

    def computes(self, step: Step) -> bool:
        """Whether what such a step gives follows from what it is given, or from what a model says: a replay performs
        it. Any other is served from the record."""
        return False

    def classify(self, error: Exception) -> StepError | None:
        """What an exception of this type's own code means (E21); None when only the general rules know."""
        return None


class Action(StepType):
    """A step type that does something."""

    default_timeout: ClassVar[float | None] = 300.0  # P02

    async def run(self, context: StepContext, config: Any) -> Any:
        """Do it, and give a JSON value: the step's `response`.

        Args:
            context: Facts and dependencies.
            config: An instance of `Config`, every expression already evaluated.

        Raises:
            StepError: it failed; the error says which kind of failure it is. Any other exception is a `logic` error.
        """
        raise NotImplementedError

    def undo_unheard(self, context: StepContext, config: Any) -> Mapping[str, Any] | None:
        """How a call is undone that was cut off, and may have acted: as for `StepContext.effect`. None where the call
        does not say, or was not made."""
        return None
