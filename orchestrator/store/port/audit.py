"""The audit trail: what is asked of a database."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from orchestrator.store.values import AuditEntry, AuditFilter, AuditReport


class Audit(Protocol):
    """The audit trail. See `Store`."""

    def note(self, entry: AuditEntry) -> None:
        """Add to the audit trail, without waiting; it commits in order with everything else."""
        ...

    async def audit(self, which: AuditFilter) -> Sequence[AuditEntry]: ...
    def standing_of(self, named: Mapping[str, Any], tenant: str) -> str | None:
        """A digest of what a tenant has under those names (`execution_id`, `path`, …); None where there is nothing."""
        ...

    async def verify_audit(self) -> AuditReport:
        """Go through the whole chain."""
        ...
