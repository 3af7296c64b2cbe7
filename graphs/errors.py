"""Every error Baton raises. One base, a stable `code` for machines, a sentence for people.

    BatonError
    ├── DefinitionError            a workflow definition has problems (all of them, each a `Problem`)
    ├── ExpressionError            an expression cannot be parsed or evaluated
    ├── InputError                 what a caller gave does not fit
    │   └── SettingsError          a setting has a value it cannot have
    ├── NotFoundError              no such execution, workflow, step, approval
    ├── NotAllowedError            we know who asks, and they may not
    ├── ConflictError              it exists, but not in a state that allows this
    │   └── EngineBusyError        another engine drives this file
    ├── StoreError                 what was kept cannot be written or read
    │   ├── CommitError            a commit failed (disk full, read-only): nothing of it was kept
    │   └── CorruptStateError      a kept row is not what we wrote
    ├── EngineError                the engine's own rules were broken (a defect, or a foreign hand)
    │   └── DeadlockError          nothing can go on, and nothing from outside is awaited
    └── StepError                  a step failed; carries the advice for retries
        ├── StepTimeoutError       it took longer than it may
        └── StepCancelledError     it was stopped by a policy or a person

An error says what, where and what next: `hint` holds the next move and is part of `str(error)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Category = Literal[
    "transient", "validation", "resource", "dependency", "logic", "cancelled", "timeout", "budget"
]  # capability E21


class BatonError(Exception):
    """The base of all.

    Args:
        message: What went wrong and where, as a sentence.
        hint: What to do next, as a sentence; part of `str(error)`.
        code: A stable word for machines where it is finer than the class's own.
        details: Facts for machines (JSON values).
    """

    code: str = "baton_error"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def as_dict(self) -> dict[str, Any]:
        """The error as JSON values, for `--json`, records and HTTP."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.hint:
            body["hint"] = self.hint
        return body | self.details


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition.

    `severity` is "warning" where the definition still runs. `line` and `column` count from 1 and are None
    for definitions that were not read from text. `where` is the path in the model: `steps.pay.config.endpoint`.
    """

    code: str
    message: str
    hint: str | None = None
    where: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{self.message} {self.hint}" if self.hint else self.message
        return f"{place}: {text}" if place else text


class DefinitionError(BatonError):
    """A definition cannot be used. `problems` holds everything that is wrong with it, not only the first."""

    code = "definition_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ExpressionError(BatonError):
    """An expression cannot be parsed or evaluated. `offset` counts characters from 0 within the expression."""

    code = "expression_error"

    def __init__(self, message: str, *, code: str | None = None, offset: int | None = None, hint: str | None = None):
        super().__init__(message, code=code, hint=hint)
        self.offset = offset


class InputError(BatonError):
    """What a caller gave does not fit what is asked for."""

    code = "input_invalid"


class SettingsError(InputError):
    """A setting has a value it cannot have; the message names both."""

    code = "settings_invalid"


class NotFoundError(BatonError):
    """There is no such thing."""

    code = "not_found"


class NotAllowedError(BatonError):
    """We know who asks, and they may not."""

    code = "not_allowed"


class ConflictError(BatonError):
    """The thing is there, but not in a state that allows what was asked."""

    code = "conflict"


class EngineBusyError(ConflictError):
    """Another engine drives this file; this process may still read, decide, publish events and cancel."""

    code = "engine_busy"


class StoreError(BatonError):
    """What was kept cannot be written or read."""

    code = "store_error"


class CommitError(StoreError):
    """A commit failed; nothing of it was kept. The work goes on once the store can write again."""

    code = "commit_failed"


class CorruptStateError(StoreError):
    """A kept row is not what we wrote: it was refused, and no code in it ran."""

    code = "corrupt_state"


class EngineError(BatonError):
    """The engine's own rules were broken."""

    code = "engine_error"


class DeadlockError(EngineError):
    """Nothing can go on, and nothing from outside is awaited. `details["remaining"]` names the steps."""

    code = "deadlock"


class StepError(BatonError):
    """A step failed.

    Raise it from a step's code to say how the failure is to be taken.

    Args:
        message: What went wrong.
        category: Which kind of failure it is; decides about retries (capability E21).
        retryable: Overrides what the category says about retries.
        retry_after: Seconds to wait before the next attempt at least, as a server asked.
        details: Facts for machines. With `response`, what it asks for when the execution ends by it, where that is not
            what its category asks for: keys of `graphs.spec.Response`.
    """

    code = "step_failed"

    def __init__(
        self,
        message: str,
        *,
        category: Category = "logic",
        retryable: bool | None = None,
        retry_after: float | None = None,
        code: str | None = None,
        hint: str | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, code=code, hint=hint, **details)
        self.category: Category = category
        self.retryable = retryable
        self.retry_after = retry_after


class StepTimeoutError(StepError):
    """A step, or one attempt at it, took longer than it may."""

    code = "step_timeout"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message, category="timeout", **details)


class StepCancelledError(StepError):
    """A step was stopped by a policy or by a person."""

    code = "step_cancelled"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message, category="cancelled", retryable=False, **details)
