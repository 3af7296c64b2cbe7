"""Secrets of an engine: what expressions read as `secrets.NAME`, opaque from the beginning (I25)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from graphs.expressions import Secret
from graphs.spec import Workflow


@dataclass(frozen=True, slots=True)
class EngineSecrets:
    """Opaque values by name: plain only where a step uses them, masked wherever they come back."""

    values: Mapping[str, Secret] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, names: tuple[str, ...], environ: Mapping[str, str]) -> Self:
        """Of the environment variables of these names, those that are set."""
        return cls({name: Secret(environ[name]) for name in names if name in environ})

    def names(self) -> tuple[str, ...]:
        """What there is."""
        return tuple(self.values)


def reads_secrets(workflow: Workflow) -> bool:
    """Whether any of its expressions may read one; where that is in doubt, yes."""
    return "secrets" in workflow.model_dump_json(warnings=False, fallback=str)
