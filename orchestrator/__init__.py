"""The conductor: keeps executions alive. `Orchestrator` is the face; `Settings` is all that can be set.

The names are looked up when they are first asked for, because the command line lives in this package too and must
not pay for LangGraph to print its help.
"""

from importlib import import_module
from typing import Any

_WHERE = {
    "Orchestrator": "orchestrator.engine",
    "Settings": "orchestrator.settings",
    "read_settings": "orchestrator.settings",
    "installed_step_types": "orchestrator.plugins",
    "Execution": "orchestrator.store.port",
    "ExecutionFilter": "orchestrator.store.port",
    "Record": "orchestrator.store.port",
    "OpenWait": "orchestrator.store.port",
}

__all__ = [*_WHERE]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'orchestrator' has no attribute '{name}'")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(_WHERE)
