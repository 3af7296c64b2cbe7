"""Fields that do not go together, or mean nothing for a step's type: refused with a sentence, never left out."""

from collections.abc import Iterator, Mapping

from orchestrator.faces.enterprise.model import StepType, WorkflowStep
from orchestrator.faces.enterprise.policies import problem

DEFAULT_TIMEOUT = 300


def targets(step: WorkflowStep) -> Iterator[tuple[str, str]]:
    """The steps that a conditional one leads to, each with the route that leads there."""
    named = [given["next"] for given in step.conditions if "next" in given]
    yield from ((name, name) for name in named or step.next_steps[:1])
    for other in step.next_steps[:1] if named else step.next_steps[1:2]:
        yield other, "default"


def check_conditional(step: WorkflowStep) -> None:
    """Whether a conditional step says what follows, and when."""
    where = f"conditional step '{step.step_id}'"
    named = [given["next"] for given in step.conditions if "next" in given]
    most = 1 if named else 2
    if not step.conditions or not (named or step.next_steps):
        raise problem(
            "conditional_incomplete",
            f"{where} does not say what follows, and when.",
            "Give it conditions, and next_steps: [when they hold, when not]; or a 'next' in every condition.",
        )
    if named and len(named) < len(step.conditions):
        raise problem("conditional_mixed", f"{where}: some conditions say what is 'next', and some do not.")
    if len(set(named)) < len(named):
        raise problem("conditional_twice", f"{where}: two conditions lead to the same step.", "Make them one.")
    if len(step.next_steps) > most:
        raise problem(
            "conditional_next_steps",
            f"{where} has {len(step.next_steps)} next_steps.",
            "With 'next' in its conditions, one: when none holds." if named else "Two: when they hold, and when not.",
        )


def check_fields(step: WorkflowStep) -> None:
    """Fields that mean nothing for its type are refused, and so is the state of a run."""
    kind, where = step.step_type, f"step '{step.step_id}'"
    fresh = WorkflowStep(step.step_id, step.name)
    for name in ("status", "start_time", "end_time", "execution_data", "error_info", "retry_count"):
        if getattr(step, name) != getattr(fresh, name):
            raise problem(
                "state_of_a_run",
                f"{where}: '{name}' is the state of a run, which a definition does not have.",
                "Leave it as it is; `observed` gives a copy with how a run went.",
            )
    for name in _UNUSED[kind]:
        if getattr(step, name) != getattr(fresh, name):
            raise problem("field_unused", f"{where}: a {kind} step has no use for '{name}'.", _INSTEAD.get(name))
    if kind is StepType.SINGLE and not (step.action or step.agent_capability):
        raise problem("step_empty", f"{where} does nothing.", "Give it an 'action' or an 'agent_capability'.")
    if kind is StepType.LOOP and not step.loop_condition:
        raise problem("loop_without_condition", f"{where} is a loop and has no 'loop_condition'.")
    if kind is StepType.LOOP and step.parallel_steps and (step.action or step.agent_capability):
        raise problem("loop_body_twice", f"{where} repeats its action or its parallel_steps, not both.")
    if kind is StepType.LOOP and not (step.parallel_steps or step.action or step.agent_capability):
        raise problem("step_empty", f"{where} repeats nothing.", "Give it an 'action' or 'parallel_steps'.")


_ACTS = ("action", "agent_capability", "input_mapping", "input_validation")
_LOOPS = ("loop_condition", "loop_max_iterations")
_UNUSED: Mapping[StepType, tuple[str, ...]] = {
    StepType.SINGLE: ("parallel_steps", *_LOOPS),
    StepType.PARALLEL: (*_ACTS, *_LOOPS),
    StepType.CONDITIONAL: (
        *_ACTS, *_LOOPS, "timeout", "parallel_steps", "output_mapping", "error_handlers", "rollback_actions",
    ),
    StepType.LOOP: (),
}  # fmt: skip
_INSTEAD = {
    "action": "Give it steps inside, or make it a single step.",
    "parallel_steps": "Make it a parallel step.",
    "loop_condition": "Make it a loop step.",
    "loop_max_iterations": "Make it a loop step.",
}
