"""What runs of a thread are configured with, the thread remembers: whoever answers what a run asked, from an inbox,
knows nothing of the model and the person that the run was begun for."""

from collections.abc import Mapping
from typing import Any, Final

REMEMBERED: Final = "remembered"
"""The key of a request that holds what earlier runs of the thread were configured with. No client can send it."""

_OF_ONE_RUN: Final = frozenset(
    {"thread_id", "run_id", "graph_id", "assistant_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map"}
)


def of_clients(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """What clients may say: names with two underscores before them reach into LangGraph's machinery, and who asks is
    not for them to say."""
    return {key: value for key, value in (given or {}).items() if not key.startswith(("__", "langgraph_auth_"))}


def reminded(request: Mapping[str, Any], config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request with what the thread remembers, which is its `config`."""
    known = config.get("configurable")
    return {**request, REMEMBERED: known} if known else request


def to_remember(request: Mapping[str, Any]) -> dict[str, Any]:
    """The `config` of a thread after a run was put on it."""
    own = (request.get("config") or {}).get("configurable")
    known = {**(request.get(REMEMBERED) or {}), **of_clients(request.get("context")), **of_clients(own)}
    lasting = {key: value for key, value in known.items() if key not in _OF_ONE_RUN}
    return {"configurable": lasting} if lasting else {}
