"""The score: the language of workflows, the pure planner, the live flow, the six nodes, the compiled graph.

    text ──loader──▶ Workflow (spec) ──composites, planner──▶ Plan ──nodes──▶ results
                        │                                       │
                    validation                                flow: who waits for which commit

Nothing here knows a database or HTTP. Only `compile`, `nodes`, `host` and `graph_state` know LangGraph.
"""

import os

# LangGraph reads it once, when it is first imported; without it, a checkpoint may build any object it names
# (GHSA-g48c-2wqr-h844), and the kinds that users' own graphs may keep are not collected.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
