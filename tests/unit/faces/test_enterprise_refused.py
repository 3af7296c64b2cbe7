"""The course's dataclasses: what does not go together is refused, in a sentence."""

from collections.abc import Callable
from typing import Any

import pytest

from graphs.errors import BatonError, DefinitionError
from orchestrator.faces.enterprise import StepStatus, StepType, WorkflowStep
from tests.unit.faces.office import act, only, workflow

COND = StepType.CONDITIONAL
YES = {"expression": "true"}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: only(WorkflowStep("a", "a")),
            "step 'a' does nothing. Give it an 'action' or an 'agent_capability'.",
        ),
        (
            lambda: only(act("a", "shell:rm")),
            "step 'a': 'shell:rm' is no action. Write the name of a registered function, or one of tool:NAME, "
            "agent:NAME, workflow:NAME, approval:NAME, event:NAME.",
        ),
        (
            lambda: only(act("a", parallel_steps=[act("b")])),
            "step 'a': a single step has no use for 'parallel_steps'. Make it a parallel step.",
        ),
        (
            lambda: only(act("a", loop_condition="true")),
            "step 'a': a single step has no use for 'loop_condition'. Make it a loop step.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", StepType.PARALLEL, action="b")),
            "step 'a': a parallel step has no use for 'action'. Give it steps inside, or make it a single step.",
        ),
        (
            lambda: workflow(
                WorkflowStep("a", "a", COND, timeout=60, conditions=[YES], next_steps=["b"]), act("b")
            ).to_workflow(),
            "step 'a': a conditional step has no use for 'timeout'.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", StepType.PARALLEL, retry_policy={"max_attempts": 3})),
            "step 'a': a parallel step is not tried again itself. "
            "Give the retries to the steps inside; 'continue_on_failure' can stay.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", StepType.LOOP, action="b")),
            "step 'a' is a loop and has no 'loop_condition'.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", StepType.LOOP, loop_condition="true")),
            "step 'a' repeats nothing. Give it an 'action' or 'parallel_steps'.",
        ),
        (
            lambda: only(act("a", retry_policy={"max_atempts": 3})),
            "step 'a', retry_policy: there is no key 'max_atempts'. Did you mean 'max_attempts'?",
        ),
        (
            lambda: only(act("a", retry_policy={"max_retries": 3, "max_attempts": 3})),
            "step 'a', retry_policy: 'max_retries' and 'max_attempts' are both given. "
            "Keep one: attempts count the first try too, so max_attempts is max_retries + 1.",
        ),
        (
            lambda: only(act("a", retry_policy={"backoff": "slow"})),
            "step 'a', retry_policy, backoff: 'slow' is none of fixed, linear, exponential.",
        ),
        (
            lambda: only(act("a", retry_policy={"parallel_failure_threshold": 0.5})),
            "step 'a': only a parallel step has a 'parallel_failure_threshold'.",
        ),
        (
            lambda: only(act("a", conditions=[{"field": "x", "operator": "like", "value": 1}])),
            "step 'a', conditions[0]: there is no operator 'like'. Known: equals, not_equals, greater_than, "
            "greater_or_equal, less_than, less_or_equal, in, not_in, contains, exists, not_exists.",
        ),
        (
            lambda: only(act("a", conditions=[{"if": "x"}])),
            "step 'a', conditions[0]: there is no key 'if' in a condition. A condition has 'expression', or 'field', "
            "'operator' and 'value'; of a conditional step also 'next'.",
        ),
        (
            lambda: only(act("a", input_mapping={"x": "a b"})),
            "step 'a', input_mapping.x: 'a b' is no place in the data. "
            "Write order.id, steps.charge.output.id, or an expression in braces: {{ … }}.",
        ),
        (
            lambda: only(act("a", input_validation={"x": 5})),
            "step 'a', input_validation.x: 5 is no rule. Write a JSON Schema, or one of string, number, integer, "
            "boolean, object, array, null.",
        ),
        (
            lambda: only(act("a", status=StepStatus.RUNNING)),
            "step 'a': 'status' is the state of a run, which a definition does not have. "
            "Leave it as it is; `observed` gives a copy with how a run went.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", COND, conditions=[YES])),
            "conditional step 'a' does not say what follows, and when. "
            "Give it conditions, and next_steps: [when they hold, when not]; or a 'next' in every condition.",
        ),
        (
            lambda: only(WorkflowStep("a", "a", COND, conditions=[YES], next_steps=["b"])),
            "conditional step 'a' leads to 'b', which is not a step beside it. Steps there: none.",
        ),
        (
            lambda: workflow(act("a"), act("a")).to_workflow(),
            "two steps are called 'a'. Give one another step_id.",
        ),
        (
            lambda: workflow(act("a", error_handlers=["b"]), act("b", dependencies=["a"])).to_workflow(),
            "step 'b' handles errors or rolls back, and has dependencies, next_steps or error_handlers. "
            "Take them away: it runs when it is called for. Handlers that follow each other are one list.",
        ),
        (
            lambda: workflow(act("a", error_handlers=["b"]), act("b"), act("c", dependencies=["b"])).to_workflow(),
            "step 'c' depends on or leads to 'b', which handles errors or rolls back. Make them two steps.",
        ),
        (
            lambda: only(
                WorkflowStep("a", "a", StepType.PARALLEL, parallel_steps=[act("b", rollback_actions=["undo"])])
            ),
            "step 'b': its rollback_actions would not run, because it is inside of another step. "
            "Give them to the step around it.",
        ),
    ],
)
def test_what_does_not_go_together_is_a_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(BatonError) as caught:
        make()
    assert str(caught.value) == sentence
    assert isinstance(caught.value, DefinitionError)
