"""The rules of approvals. Pure: an approval as it stands, an act, and a time give a turn or a refusal.

They are asked inside the transaction that keeps the act, so of two people who decide at the same moment the second is
judged by what the first one did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from graphs.errors import ConflictError, InputError, NotAllowedError
from graphs.inputs import check_input
from graphs.steps import Answer
from orchestrator.approvals.values import GROUP, Approval, Decision, Person, Turn, Vote

OUTCOMES: Mapping[Decision, Literal["approved", "rejected", "edited", "responded"]] = {
    "approve": "approved",
    "reject": "rejected",
    "edit": "edited",
    "respond": "responded",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A decision as it is given. `digest` is of what the person was shown, where they say so."""

    decision: Decision
    data: Any = None
    reason: str | None = None
    digest: str | None = None


def decided(approval: Approval, person: Person, given: Given, now: datetime) -> Turn:
    """Decide: the answer, or one more vote of those that are needed.

    Raises:
        NotAllowedError: it is not theirs to decide.
        ConflictError: it is over, claimed by another, or not what they were shown.
        InputError: it does not allow this decision, or the value does not fit its schema.
    """
    _is_asked(approval, now)
    _is_as_shown(approval, given.digest)
    _is_theirs(approval, person, now)
    _duties_are_separate(approval, person)
    _is_not_claimed_by_another(approval, person)
    check_given(approval, given)
    at = now.isoformat()
    voters = [vote.by for vote in approval.desk.votes]
    note: dict[str, Any] = {"decision": OUTCOMES[given.decision], "by": person.name, "reason": given.reason}
    if given.decision == "approve" and approval.quorum > 1:
        name = _named(person, "counts towards a quorum")
        if name in voters:
            raise ConflictError(
                f"'{name}' has approved '{approval.wait.path}' already; {approval.quorum} different people are needed.",
                code="voted_already",
            )
        desk = replace(approval.desk, votes=(*approval.desk.votes, Vote(name, at, given.reason)))
        if len(desk.votes) < approval.quorum:
            return Turn(desk, "approval.voted", {**note, "votes": len(desk.votes), "quorum": approval.quorum})
        answer = Answer("approved", None, ", ".join([*voters, name]), given.reason, now)
        return Turn(desk, "approval.decided", {**note, "by": answer.by, "votes": len(desk.votes)}, answer)
    answer = Answer(OUTCOMES[given.decision], given.data, person.name, given.reason, now)
    return Turn(approval.desk, "approval.decided", note, answer)


def claimed(approval: Approval, person: Person, now: datetime) -> Turn:
    """Claim: nobody else decides it until it is released.

    Raises:
        NotAllowedError, ConflictError: it is not theirs, or another's already, or several must decide it.
    """
    _is_asked(approval, now)
    name = _named(person, "claims")
    _is_theirs(approval, person, now)
    _duties_are_separate(approval, person)
    if approval.quorum > 1:
        raise ConflictError(
            f"'{approval.wait.path}' needs {approval.quorum} people, so nobody can claim it.", code="quorum_not_claimed"
        )
    _is_not_claimed_by_another(approval, person)
    desk = replace(approval.desk, claimed_by=name, claimed_at=approval.desk.claimed_at or now.isoformat())
    return Turn(desk, "approval.claimed", {"by": name})


def released(approval: Approval, person: Person, now: datetime, *, force: bool = False) -> Turn:
    """Give a claim back; with `force`, another's (an administrator's right).

    Raises:
        ConflictError: it is not claimed, or by another.
    """
    _is_asked(approval, now)
    if approval.desk.claimed_by is None:
        raise ConflictError(f"'{approval.wait.path}' is not claimed.", code="not_claimed")
    if not force:
        _is_not_claimed_by_another(approval, person)
    note = {"by": person.name, "claimed_by": approval.desk.claimed_by}
    return Turn(replace(approval.desk, claimed_by=None, claimed_at=None), "approval.released", note)


def reassigned(approval: Approval, person: Person, to: Sequence[str], now: datetime, *, reason: str | None) -> Turn:
    """Let others decide, in place of all who may now. A claim ends with it.

    Raises:
        ConflictError, InputError: it is over, or nobody is named.
    """
    _is_asked(approval, now)
    if not to:
        raise InputError("Nobody is named whom it could be assigned to.", code="nobody_named")
    desk = replace(approval.desk, assignees=tuple(dict.fromkeys(to)), claimed_by=None, claimed_at=None)
    return Turn(desk, "approval.reassigned", {"by": person.name, "to": list(desk.assignees or ()), "reason": reason})


def delegated(approval: Approval, person: Person, to: str, now: datetime, *, reason: str | None) -> Turn:
    """Hand one's own part on to another, who decides in one's place.

    Raises:
        NotAllowedError: it is not theirs.
        ConflictError: it is over, or they have voted already.
    """
    _is_asked(approval, now)
    name = _named(person, "delegates")
    _is_theirs(approval, person, now)
    _is_not_claimed_by_another(approval, person)
    if any(vote.by == name for vote in approval.desk.votes):
        raise ConflictError(f"'{name}' has approved '{approval.wait.path}' already.", code="voted_already")
    own = approval.wait.wait.assignees if approval.desk.assignees is None else approval.desk.assignees
    # Whoever may decide through a group leaves the group there: it was not theirs to give away.
    desk = replace(
        approval.desk,
        assignees=tuple(dict.fromkeys([*(one for one in own if one != name), to])),
        claimed_by=None,
        claimed_at=None,
    )
    return Turn(desk, "approval.delegated", {"by": name, "to": to, "reason": reason})


def commented(approval: Approval, person: Person, text: str) -> Turn:
    """Say something about it; nothing changes."""
    return Turn(approval.desk, "approval.commented", {"by": person.name, "text": text})


def check_given(approval: Approval, given: Given) -> None:
    """Whether the approval allows this decision with this value.

    Raises:
        InputError: it does not.
    """
    asked = approval.wait
    allowed = asked.wait.question.get("allow") or list(OUTCOMES)
    if given.decision not in allowed:
        raise InputError(
            f"'{asked.path}' does not allow '{given.decision}'.",
            hint=f"Allowed: {', '.join(allowed)}.",
            code="decision_not_allowed",
        )
    schema = asked.wait.response_schema
    if given.decision == "edit":  # an edited call of a tool is still one; an answer in its place may be anything
        schema = asked.wait.question.get("edit_schema", schema)
    if given.decision in ("edit", "respond") and schema is not None:
        check_input(dict(schema), given.data)


def may_see_as_theirs(approval: Approval, people: Sequence[str], now: datetime) -> bool:
    """Whether an approval belongs into the inbox of these: people by name, groups behind `group:`."""
    deciders = approval.deciders(now)
    return not deciders or any(one in deciders for one in people)


def concerns(approval: Approval, person: Person, now: datetime) -> bool:
    """Whether an approval is a matter of somebody's: theirs to decide, or they have done something about it."""
    deciders = approval.deciders(now)
    if person.trusted or not deciders or person.is_among(deciders):
        return True
    answer = approval.wait.answer
    acted = [approval.desk.claimed_by, answer and answer.by, *(vote.by for vote in approval.desk.votes)]
    return person.name is not None and person.name in acted


# -- what must hold -----------------------------------------------------------------------------------------------


def _is_asked(approval: Approval, now: datetime) -> None:
    wait = approval.wait
    if wait.wait.kind != "approval":
        raise ConflictError(
            f"'{wait.path}' of execution '{wait.execution_id}' waits for {wait.wait.kind}, not for a decision.",
            code="not_an_approval",
        )
    if wait.wait.due is not None and wait.wait.due < now:
        raise ConflictError(
            f"'{wait.path}' of execution '{wait.execution_id}' was open until {wait.wait.due.isoformat()}.",
            hint="This answer was not kept.",
            code="wait_elapsed",
        )


def _is_as_shown(approval: Approval, digest: str | None) -> None:
    if digest is not None and digest != approval.digest:
        raise ConflictError(
            f"What '{approval.wait.path}' of execution '{approval.wait.execution_id}' asks is not what you were shown.",
            hint="Read it again, and decide with the digest that comes with it.",
            code="approval_changed",
            digest=approval.digest,
        )


def _is_theirs(approval: Approval, person: Person, now: datetime) -> None:
    deciders = approval.deciders(now)
    if person.trusted or not deciders or person.is_among(deciders):
        return
    raise not_theirs(approval, person, deciders)


def not_theirs(approval: Approval, person: Person, deciders: Sequence[str]) -> NotAllowedError:
    """The error for whoever touches what others are asked."""
    return NotAllowedError(
        f"'{approval.wait.path}' of execution '{approval.wait.execution_id}' is not for {person.name or 'anybody'} to "
        "decide.",
        hint=f"It is for {', '.join(one.replace(GROUP, 'the group ') for one in deciders)}.",
        code="not_your_approval",
    )


def _duties_are_separate(approval: Approval, person: Person) -> None:
    for duty in approval.separate_from:
        name = _named(person, "decides, where duties are separate")
        starter = duty == "starter"
        what = "started the execution" if starter else f"decided '{duty}'"
        if name in ((approval.started_by,) if starter else approval.decided_by.get(duty, ())):
            raise NotAllowedError(
                f"'{name}' {what}, so somebody else has to decide '{approval.wait.path}'.",
                code="duties_not_separate",
            )


def _is_not_claimed_by_another(approval: Approval, person: Person) -> None:
    holder = approval.desk.claimed_by
    if holder is not None and holder != person.name:
        raise ConflictError(
            f"'{approval.wait.path}' of execution '{approval.wait.execution_id}' is claimed by {holder}.",
            hint="They can release it, or an administrator.",
            code="approval_claimed",
            claimed_by=holder,
        )


def _named(person: Person, what: str) -> str:
    if not person.name:
        raise InputError(f"Say who {what}: it cannot be nobody.", code="nobody_named")
    return person.name
