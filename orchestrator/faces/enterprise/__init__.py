"""The course's `AdvancedWorkflow` and `WorkflowStep` as dataclasses (C06, M03, M04), compiled by `to_workflow()`, and
the `EnterpriseWorkflowOrchestrator` that carries them out (A50, A52).

Every field means something, or is refused with a sentence. What the course leaves open is settled so:

- `input_mapping` and `output_mapping` say `{where it goes: where it comes from}`.
- A parallel step has gone well when half of it has, unless `parallel_failure_threshold` says otherwise; one without
  steps has gone well.
- A conditional step chooses among steps that stand beside it: those that were not chosen are skipped.
- Steps that are named as error handlers or rollback actions run only as these.
"""

from orchestrator.faces.enterprise.metrics import MetricsCollector
from orchestrator.faces.enterprise.model import StepStatus, StepType, WorkflowStep
from orchestrator.faces.enterprise.orchestrator import EnterpriseWorkflowOrchestrator
from orchestrator.faces.enterprise.workflow import AdvancedWorkflow

__all__ = [
    "AdvancedWorkflow",
    "EnterpriseWorkflowOrchestrator",
    "MetricsCollector",
    "StepStatus",
    "StepType",
    "WorkflowStep",
]
