"""What LangGraph itself costs for an execution of five steps: our graph's shape, bodies that do nothing, nothing kept.

python -m tests.benchmarks.floor

No engine on LangGraph can be faster than this. In milliseconds of processor time, which is steadier than the clock.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from graphs.beginning import begun
from graphs.graph_state import EnterpriseWorkflowState
from orchestrator.driving.heap import what_is_loaded_stays

STEPS = 5
RUNS, ROUNDS = 100, 5
GIVEN = {"workflow_id": "w@1", "digest": "d", "path": ""}


class KeepsNothing(BaseCheckpointSaver[str]):
    """A checkpointer that costs as little as one can."""

    def __init__(self, *, begins: bool) -> None:
        super().__init__()
        self._begins = begins

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return begun(config["configurable"]["thread_id"], "", GIVEN) if self._begins else None

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: Any
    ) -> RunnableConfig:
        return config

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        return None

    def get_next_version(self, current: str | None, channel: None) -> str:
        return f"{int((current or '0').split('.')[0]) + 1:032}"


def shape(sends: int, *, begins: bool) -> Any:
    """A graph that plans, sends its steps in so many bodies, and ends."""

    async def orchestrator(state: EnterpriseWorkflowState) -> dict[str, Any]:
        return {"dispatched": [f"s{index}" for index in range(STEPS)]}

    async def edge(state: EnterpriseWorkflowState) -> list[Send]:
        return [Send("parallel_executor", {"step": f"s{index}"}) for index in range(sends)]

    async def body(dispatch: dict[str, Any]) -> dict[str, Any]:
        return {"steps": {dispatch["step"]: {"status": "completed"}}}

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(EnterpriseWorkflowState)
    performers: dict[str, Any] = dict.fromkeys(
        ("parallel_executor", "conditional_router", "react_agent", "human_approval", "error_recovery"), body
    )
    graph.add_node("orchestrator", orchestrator)
    for name, node in performers.items():
        graph.add_node(name, node, destinations=("orchestrator", "error_recovery", END))
    graph.add_edge(START, "orchestrator")
    graph.add_conditional_edges("orchestrator", edge, [*performers, END])
    return graph.compile(checkpointer=KeepsNothing(begins=begins))


async def cost(sends: int, *, begins: bool) -> float:
    """Milliseconds of processor time for one run."""
    graph, given = shape(sends, begins=begins), None if begins else GIVEN
    found = []
    for number in range(ROUNDS + 1):
        started = time.process_time()
        for index in range(RUNS):
            config: RunnableConfig = {"configurable": {"thread_id": f"{number}.{index}"}}
            stream = graph.astream(given, config, stream_mode="values", output_keys="path", durability="sync")
            async for _ in stream:
                pass
        found.append((time.process_time() - started) / RUNS * 1000)
    return statistics.median(found[1:])


@contextmanager
def as_it_is() -> Iterator[None]:
    yield


async def main() -> None:
    for what, sends, begins, collector in (
        ("a body for each step", STEPS, False, as_it_is),
        ("one body for all steps", 1, False, as_it_is),
        ("… begun from what its input makes", 1, True, as_it_is),
        ("… what is loaded left alone by the collector", 1, True, what_is_loaded_stays),
    ):
        with collector():
            sys.stdout.write(f"{what:48} {await cost(sends, begins=begins):6.3f} ms\n")


if __name__ == "__main__":
    asyncio.run(main())
