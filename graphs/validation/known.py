"""What else an engine knows besides step types; what it does not say is not checked."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Literal

from graphs.errors import Problem
from graphs.loading.findings import Severity
from graphs.spec import Workflow

Thing = Literal["service", "function", "tool", "agent"]
THINGS: Final[tuple[Thing, ...]] = ("service", "function", "tool", "agent")
"""What an engine is given besides definitions."""
Named = Thing | Literal["workflow"]

Resolve = Callable[[str, str | None], Workflow | None]
Judge = Callable[[str], Problem | None]


@dataclass(frozen=True, slots=True)
class Known:
    """Names a definition may use.

    Attributes:
        workflow: The published workflow of a name and a version (None: the newest), or None.
        workflows: Names of published workflows, for suggestions.
        absent: What it is when a workflow is not among these: an error where none can come any more, a warning where
            it may still be published; None where nobody can say.
        services: Configured services.
        functions, tools, agents: Registered ones.
        capabilities: What registered agents can do.
        limits: Names that steps may give under `limits`.
        secrets: What expressions may read as `secrets.NAME`.
        model: What is wrong with the name of a model, if anything is.
    """

    workflow: Resolve | None = None
    workflows: Collection[str] = ()
    absent: Severity | None = "error"
    services: Collection[str] | None = None
    functions: Collection[str] | None = None
    tools: Collection[str] | None = None
    agents: Collection[str] | None = None
    capabilities: Collection[str] | None = None
    limits: Collection[str] | None = None
    secrets: Collection[str] | None = None
    model: Judge | None = None

    def names(self, thing: Thing) -> Collection[str] | None:
        """The names of things of a kind; None where nobody can say."""
        names: Collection[str] | None = getattr(self, f"{thing}s")
        return names
