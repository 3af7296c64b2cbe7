"""Other ways to write a workflow, each a thin face of the one model (`graphs.spec.Workflow`).

    jaf          JAF's Workflow, WorkflowBuilder and steps
    patterns     SequentialWorkflow, ParallelWorkflow, ConditionalWorkflow … that hold steps of one's own classes
    states       states and transitions
    enterprise   the dataclasses WorkflowStep and AdvancedWorkflow

All compile with `to_workflow()`, and are carried out by `running`. Baton's own builder is `graphs.builder`.

Error handlers in Python: `answering` is what they are told and answer, `handler` a step's, `asking` a workflow's.

Nothing is imported here: the step types of `handler` are found as a plug-in by commands that need no engine, and
`running` brings one.
"""
