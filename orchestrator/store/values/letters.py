"""Dead letters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

LetterKind = Literal["failure", "poisoned", "compensation", "finally"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """Something that failed for good and needs a person.

    Attributes:
        id: Its number; 0 for one that has not been kept yet.
        path: Where it stands: `charge`, `~compensation.refund`; empty for the execution as a whole.
        kind: `failure`: the execution ended by it, or it was gone on from. `compensation`: something was not undone.
            `finally`: a step that runs in any case failed. `poisoned`: processes died again and again over it.
        error: Why, as in the step's result.
        about: More facts: `undoes`, the path of what was to be undone; `attempts`; of failures `paths`, all steps that
            failed, and `undone`, those that were undone since. Of an undoing of a call that was cut off `outcome`
            (`unknown`), the `idempotency_key` of that call, and what is `wanted` of it: its `output`, or `arguments`.
        escalated: People have to see to it.
        edit: Changes with which it is to be tried again, to the execution's input or to what is wanted of a call that
            was cut off: `{"input", "by", "at"}`.
        status: `open`; then `redriven` (it was tried again) or `discarded`.
        closed_by, note: Who closed it, and why.
    """

    id: int = 0
    execution_id: str
    path: str
    kind: LetterKind
    workflow: str
    tenant: str = "default"
    error: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    status: Literal["open", "redriven", "discarded"] = "open"
    escalated: bool = False
    edit: Mapping[str, Any] | None = None
    created_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which dead letters; None for any.

    Attributes:
        workflow: `NAME`, or `NAME@VERSION`.
        before: The number of the last one of the page before.
    """

    status: str | None = "open"
    execution_id: str | None = None
    workflow: str | None = None
    kind: LetterKind | None = None
    code: str | None = None
    escalated: bool | None = None
    tenant: str | None = None
    before: int | None = None
    limit: int = 1000
