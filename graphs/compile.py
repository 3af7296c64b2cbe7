"""The one compiled LangGraph graph: six nodes, joined by conditional edges.

    START → orchestrator ⇢ (a Send for every unfinished step) ⇢ parallel_executor, conditional_router,
            react_agent, human_approval, error_recovery ⇢ orchestrator (staged plans, loops),
            error_recovery (the plan ended badly) or END
"""

from typing import Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graphs.graph_state import EnterpriseWorkflowState
from graphs.nodes.conditional_router import conditional_router
from graphs.nodes.error_recovery import error_recovery
from graphs.nodes.human_approval import human_approval
from graphs.nodes.orchestrator import after_orchestrator, orchestrator
from graphs.nodes.parallel_executor import parallel_executor
from graphs.nodes.perform import PlanContext
from graphs.nodes.react_agent import react_agent

PERFORMERS = ("parallel_executor", "conditional_router", "react_agent", "human_approval", "error_recovery")
FOREVER = 1_000_000_000
"""LangGraph's recursion limit counts supersteps; loops have limits of their own."""

CompiledGraph = CompiledStateGraph[EnterpriseWorkflowState, PlanContext, EnterpriseWorkflowState, EnterpriseWorkflowState]


class _Next(TypedDict, total=False):
    # The edges read no more of the state than this: reading all of it would cost every step the size of the plan.
    next_action: str


def after_performer(state: _Next) -> str:
    """The conditional edge behind every node that performs steps."""
    return {"orchestrate": "orchestrator", "error": "error_recovery"}.get(state.get("next_action") or "", END)


def compile_graph(checkpointer: BaseCheckpointSaver[str] | None = None) -> CompiledGraph:
    """The graph every execution runs on, and every plan inside a composite step."""
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(EnterpriseWorkflowState, context_schema=PlanContext)
    nodes: dict[str, Any] = {  # LangGraph's overloads do not know nodes that are fed by `Send`
        "orchestrator": orchestrator,
        "parallel_executor": parallel_executor,
        "conditional_router": conditional_router,
        "react_agent": react_agent,
        "human_approval": human_approval,
        "error_recovery": error_recovery,
    }
    for name, node in nodes.items():
        graph.add_node(name, node)
    graph.add_edge(START, "orchestrator")
    graph.add_conditional_edges("orchestrator", after_orchestrator, [*PERFORMERS, END])
    for name in PERFORMERS:
        graph.add_conditional_edges(name, after_performer, ["orchestrator", "error_recovery", END])
    return graph.compile(checkpointer=checkpointer, name="baton")
