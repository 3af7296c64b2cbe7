"""Definitions by digest, and the catalogue of published ones: what is asked of a database."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from orchestrator.store.values import DEFAULT_TENANT, PublishedWorkflow


class Definitions(Protocol):
    """Definitions by digest, and the catalogue of published ones. See `Store`."""

    async def keep_definition(self, digest: str, document: Mapping[str, Any]) -> None: ...
    async def definition(self, digest: str) -> Mapping[str, Any] | None: ...
    async def publish(self, workflow: PublishedWorkflow) -> PublishedWorkflow:
        """Add a version.

        Raises:
            ConflictError: this name and version exist with another digest.
        """
        ...

    async def published(
        self, name: str, version: str | None = None, *, tenant: str = DEFAULT_TENANT
    ) -> PublishedWorkflow | None:
        """One version, or the newest that is not deprecated (the newest of all when all are)."""
        ...

    async def catalogue(
        self, name: str | None = None, *, tenant: str = DEFAULT_TENANT
    ) -> Sequence[PublishedWorkflow]: ...
    async def deprecate(
        self, name: str, version: str, *, deprecated: bool = True, tenant: str = DEFAULT_TENANT
    ) -> PublishedWorkflow: ...
