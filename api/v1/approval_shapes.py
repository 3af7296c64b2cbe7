"""Approvals as callers see them."""

import base64
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from api.v1.shapes import record_document
from graphs.errors import InputError
from orchestrator.approvals.values import GROUP, Approval
from orchestrator.ids import shown_id
from orchestrator.store.port import Record


def approval_document(approval: Approval, now: datetime) -> dict[str, Any]:
    """An approval with everything that is needed to decide it."""
    wait, desk, question = approval.wait, approval.desk, approval.wait.wait.question
    deciders = approval.deciders(now)
    return {
        "execution_id": shown_id(wait.execution_id),
        "path": wait.path,
        "generation": wait.generation,
        "workflow": approval.workflow,
        "version": approval.version,
        "status": wait.status,
        "message": question.get("message"),
        "payload": question.get("payload"),
        "allow": question.get("allow"),
        "schema": wait.wait.response_schema,
        "digest": approval.digest,
        "assignees": [one for one in deciders if not one.startswith(GROUP)],
        "groups": [one.removeprefix(GROUP) for one in deciders if one.startswith(GROUP)],
        "escalated": approval.level(now),
        "quorum": approval.quorum,
        "votes": [asdict(vote) for vote in desk.votes],
        "separate_from": list(approval.separate_from),
        "claimed_by": desk.claimed_by,
        "claimed_at": desk.claimed_at,
        "started_by": approval.started_by,
        "opened_at": wait.opened_at,
        "due": wait.wait.due,
        "on_timeout": wait.wait.on_timeout,
        "answer": asdict(wait.answer) if wait.answer else None,
    }


def with_history(approval: Approval, records: Sequence[Record], now: datetime) -> dict[str, Any]:
    """An approval, and what people did about it: claims, votes, comments."""
    path = approval.wait.path
    history = [one for one in records if one.path == path and one.kind.startswith("approval.")]
    return approval_document(approval, now) | {"history": [record_document(one) for one in history]}


def cursor_of(place: tuple[datetime, int] | None) -> str | None:
    """A place in the inbox as text."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(f"{place[1]} {place[0].isoformat()}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[datetime, int]:
    """A cursor's place.

    Raises:
        InputError: it is none.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        seq, _, opened_at = text.partition(" ")
        when = datetime.fromisoformat(opened_at)
        if when.tzinfo is None or not 0 <= int(seq) < 2**53:
            raise ValueError
        return when, int(seq)
    except (ValueError, OverflowError):
        raise InputError("This cursor is none.", hint="Send `next` of the page before.", code="cursor_wrong") from None
