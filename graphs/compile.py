"""The one compiled LangGraph graph: six nodes, joined by conditional edges.

START → orchestrator ⇢ a Send for every unfinished step, to the node that performs its kind:
        parallel_executor, conditional_router, react_agent, human_approval, error_recovery
        ⇢ orchestrator (staged plans, loops), error_recovery (the plan ended badly), or END
"""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graphs.graph_state import EnterpriseWorkflowState
from graphs.nodes.body import PlanContext
from graphs.nodes.conditional_router import conditional_router
from graphs.nodes.error_recovery import error_recovery
from graphs.nodes.human_approval import human_approval
from graphs.nodes.orchestrator import after_orchestrator, orchestrator
from graphs.nodes.parallel_executor import parallel_executor
from graphs.nodes.react_agent import react_agent

AFTERWARDS = ("orchestrator", "error_recovery")
"""Where a performing node may send the execution next: it returns a `Command` only when it does, because an edge
function behind every node would cost each step as much as the rest of its bookkeeping."""
FOREVER = 1_000_000_000
"""LangGraph's recursion limit counts supersteps; loops have limits of their own."""

CompiledGraph = CompiledStateGraph[
    EnterpriseWorkflowState, PlanContext, EnterpriseWorkflowState, EnterpriseWorkflowState
]


def compile_graph(checkpointer: BaseCheckpointSaver[str] | None = None) -> CompiledGraph:
    """The graph every execution runs on, and every plan inside a composite step."""
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(EnterpriseWorkflowState, context_schema=PlanContext)
    performers: dict[str, Any] = {  # LangGraph's overloads do not know nodes that are fed by `Send`
        "parallel_executor": parallel_executor,
        "conditional_router": conditional_router,
        "react_agent": react_agent,
        "human_approval": human_approval,
        "error_recovery": error_recovery,
    }
    graph.add_node("orchestrator", orchestrator)
    for name, node in performers.items():
        graph.add_node(name, node, destinations=(*AFTERWARDS, END))
    graph.add_edge(START, "orchestrator")
    graph.add_conditional_edges("orchestrator", after_orchestrator, [*performers, END])
    return graph.compile(checkpointer=checkpointer, name="baton")
