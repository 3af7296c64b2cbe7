"""The `Workflow` model: what a definition says. Frozen values, unknown keys refused.

YAML, JSON, the Python builder and plain Python values all give this one model, so the same workflow has the same
digest whichever way it was written. Whether the parts fit together is asked elsewhere (`graphs.validation`).

    base         names, JSON values, the strict model
    failures     how often a step is tried, and what its failure asks for
    step         a step, what its failure means, and the lists of steps inside it
    uses         which other workflows a step uses
    document     a definition as JSON values
    definition   the whole of it
"""

from graphs.spec.base import NAME_PATTERN, Json, Model, Name, Outcome, Version, WorkflowName, is_name
from graphs.spec.definition import (
    AGENT_LABEL,
    AGENT_STEP,
    Budget,
    Compensation,
    Config,
    InputSpec,
    Metadata,
    OutputSpec,
    Parameter,
    Spec,
    Trigger,
    Workflow,
)
from graphs.spec.document import FromState, describe_callable, plain
from graphs.spec.failures import AlertLevel, Escalation, Response, RetryPolicy, Undoing
from graphs.spec.step import OTHER_WORDS, Case, Dependency, OnFailure, OnTimeout, Step
from graphs.spec.uses import ANY_AGENT, ANY_WORKFLOW

__all__ = [
    "AGENT_LABEL",
    "AGENT_STEP",
    "ANY_AGENT",
    "ANY_WORKFLOW",
    "NAME_PATTERN",
    "OTHER_WORDS",
    "AlertLevel",
    "Budget",
    "Case",
    "Compensation",
    "Config",
    "Dependency",
    "Escalation",
    "FromState",
    "InputSpec",
    "Json",
    "Metadata",
    "Model",
    "Name",
    "OnFailure",
    "OnTimeout",
    "Outcome",
    "OutputSpec",
    "Parameter",
    "Response",
    "RetryPolicy",
    "Spec",
    "Step",
    "Trigger",
    "Undoing",
    "Version",
    "Workflow",
    "WorkflowName",
    "describe_callable",
    "is_name",
    "plain",
]
