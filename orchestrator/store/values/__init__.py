"""The values a store keeps and gives back, in the chapters of its port."""

from orchestrator.store.values.asked import Asked
from orchestrator.store.values.audit import AuditEntry, AuditFilter, AuditReport
from orchestrator.store.values.breakers import KeptBreaker
from orchestrator.store.values.catalogue import PublishedWorkflow
from orchestrator.store.values.executions import (
    DEFAULT_TENANT,
    ENGINE_FORMAT,
    TIMEOUT_BY,
    Execution,
    ExecutionFilter,
    Inheritance,
    Inherited,
    Record,
)
from orchestrator.store.values.keys import Key
from orchestrator.store.values.letters import DeadLetter, LetterFilter, LetterKind
from orchestrator.store.values.waits import InboxFilter, OpenWait, PublishedEvent, Signal
from orchestrator.store.values.webhooks import Message, Source, Target, Untold

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
    "Target",
    "Untold",
]
