"""The conductor: keeps executions alive. `Orchestrator` is the face; `Settings` is all that can be set.

    engine        `Orchestrator`, by chapters; `parts` builds what it is made of, `tenancy` is one tenant's view of it
    driving       executions carried as far as they go, by the one process that drives the file
    store         where everything is kept: the port, and SQLite behind it
    time_travel   retry, fork, redrive, replay, and what these may not do twice
    approvals, alerts, webhooks, triggers    what people, and programs outside, are asked and told
    catalogue     workflows by name and by digest
    brain         what is learned from the past; requests that name no workflow
    serving, queue, chat    graphs and workflows as clients of langgraph-sdk and chat clients see them
    faces         other ways to write a workflow in Python
    cli           the command `baton`

    settings, environment, plugins, resources, secrets, sealing    what an engine is given
    places, breakers, quota, urgency    who may act when not everybody can
    bus, hooks, logs, metrics, usage    what is told while it works

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
