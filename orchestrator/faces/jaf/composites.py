"""The steps of the document that have steps inside."""

from collections.abc import Callable, Iterable
from typing import Any, Self, get_args

from graphs.composites.base import FailurePolicyWord
from graphs.errors import InputError
from graphs.spec import FromState, Step
from orchestrator.faces.callables import HoldsAgain, gives, holds
from orchestrator.faces.jaf.steps import Condition, Making, WorkflowStep


class ConditionalStep(WorkflowStep):
    """Runs one step or another; without `if_false`, nothing when the condition does not hold."""

    def __init__(
        self,
        step_id: str,
        condition: Condition | None = None,
        true_step: WorkflowStep | None = None,
        false_step: WorkflowStep | None = None,
    ) -> None:
        super().__init__(step_id)
        self._condition = condition
        self.true_step = true_step
        self.false_step = false_step

    def condition(self, condition: Condition) -> Self:
        """What decides."""
        self._condition = condition
        return self

    def if_true(self, step: WorkflowStep) -> Self:
        """What runs when it holds."""
        self.true_step = step
        return self

    def if_false(self, step: WorkflowStep) -> Self:
        """What runs when it does not."""
        self.false_step = step
        return self

    def to_step(self, making: Making) -> Step:
        if self._condition is None or self.true_step is None:
            missing = "condition" if self._condition is None else "step to run"
            raise InputError(
                f"conditional step '{self.step_id}' has no {missing}.",
                hint="Give it both: .condition(lambda state: …).if_true(step).",
                code="conditional_incomplete",
            )
        inside = self._inside(making)
        then = self.true_step.to_step(inside)
        otherwise = None if self.false_step is None else self.false_step.to_step(inside)
        return self._composite("conditional", making, {"if": holds(self._condition)}, then=then, else_=otherwise)


Branch = WorkflowStep | Iterable[WorkflowStep]


class ParallelStep(WorkflowStep):
    """Runs steps, or branches of steps, side by side.

    Args:
        steps: The steps.
        wait_for_all: False: the first success ends it (or the first so many, see `with_minimum_success_count`), and
            the rest are cancelled (X32).
    """

    def __init__(self, step_id: str, steps: Iterable[Branch] = (), wait_for_all: bool = True) -> None:
        super().__init__(step_id)
        self.branches: list[Branch] = list(steps)
        self._config: dict[str, Any] = {} if wait_for_all else {"wait_for_all": False}

    def add_branch(self, branch: Branch) -> Self:
        """One step more, or a list of steps that run in their order."""
        self.branches.append(branch)
        return self

    def with_failure_policy(self, policy: str) -> Self:
        """What a failure means: `continue_on_partial_failure`, `continue`, `stop`, `cancel` or `fail_fast`.

        Raises:
            InputError: it is none of these.
        """
        if policy not in get_args(FailurePolicyWord):
            raise InputError(
                f"parallel step '{self.step_id}': there is no failure policy '{policy}'.",
                hint=f"Known: {', '.join(get_args(FailurePolicyWord))}.",
                code="failure_policy_unknown",
            )
        self._config["failure_policy"] = policy
        return self

    def with_minimum_success_count(self, count: int) -> Self:
        """So many must succeed."""
        self._config["min_success"] = count
        return self

    def to_step(self, making: Making) -> Step:
        inside = self._inside(making)
        single = [branch.to_step(inside) for branch in self.branches if isinstance(branch, WorkflowStep)]
        lists = [[step.to_step(inside) for step in one] for one in self.branches if not isinstance(one, WorkflowStep)]
        branches = {f"branch_{index}": tuple(steps) for index, steps in enumerate(lists)}
        return self._composite("parallel", making, self._config, steps=single or None, branches=branches or None)


class LoopStep(WorkflowStep):
    """Runs a step again and again.

    Args:
        step: The step, or several that run in their order.
        condition: Asked before every iteration with the state and the number of the iteration, from 0.
        max_iterations: When so many are done it ends, and that is no failure.
        items: One iteration for each of these: a list, an expression, or a function of the state (X31).
        item_name: What the state calls the current one, besides `item`; its number is `index`.
        until: Asked after every iteration; when it holds, the loop ends.
    """

    def __init__(
        self,
        step_id: str,
        step: Branch | None = None,
        condition: Callable[[Any, int], Any] | None = None,
        max_iterations: int = 10,
        *,
        items: Any = None,
        item_name: str | None = None,
        until: Callable[[Any, int], Any] | None = None,
    ) -> None:
        super().__init__(step_id)
        self.step = step
        self._config: dict[str, Any] = {"max_iterations": max_iterations, "on_limit": "stop"}
        for key, asked in (("while", condition), ("until", until)):
            if asked is not None:
                self._config[key] = FromState(HoldsAgain(asked))
        if items is not None:
            self._config["items"] = gives(items) if callable(items) else items
        if item_name is not None:
            self._config["as"] = item_name

    def to_step(self, making: Making) -> Step:
        if self.step is None or not {"while", "until", "items"} & self._config.keys():
            raise InputError(
                f"loop step '{self.step_id}' has no {'step to run' if self.step is None else 'condition'}.",
                hint="Give it both: LoopStep(id, step, condition=lambda context, iteration: …).",
                code="loop_incomplete",
            )
        inside = self._inside(making)
        body = (self.step,) if isinstance(self.step, WorkflowStep) else tuple(self.step)
        return self._composite("loop", making, self._config, steps=tuple(step.to_step(inside) for step in body))
