"""`approval`: a question to people, and what their answers mean (I08)."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from agents.waits import due_in
from graphs.durations import Duration, format_duration
from graphs.errors import StepError, StepTimeoutError
from graphs.expressions import mask
from graphs.steps import Answer, StepConfig, StepContext, Wait, Waiting

Decision = Literal["approve", "reject", "edit", "respond"]
_DECIDED: Mapping[str, Decision] = {
    "approved": "approve",
    "rejected": "reject",
    "edited": "edit",
    "responded": "respond",
}


class Escalation(StepConfig):
    """Who may decide besides, once the question has been open for so long.

    Attributes:
        after: Seconds since it was asked.
        assignees: People.
        groups: Groups.
    """

    after: Duration
    assignees: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @field_validator("assignees", "groups", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _to_somebody(self) -> Self:
        if not self.assignees and not self.groups:
            raise ValueError("name 'assignees' or 'groups' to escalate to")
        return self


class ApprovalConfig(StepConfig):
    """What an `approval` is told.

    Attributes:
        message: The question.
        payload: What is to be decided about; shown, and handed on as `data` when approved. Secrets are masked.
        assignees: Who may decide; with none and no groups, whoever may approve at all.
        groups: Groups whose members may decide.
        allow: The decisions offered.
        response_schema: JSON Schema of an edited payload or a response; whoever takes the decision checks it.
        timeout: Seconds until the question is closed; without it, it stays open.
        on_timeout: What happens then.
        on_reject: `fail` fails the step; `continue` gives `{"approved": false}`.
        quorum: How many different people must approve; one rejection is enough to reject.
        separate_from: Whose duties are separate: `starter` is who started the execution, anything else the path of
            another approval of it, whose deciders may not decide this one.
        escalation: Who may decide besides, and when; only where `assignees` or `groups` limit who may.
    """

    message: str = "Approve?"
    payload: Any = None
    assignees: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    allow: tuple[Decision, ...] = Field(default=("approve", "reject"), min_length=1)
    response_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    timeout: Duration | None = None
    on_timeout: Literal["fail", "approve", "reject", "continue"] = "fail"
    on_reject: Literal["fail", "continue"] = "fail"
    quorum: int = Field(default=1, ge=1, le=100)
    separate_from: tuple[str, ...] = ()
    escalation: tuple[Escalation, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _a_message_may_be_called_a_question(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and "question" in value:
            if "message" in value:
                raise ValueError("'message' and 'question' are the same; give one")
            return {("message" if key == "question" else key): item for key, item in value.items()}
        return value

    @field_validator("assignees", "groups", "allow", "separate_from", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _several_can_agree(self) -> Self:
        if self.quorum > 1 and {"edit", "respond"} & {*self.allow}:
            raise ValueError("a quorum approves or rejects; what one person edits or responds, others have not seen")
        if self.assignees and not self.groups and not self.escalation and len({*self.assignees}) < self.quorum:
            raise ValueError(f"{self.quorum} must approve, and only {len({*self.assignees})} may")
        if self.escalation and not (self.assignees or self.groups):
            raise ValueError("an escalation adds to 'assignees' and 'groups', and there are none: everybody may decide")
        return self


class Approval(Waiting):
    """Asks a person.

    The response is `{"approved", "decision", "by", "reason", "data"}`. `approved` is true when the payload was
    approved as it is or edited; a response (free words or a form) is neither, and says so.
    """

    name = "approval"
    summary = "waits for a person to approve, edit, reject or respond"
    Config = ApprovalConfig
    gives = frozenset({"approved", "decision", "by", "reason", "data"})

    def wait(self, context: StepContext, config: ApprovalConfig) -> Wait:
        return Wait(
            kind="approval",
            question={
                "message": config.message,
                "payload": mask(config.payload),
                "allow": list(config.allow),
                "assignees": list(config.assignees),
                "groups": list(config.groups),
                **_rules(config),
            },
            due=due_in(context, config.timeout),
            on_timeout=config.on_timeout,
            response_schema=config.response_schema,
            # One list says who may decide; a group is told from a person by its prefix.
            assignees=_together(config),
        )

    def settle(self, context: StepContext, config: ApprovalConfig, wait: Wait, answer: Answer) -> Any:
        if answer.outcome == "elapsed":
            return self._elapsed(config, wait)
        if _DECIDED.get(answer.outcome) not in config.allow:
            raise StepError(
                f"'{config.message}' was answered with '{answer.outcome}', which it does not allow.",
                code="decision_not_allowed",
                hint=f"Allowed: {', '.join(config.allow)}.",
            )
        if answer.outcome == "rejected":
            return self._rejected(config, answer.by, answer.reason)
        own = answer.outcome in ("edited", "responded")
        data = answer.data if own else mask(config.payload)
        return _decision(answer.outcome, answer.by, answer.reason, data)

    def _elapsed(self, config: ApprovalConfig, wait: Wait) -> Any:
        # The engine may have put the step's own `on_timeout` into the wait.
        reason = f"nobody decided within {format_duration(config.timeout or 0)}"
        if wait.on_timeout == "approve":
            return _decision("approved", None, reason, mask(config.payload))
        if wait.on_timeout == "reject":
            return self._rejected(config, None, reason)
        if wait.on_timeout == "continue":
            return _decision("timed_out", None, reason, None)
        raise StepTimeoutError(f"'{config.message}': {reason}.")

    def _rejected(self, config: ApprovalConfig, by: str | None, reason: str | None) -> Any:
        if config.on_reject == "continue":
            return _decision("rejected", by, reason, None)
        who = f" by {by}" if by else ""
        raise StepError(
            f"'{config.message}' was rejected{who}" + (f": {reason}" if reason else "") + ".",
            category="validation",
            retryable=False,
            code="approval_rejected",
            by=by,
            reason=reason,
            response={"dead_letter": False},  # somebody has seen to it already
        )


def _rules(config: ApprovalConfig) -> dict[str, Any]:
    """The rules that go beyond "one person decides", where there are any."""
    chain = [{"after": step.after, "to": list(_together(step))} for step in config.escalation]
    rules = {"quorum": config.quorum, "separate_from": list(config.separate_from), "escalation": chain}
    return {name: rule for name, rule in rules.items() if rule not in (1, [])}


def _together(those: ApprovalConfig | Escalation) -> tuple[str, ...]:
    return (*those.assignees, *(f"group:{group}" for group in those.groups))


def _decision(outcome: str, by: str | None, reason: str | None, data: Any) -> dict[str, Any]:
    approved = outcome in ("approved", "edited")
    return {"approved": approved, "decision": outcome, "by": by, "reason": reason, "data": data}
