"""Steps that change how a step runs, and steps that wait for a person."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from graphs.building.options import step_of
from graphs.building.steps import approval
from graphs.errors import InputError
from graphs.spec import RetryPolicy
from orchestrator.faces.patterns.making import Acts, Making, Piece, Source
from orchestrator.faces.patterns.steps import Pattern, WorkflowStep

LONGEST_DELAY = 300.0
"""Seconds; the document's delays grow without end (X22)."""


class RetryableStep(Pattern):
    """A step that is tried again when it raises `RetryableError`, or fails in another way that may pass (A44).

    Args:
        wrapped_step: The step; of a pattern, the steps inside.
        max_retries: Tries after the first.
        backoff_multiplier: The first pause is `initial_delay` seconds, each further one so many times longer.
        max_delay: No pause is longer.
    """

    def __init__(
        self,
        wrapped_step: WorkflowStep,
        max_retries: int = 3,
        backoff_multiplier: float = 2.0,
        *,
        initial_delay: float = 1.0,
        max_delay: float = LONGEST_DELAY,
    ) -> None:
        super().__init__(wrapped_step.name)
        if max_retries < 0 or backoff_multiplier < 1:
            raise InputError(
                f"RetryableStep of '{wrapped_step.name}': max_retries is {max_retries} and backoff_multiplier "
                f"{backoff_multiplier:g}.",
                hint="Retries are counted from 0 on, and pauses do not become shorter: the least multiplier is 1.",
                code="retries_invalid",
            )
        self.wrapped = wrapped_step
        self.policy = RetryPolicy(
            max_attempts=max_retries + 1,
            initial_delay=initial_delay,
            max_delay=max_delay,
            multiplier=backoff_multiplier,
        )

    def compile(self, making: Making, given: Source) -> Piece:
        return self.wrapped.compile(replace(making, retry=self.policy), given)


class WaitForApproval(Pattern):
    """Waits for a person (T14). What is waited with goes on as it is, or as the person edited it, with `approval`.

    Args:
        timeout_hours: How long the question stays open.
        message: The question.
        assignees, groups: Who may decide; anyone who may approve, when nobody is named.
        on_reject: `fail`, or `continue` with `approval.approved` false.
        on_timeout: What happens when nobody has decided: `fail`, `approve`, `reject` or `continue`.
    """

    def __init__(
        self,
        timeout_hours: float = 24,
        *,
        message: str = "Approve?",
        assignees: Iterable[str] = (),
        groups: Iterable[str] = (),
        allow: Iterable[Literal["approve", "reject", "edit", "respond"]] = ("approve", "reject", "edit"),
        on_reject: Literal["fail", "continue"] = "fail",
        on_timeout: Literal["fail", "approve", "reject", "continue"] = "fail",
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.timeout_hours = timeout_hours
        self._question: dict[str, Any] = {
            "message": message,
            "assignees": list(assignees) or None,
            "groups": list(groups) or None,
            "allow": list(allow),
            "when_rejected": on_reject,
            "when_late": on_timeout,
        }

    def compile(self, making: Making, given: Source) -> Piece:
        name = making.names.give(self.name, self)
        asked = approval(name, payload=given.template, wait=self.timeout_hours * 3600, **self._question)
        both = {"given": given.template, "approval": f"{{{{ {_read(name)} }}}}"}
        decided = making.names.give(f"{name}_decided", self)
        carry_on = step_of(decided, "function", {"function": _DECIDED, "input": both}, {})
        return Piece((asked, carry_on), Source(decided))


class WaitForPhysicianApproval(WaitForApproval):
    """Waits for a physician; two days, when nothing else is said."""

    def __init__(self, timeout_hours: float = 48, **options: Any) -> None:
        super().__init__(timeout_hours, **options)


def _read(name: str) -> str:
    return Source(name).template.strip("{} ")


def _decided(both: Mapping[str, Any]) -> dict[str, Any]:
    approval, given = dict(both["approval"]), both["given"]
    edited = approval.pop("data")
    going_on = edited if approval["decision"] == "edited" else given
    return {**(going_on if isinstance(going_on, Mapping) else {"data": going_on}), "approval": approval}


class _Decided(Acts):
    retried = False

    async def act(self, value: Any) -> Any:
        return _decided(value)


_DECIDED = _Decided(_decided)
