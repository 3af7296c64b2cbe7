"""What clients can do, and the check that each thing works against a gateway."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langgraph_sdk.client import LangGraphClient

Check = Callable[[LangGraphClient], Awaitable[None]]
CHECKS: dict[str, Check] = {}
"""By method, and for what one method has several of: `runs.stream: events`."""

ASSISTANT = {"assistant_id", "graph_id", "name", "description", "version", "config", "context", "metadata"}
ASSISTANT |= {"created_at", "updated_at"}
THREAD = {"thread_id", "created_at", "updated_at", "state_updated_at", "metadata", "status", "config", "values"}
THREAD |= {"interrupts", "error"}
RUN = {"run_id", "thread_id", "assistant_id", "status", "metadata", "kwargs", "multitask_strategy"}
RUN |= {"created_at", "updated_at"}
STATE = {"values", "next", "tasks", "interrupts", "metadata", "created_at", "checkpoint", "parent_checkpoint"}
STATE |= {"checkpoint_id", "parent_checkpoint_id"}
CRON = {"cron_id", "assistant_id", "thread_id", "schedule", "timezone", "end_time", "enabled", "payload", "metadata"}
CRON |= {"next_run_date", "on_run_completed", "created_at", "updated_at", "user_id"}
ECHO = "046b5dc7-2108-582c-9c6c-31d556d138f0"
"""The assistant that the graph `echo` has by itself, wherever it is served."""

NOBODY = "5d0c1b9e-0000-4000-8000-000000000000"
"""The id of nothing."""


def proves(*names: str) -> Callable[[Check], Check]:
    """The check proves these."""

    def register(check: Check) -> Check:
        for name in names:
            assert name not in CHECKS, f"{name} is proved twice"
            CHECKS[name] = check
        return check

    return register


def whole(found: Any, fields: set[str]) -> Any:
    """What was found, when it has all its fields."""
    assert isinstance(found, Mapping)
    assert fields <= set(found), f"missing: {sorted(fields - set(found))}"
    return found


async def new_thread(client: LangGraphClient, **more: Any) -> str:
    """A new thread's id."""
    return str(whole(await client.threads.create(**more), THREAD)["thread_id"])
