"""The workflow patterns of the patterns document on Baton's engine (A40–A47).

One's own steps are subclasses of `WorkflowStep`; patterns hold them, and each other: every pattern is a step (X23).
`await pattern.execute(initial_input)` carries one out, durably where `using(settings=…)` names a file;
`pattern.to_workflow()` gives the definition, to be published or handed to `Orchestrator.open(workflows=[…])`.

    SequentialWorkflow     steps one after the other; a pattern inside is a `sequence`
    ParallelWorkflow       parallel, with branches
    ConditionalWorkflow    switch, with Python conditions
    LLMRoutingWorkflow     a function that asks the model, then a switch on what it said
    RetryableStep          the retry policy of the step inside
    CompensableWorkflow    steps with compensations
    ComplexWorkflow        phases, each followed by a look whether it reports success
    WaitForApproval        approval
"""

from orchestrator.faces.patterns.errors import (
    CompensationError,
    InvalidRouteError,
    MaxRetriesExceededError,
    NoMatchingCaseError,
    ParallelExecutionFailed,
    PatternError,
    RetryableError,
    WorkflowStepFailed,
)
from orchestrator.faces.patterns.flows import (
    CompensableWorkflow,
    ComplexWorkflow,
    ParallelWorkflow,
    SequentialWorkflow,
    WorkflowPhase,
)
from orchestrator.faces.patterns.routing import ConditionalWorkflow, LLMRoutingWorkflow
from orchestrator.faces.patterns.steps import Pattern, WorkflowStep
from orchestrator.faces.patterns.waiting import RetryableStep, WaitForApproval, WaitForPhysicianApproval
from orchestrator.faces.running import Means, using

__all__ = [
    "CompensableWorkflow",
    "CompensationError",
    "ComplexWorkflow",
    "ConditionalWorkflow",
    "InvalidRouteError",
    "LLMRoutingWorkflow",
    "MaxRetriesExceededError",
    "Means",
    "NoMatchingCaseError",
    "ParallelExecutionFailed",
    "ParallelWorkflow",
    "Pattern",
    "PatternError",
    "RetryableError",
    "RetryableStep",
    "SequentialWorkflow",
    "WaitForApproval",
    "WaitForPhysicianApproval",
    "WorkflowPhase",
    "WorkflowStep",
    "WorkflowStepFailed",
    "using",
]
