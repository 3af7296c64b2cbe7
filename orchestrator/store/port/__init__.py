"""What Baton asks of a database. One protocol, so that a second one behind it is a parameter, not a rewrite."""

from typing import Protocol

from orchestrator.store.port.alerts import Alerts
from orchestrator.store.port.audit import Audit
from orchestrator.store.port.breakers import Breakers
from orchestrator.store.port.checkpoints import Checkpoints
from orchestrator.store.port.definitions import Definitions
from orchestrator.store.port.executions import Executions
from orchestrator.store.port.file import File
from orchestrator.store.port.keys import Keys
from orchestrator.store.port.letters import Letters
from orchestrator.store.port.records import Records
from orchestrator.store.port.waits import Waits
from orchestrator.store.port.webhooks import Webhooks
from orchestrator.store.values import (
    DEFAULT_TENANT,
    ENGINE_FORMAT,
    TIMEOUT_BY,
    Asked,
    AuditEntry,
    AuditFilter,
    AuditReport,
    DeadLetter,
    Execution,
    ExecutionFilter,
    InboxFilter,
    Inheritance,
    Inherited,
    KeptBreaker,
    Key,
    LetterFilter,
    LetterKind,
    Message,
    OpenWait,
    PublishedEvent,
    PublishedWorkflow,
    Record,
    Signal,
    Source,
    Target,
    Untold,
)

__all__ = [
    "DEFAULT_TENANT",
    "ENGINE_FORMAT",
    "TIMEOUT_BY",
    "Asked",
    "AuditEntry",
    "AuditFilter",
    "AuditReport",
    "DeadLetter",
    "Execution",
    "ExecutionFilter",
    "InboxFilter",
    "Inheritance",
    "Inherited",
    "KeptBreaker",
    "Key",
    "LetterFilter",
    "LetterKind",
    "Message",
    "OpenWait",
    "PublishedEvent",
    "PublishedWorkflow",
    "Record",
    "Signal",
    "Source",
    "Store",
    "Target",
    "Untold",
]


class Store(
    Checkpoints,
    Definitions,
    Executions,
    Letters,
    Records,
    Waits,
    Webhooks,
    Alerts,
    Audit,
    Keys,
    Breakers,
    File,
    Protocol,
):
    """The questions we ask a database. Every write is durable when its call returns, unless it says otherwise."""
