"""JAF's workflow interface on Baton's engine: the names of its documentation, its examples as printed (A01–A25).

```python
from orchestrator.faces.jaf import AgentStep, ToolStep, WorkflowBuilder, WorkflowContext, WorkflowEngine, using
```

What is built here compiles to the one `Workflow` model (`workflow.to_workflow()`), so it can be published, shown,
started over HTTP, parked and resumed like any other. How the document's words are understood where it leaves it open:

- `with_retry(n)` and `max_retries` count the tries after the first, `max_attempts` counts all (X01).
- `state` and `context` are one: a mapping over the initial data and the variables, with `.variables`, `.user_context`,
  `.metadata` and `.data` (X02). It is read-only; steps change variables by what they give.
- A step without a tool or an agent takes the registered one that has its id (X30). Register them for a block of code:
  `with using(resources=[Tools([...]), Agents([...]), Models(default=...)]): ...`.
- Retries of a step with steps inside are inherited by these, since only what acts can be tried again.
- A step's error handler names a step to run in its place; the workflow's says whether to try again. Neither is asked
  about the other's question, and both are Python: a definition that holds them cannot be written as YAML.
"""

from agents import Agent, Tool
from orchestrator.faces.jaf.composites import ConditionalStep, LoopStep, ParallelStep
from orchestrator.faces.jaf.context import StepResult, WorkflowContext, WorkflowResult
from orchestrator.faces.jaf.handlers import WorkflowLogger
from orchestrator.faces.jaf.steps import AgentStep, ToolStep, WorkflowStep
from orchestrator.faces.jaf.workflow import Workflow, WorkflowBuilder, WorkflowEngine, execute_workflow_stream
from orchestrator.faces.running import Means, using

__all__ = [
    "Agent",
    "AgentStep",
    "ConditionalStep",
    "LoopStep",
    "Means",
    "ParallelStep",
    "StepResult",
    "Tool",
    "ToolStep",
    "Workflow",
    "WorkflowBuilder",
    "WorkflowContext",
    "WorkflowEngine",
    "WorkflowLogger",
    "WorkflowResult",
    "WorkflowStep",
    "execute_workflow_stream",
    "using",
]
