"""Carrying out a plan on the compiled graph."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig


class Graph(Protocol):
    """The compiled graph, as far as somebody carries out a plan on it."""

    def astream(
        self,
        input: Any,  # noqa: A002 - LangGraph's name
        config: RunnableConfig | None = None,
        *,
        context: Any = None,
        stream_mode: Any = None,
        output_keys: Any = None,
        durability: Any = None,
    ) -> AsyncIterator[Any]: ...


async def run_graph(graph: Graph, config: RunnableConfig, context: Any) -> None:
    """Carry out a plan until it ends or parks, from its checkpoint: there is one also when it is new.

    Results are taken from the commits, not from LangGraph's output, so it is asked for as little of that as it gives:
    putting together updates for every step would cost more than the step's own bookkeeping.

    Raises:
        GraphInterrupt: a plan inside a step has parked. (LangGraph keeps it to itself for the outermost one.)
    """
    stream = graph.astream(None, config, context=context, stream_mode="values", output_keys="path", durability="sync")
    async for _ in stream:
        pass
