"""Approvals as values."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from graphs.steps import Answer
from orchestrator.store.values import OpenWait

Decision = Literal["approve", "reject", "edit", "respond"]
GROUP = "group:"
"""What tells a group from a person among those who may decide."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts.

    Attributes:
        name: None where nobody says who they are.
        groups: Groups they are in; None where that is not known and they are trusted (the command line, an open
            gateway, code).
    """

    name: str | None = None
    groups: frozenset[str] | None = None

    @property
    def trusted(self) -> bool:
        return self.groups is None

    def is_among(self, those: tuple[str, ...]) -> bool:
        """Whether they are one of those, by name or by a group."""
        return self.name in those or any(f"{GROUP}{group}" in those for group in self.groups or ())


@dataclass(frozen=True, slots=True)
class Vote:
    """One of several decisions that are needed."""

    by: str
    at: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What people have done about an approval so far.

    Attributes:
        claimed_by: Who works on it; nobody else decides it meanwhile.
        assignees: Who may decide in place of those the step names, once it was handed on.
        votes: Approvals given, where more than one is needed.
    """

    claimed_by: str | None = None
    claimed_at: str | None = None
    assignees: tuple[str, ...] | None = None
    votes: tuple[Vote, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """The desk as JSON values."""
        return {name: value for name, value in asdict(self).items() if value not in (None, (), [])}

    @classmethod
    def from_document(cls, kept: Mapping[str, Any]) -> "Desk":
        """What `as_document` gave."""
        desk = cls(
            claimed_by=kept.get("claimed_by"),
            claimed_at=kept.get("claimed_at"),
            votes=tuple(Vote(**vote) for vote in kept.get("votes", ())),
        )
        return replace(desk, assignees=tuple(kept["assignees"])) if "assignees" in kept else desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval as the inbox has it.

    Attributes:
        seq: Its number, which grows; part of cursors.
        started_by: Who started the execution, where that is known.
        decided_by: Who decided the other approvals of the execution, by path.
    """

    seq: int
    wait: OpenWait
    desk: Desk
    workflow: str
    version: str
    tenant: str
    started_by: str | None = None
    decided_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def quorum(self) -> int:
        """How many must approve."""
        return int(self.wait.wait.question.get("quorum", 1))

    @property
    def separate_from(self) -> tuple[str, ...]:
        """Whose duties are separate: `starter`, or paths of other approvals."""
        return tuple(self.wait.wait.question.get("separate_from", ()))

    @property
    def digest(self) -> str:
        """A digest of what is shown, to which a decision is bound: what is asked, about what, and how it may be
        answered. Who may answer is not part of it."""
        return digest_of(self.wait)

    def level(self, now: datetime) -> int:
        """How many steps of its escalation chain are reached."""
        chain = self.wait.wait.question.get("escalation", ())
        return sum(self.wait.opened_at + timedelta(seconds=step["after"]) <= now for step in chain)

    def deciders(self, now: datetime) -> tuple[str, ...]:
        """Who may decide now: people, and groups behind `group:`. Empty means whoever may decide at all."""
        own = self.wait.wait.assignees if self.desk.assignees is None else self.desk.assignees
        if not own:
            return ()
        chain = self.wait.wait.question.get("escalation", ())[: self.level(now)]
        return tuple(dict.fromkeys((*own, *(one for step in chain for one in step["to"]))))


@dataclass(frozen=True, slots=True)
class Turn:
    """What an act comes to.

    Attributes:
        desk: The desk after it.
        kind: The record to keep of it: `approval.claimed` …
        data: The record's data.
        answer: The answer, where this act settles the approval.
        link: The link it was done by, to be used up; with its end.
    """

    desk: Desk
    kind: str
    data: Mapping[str, Any]
    answer: Answer | None = None
    link: tuple[str, datetime] | None = None


def digest_of(asked: OpenWait) -> str:
    """See `Approval.digest`."""
    question = asked.wait.question
    shown = {key: question.get(key) for key in ("message", "payload", "allow", "quorum", "separate_from")}
    place = [asked.execution_id, asked.path, asked.generation]
    whole = {"place": place, "shown": shown, "schema": asked.wait.response_schema}
    return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS, default=dict)).hexdigest()
