"""The checkpoint a plan begins with is the one that LangGraph makes of its input."""

from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.memory import InMemorySaver

from graphs.beginning import begun
from graphs.compile import compile_graph

GIVEN: list[Any] = [
    {"workflow_id": "w@1", "digest": "d", "path": ""},
    {"path": "orders", "frame": {"items": [1, 2]}, "context": {"until": "2026-01-01T12:00:00+00:00"}},
    {"path": "orders", "frame": {}, "context": {}},
    {"path": ""},
]


@pytest.mark.parametrize("given", GIVEN)
async def test_it_is_what_langgraph_itself_comes_to(given: Any) -> None:
    saver = InMemorySaver()
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    await compile_graph(saver).ainvoke(given, config, interrupt_before=["orchestrator"])
    theirs, ours = saver.get_tuple(config), begun("t", "", given)
    assert theirs is not None and ours.metadata == theirs.metadata
    for part in ("v", "channel_values", "updated_channels"):
        assert ours.checkpoint[part] == theirs.checkpoint[part]  # type: ignore[literal-required]
    assert _counted(ours.checkpoint) == _counted(theirs.checkpoint)


def test_plans_share_nothing() -> None:
    one, two = begun("t", "", GIVEN[0]), begun("t", "n", GIVEN[0])
    assert one.checkpoint["id"] < two.checkpoint["id"]
    one.checkpoint["channel_values"]["path"] = "changed"
    one.checkpoint["channel_versions"].clear()
    one.checkpoint["versions_seen"]["__start__"].clear()
    one.metadata.clear()
    assert begun("t", "", GIVEN[0]).checkpoint["channel_values"] == two.checkpoint["channel_values"]
    assert two.checkpoint["channel_versions"] and two.checkpoint["versions_seen"]["__start__"] and two.metadata


def _counted(checkpoint: Checkpoint) -> dict[str, int]:
    """How often each channel was written; what stands behind the point is random."""
    return {name: int(str(version).split(".")[0]) for name, version in checkpoint["channel_versions"].items()}
