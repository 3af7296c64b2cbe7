"""Step types: what a step's `type:` names. The plug-in point, for ours and for anyone's.

    StepType          the name, the node that performs it, the model of its `config`
    ├── Action        does something and gives a value: `service_call`, `function`, `agent` …
    ├── Waiting       waits for the world outside: `approval`, `wait_for_event`, `delay`
    └── Composite     has steps inside, which become a plan of their own (graphs.composites)

A package offers its own under the entry point `baton.step_types`: a function that returns step types.
"""

from graphs.steps.context import Logger, StepContext
from graphs.steps.kinds import NOBODY, Action, Node, StepConfig, StepType
from graphs.steps.known import StepTypes
from graphs.steps.waiting import Answer, Wait, Waiting

__all__ = [
    "NOBODY",
    "Action",
    "Answer",
    "Logger",
    "Node",
    "StepConfig",
    "StepContext",
    "StepType",
    "StepTypes",
    "Wait",
    "Waiting",
]
