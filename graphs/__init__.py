"""The score: the language of workflows, the pure planner, the live flow, the six nodes, the compiled graph.

    text ──loader──▶ Workflow (spec) ──composites, planner──▶ Plan ──nodes──▶ results
                        │                                       │
                    validation                                flow: who waits for which commit

Nothing here knows a database or HTTP. Only `compile`, `nodes`, `host` and `graph_state` know LangGraph.
"""
