"""The errors of the patterns document (A47). Steps raise the first two; carrying out a pattern raises the others.

StepError
├── RetryableError             a step asks to be tried again
├── CompensationError          a compensation could not undo; the others still run
└── PatternError               how carrying out a pattern ended
    ├── WorkflowStepFailed         one of its steps failed
    ├── ParallelExecutionFailed    branches failed; `errors` holds one for each
    ├── NoMatchingCaseError        no case fitted, and there is no default
    ├── InvalidRouteError          the model named no route
    └── MaxRetriesExceededError    a RetryableStep failed to the last; `last_error` says how
"""

from collections.abc import Sequence
from typing import Any

from graphs.errors import StepError


class RetryableError(StepError):
    """Raise it from a step: this may go well the next time."""

    code = "retryable"

    def __init__(self, message: str = "it may go well the next time", *, retry_after: float | None = None) -> None:
        super().__init__(message, category="transient", retry_after=retry_after)


class CompensationError(StepError):
    """Raise it from a compensation that cannot undo. It is written down, and the others still run (E12)."""

    code = "compensation_error"

    def __init__(self, message: str = "it could not be undone") -> None:
        super().__init__(message, category="logic", retryable=False)


class PatternError(StepError):
    """How carrying out a pattern ended."""

    code = "pattern_failed"


class WorkflowStepFailed(PatternError):  # noqa: N818 - the document's name
    """A step failed.

    Attributes:
        step: The step's object, as it was added.
        output: What it gave, where it failed by saying so (`self.failed = True`).
    """

    code = "workflow_step_failed"

    def __init__(self, step: Any, output: Any = None, *, error: StepError | None = None) -> None:
        why = error.message if error is not None else "it says so itself"
        super().__init__(
            f"step '{step.name}' failed: {why.rstrip('.')}.",
            category=error.category if error is not None else "logic",
            hint=error.hint if error is not None else None,
            retryable=False,
        )
        self.step = step
        self.output = output


class ParallelExecutionFailed(PatternError):  # noqa: N818 - the document's name
    """Branches failed; the others came to their end."""

    code = "parallel_execution_failed"

    def __init__(self, errors: Sequence[Exception]) -> None:
        self.errors = list(errors)
        many = f"{len(self.errors)} branches" if len(self.errors) != 1 else "a branch"
        super().__init__(f"{many} failed: {' '.join(str(error) for error in self.errors)}", retryable=False)


class NoMatchingCaseError(PatternError):
    """No case fitted."""

    code = "no_matching_case"


class InvalidRouteError(PatternError):
    """The model named no route."""

    code = "invalid_route"


class MaxRetriesExceededError(PatternError):
    """A step was tried as often as it may be.

    Attributes:
        name: The step's.
        last_error: What the last attempt failed with.
    """

    code = "max_retries_exceeded"

    def __init__(self, name: str, last_error: Exception | None) -> None:
        super().__init__(f"step '{name}' failed to the last attempt: {last_error}", retryable=False)
        self.name = name
        self.last_error = last_error
