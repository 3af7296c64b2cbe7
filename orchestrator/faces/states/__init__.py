"""The article's `Workflow`, `State` and `Transition` (A60, C03, X27): a state machine as a workflow of steps.

```python
workflow = Workflow("example_workflow")
state1, state2 = State("state1"), State("state2")
workflow.add_state(state1)
workflow.add_state(state2)
workflow.add_transition(Transition(state1, state2, "transition1"))
```

Each state is a step, each transition a dependency. It begins in the state that was added first. Where several
transitions lead out of a state, or one that has a condition, a `switch` after the state chooses: the first whose
condition holds is taken, and that is kept before anything follows from it. When none holds, it ends there.

Steps cannot depend on each other in a circle, so states cannot either: that is refused, with the circle's name.
"""

from orchestrator.faces.running import Means, using
from orchestrator.faces.states.machine import Run, Workflow
from orchestrator.faces.states.parts import State, Transition

__all__ = ["Means", "Run", "State", "Transition", "Workflow", "using"]
