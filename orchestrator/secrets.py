"""Secrets of an engine: what expressions read as `secrets.NAME`, opaque from the beginning (I25)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from graphs.expressions import Secret
from graphs.spec import Workflow


@dataclass(frozen=True, slots=True)
class EngineSecrets:
    """Opaque values by name: plain only where a step uses them, masked wherever they come back.

    Attributes:
        tenants: By name, whose executions may read it; everybody's where none is named.
    """

    values: Mapping[str, Secret] = field(default_factory=dict)
    tenants: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, names: tuple[str, ...], environ: Mapping[str, str]) -> Self:
        """Of the environment variables of these names, those that are set. `TENANT/NAME` is one tenant's."""
        tenants: dict[str, frozenset[str]] = {}
        for given in names:
            tenant, _, name = given.rpartition("/")
            if tenant:
                tenants[name] = tenants.get(name, frozenset()) | {tenant}
        values = (given.rpartition("/")[2] for given in names)
        return cls({name: Secret(environ[name]) for name in values if name in environ}, tenants)

    def of(self, tenant: str) -> "EngineSecrets":
        """Those that a tenant's executions may read."""
        if not self.tenants:
            return self
        own = {name: value for name, value in self.values.items() if tenant in self.tenants.get(name, {tenant})}
        return EngineSecrets(own)

    def names(self) -> tuple[str, ...]:
        """What there is."""
        return tuple(self.values)


def reads_secrets(workflow: Workflow) -> bool:
    """Whether any of its expressions may read one; where that is in doubt, yes."""
    return "secrets" in workflow.model_dump_json(warnings=False, fallback=str)
