"""Other ways to write a workflow, each a thin face of the one model (`graphs.spec.Workflow`).

    jaf          JAF's Workflow, WorkflowBuilder and steps
    patterns     SequentialWorkflow, ParallelWorkflow, ConditionalWorkflow … that hold steps of one's own classes
    states       states and transitions
    enterprise   the dataclasses WorkflowStep and AdvancedWorkflow

All compile with `to_workflow()`, and are carried out by `running`. Baton's own builder is `graphs.builder`.
"""

from orchestrator.faces.handler import step_types
from orchestrator.faces.running import Means, known_step_types, using

__all__ = ["Means", "known_step_types", "step_types", "using"]
