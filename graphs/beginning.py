"""A plan's checkpoint as LangGraph makes it of the input, before anything is planned.

It follows from the input alone. So LangGraph is asked for it once for each kind of input, and not by every plan
anew: its way from the input to the first node costs as much as a node.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, copy_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.memory import InMemorySaver

from graphs.compile import compile_graph


def begun(thread_id: str, namespace: str, given: Mapping[str, Any]) -> CheckpointTuple:
    """The checkpoint of a new plan that was given this input; its graph is run without one."""
    made = _made(frozenset(given))
    checkpoint = copy_checkpoint(made.checkpoint)
    checkpoint["id"] = str(uuid6())
    checkpoint["channel_values"].update(given)
    place = {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint["id"]}
    return CheckpointTuple({"configurable": place}, checkpoint, {**made.metadata}, None, [])


@cache
def _made(keys: frozenset[str]) -> CheckpointTuple:
    saver = InMemorySaver()
    config: RunnableConfig = {"configurable": {"thread_id": ""}}
    given: Any = {key: {} if key in ("frame", "context") else "" for key in keys}
    compile_graph(saver).invoke(given, config, interrupt_before=["orchestrator"])
    made = saver.get_tuple(config)
    assert made is not None
    return made
