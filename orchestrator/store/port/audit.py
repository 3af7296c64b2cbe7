"""The audit trail: what is asked of a database."""

from collections.abc import Sequence
from typing import Protocol

from orchestrator.store.values import AuditEntry, AuditFilter, AuditReport


class Audit(Protocol):
    """The audit trail. See `Store`."""

    def note(self, entry: AuditEntry) -> None:
        """Add to the audit trail, without waiting; it commits in order with everything else."""
        ...

    async def audit(self, which: AuditFilter) -> Sequence[AuditEntry]: ...
    async def verify_audit(self, tenant: str | None = None) -> AuditReport:
        """Go through the whole chain; the report counts the rows of a tenant, or all."""
        ...
