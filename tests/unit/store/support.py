"""What tests of the store share: values to keep, a listener that remembers, processes that are started quickly."""

import multiprocessing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint

from graphs.state import ExecutionStatus, Result
from graphs.steps import Answer, Wait
from orchestrator.approvals.values import Approval, Turn
from orchestrator.store.port import Execution, OpenWait, Store

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def execution(execution_id: str = "e1", *, minutes: float = 0, **values: Any) -> Execution:
    """An execution created so many minutes after START."""
    created = START + timedelta(minutes=minutes)
    given = {"workflow": "orders", "version": "1.0.0", "digest": "d1", "status": ExecutionStatus.QUEUED} | values
    return Execution(id=execution_id, created_at=created, **given)


def result(output: Any = None, status: str = "completed", **values: Any) -> Result:
    """A settled result."""
    at = "2026-01-01T12:00:00.000000+00:00"
    given = {"status": status, "output": output, "attempts": 1, "started_at": at, "ended_at": at, **values}
    return cast(Result, given)


def approval(**values: Any) -> Wait:
    return Wait("approval", question={"message": "Ship it?"}, **values)


def event(event_type: str = "paid", **values: Any) -> Wait:
    return Wait("event", event_type=event_type, **values)


async def answer(store: Store, execution_id: str, path: str, given: Answer) -> OpenWait:
    """Answer an open wait, as the inbox does."""

    def act(asked: Approval) -> Turn:
        return Turn(asked.desk, "approval.decided", {"by": given.by}, answer=given)

    return await store.act_on(execution_id, path, act)


class Listener:
    """A live plan that remembers what it was told."""

    def __init__(self, path: str = "", generation: int = 0) -> None:
        self.path = path
        self.generation = generation
        self.told: list[Mapping[str, Result]] = []
        self.heard: list[tuple[Mapping[str, Any] | None, bool]] = []
        self.errors: list[BaseException] = []

    def committed(self, results: Mapping[str, Result]) -> None:
        self.told.append(dict(results))

    def asked(self, end: Mapping[str, Any] | None, *, held: bool) -> None:
        self.heard.append((end, held))

    def lost(self, error: BaseException) -> None:
        self.errors.append(error)


def place(thread: str = "e1", namespace: str = "") -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": namespace}}


async def put_checkpoint(saver: BaseCheckpointSaver[str], config: RunnableConfig, **values: Any) -> RunnableConfig:
    """Put a checkpoint with these channel values, something having been sent; gives the config for writes to it."""
    checkpoint = empty_checkpoint() | {"channel_values": {"dispatched": []} | values}
    return await saver.aput(config, checkpoint, {"source": "loop", "step": 0, "parents": {}}, {})


async def put_result(
    saver: BaseCheckpointSaver[str], config: RunnableConfig, name: str, value: Result | None = None
) -> None:
    """Put a step's result as LangGraph does when a body returns."""
    writes = [("steps", {name: value or result(name)}), ("branch:to:orchestrator", None)]
    await saver.aput_writes(config, writes, f"task-{name}", "~__pregel_push, 0000000000")


def processes() -> Any:
    """Other processes, forked from a server that has loaded the store already: a fresh start takes a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.unit.store.children"])
    return context
