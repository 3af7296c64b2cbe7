"""Published workflows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from orchestrator.store.values.executions import DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWorkflow:
    """A version in the catalogue. `document` is the definition as JSON values."""

    name: str
    version: str
    digest: str
    status: Literal["published", "deprecated"]
    document: Mapping[str, Any]
    created_at: datetime
    created_by: str | None = None
    tenant: str = DEFAULT_TENANT
