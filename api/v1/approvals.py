"""The inbox: what people are asked, and what they do about it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api.security import Principal, Right, needs
from api.v1.approval_shapes import approval_document, cursor_of, place_of, with_history
from api.v1.common import FILTERED, MAX_PAGE, Body, ExecutionId, Name, Text, Time, View, Who, page
from graphs.errors import NotAllowedError
from orchestrator.approvals import rules
from orchestrator.approvals.inbox import no_approval
from orchestrator.approvals.rules import Given
from orchestrator.approvals.values import GROUP, Approval, Decision, Person
from orchestrator.store.port import InboxFilter, OpenWait
from orchestrator.tenancy import TenantView

router = APIRouter(prefix="/v1/approvals", tags=["approvals"])

StepPath = Annotated[str, Path(max_length=500, description="The step's path: `orders[3].ask`.")]


class Act(Body):
    """Who acts, at an open gateway, where nobody is known: with keys, whoever asks is who acts."""

    by: Name | None = None
    groups: list[Name] | None = Field(default=None, max_length=100)


class DecideBody(Act):
    """A decision. `digest` is that of the approval as it was read: what has changed since is not decided."""

    decision: Decision
    digest: Annotated[str, Field(min_length=1, max_length=100)]
    reason: Text | None = None
    data: Any = None


class DelegateBody(Act):
    """Who decides in one's place."""

    to: Name
    reason: Text | None = None


class ReassignBody(Act):
    """Who decides, in place of all who may now."""

    assignees: list[Name] = Field(default_factory=list, max_length=100)
    to_groups: list[Name] = Field(default_factory=list, max_length=100)
    reason: Text | None = None


class CommentBody(Act):
    """What is to be said about it."""

    text: Annotated[str, Field(min_length=1, max_length=10_000)]


_LOOK = needs(Right.READ, narrowed=[Right.DECIDE])


@router.get("", dependencies=[_LOOK, FILTERED])
async def inbox(
    view: View,
    who: Who,
    mine: Annotated[bool, Query(description="Only what whoever asks may decide.")] = False,
    assignee: Annotated[list[Name] | None, Query(description="Only what one of these people may decide.")] = None,
    group: Annotated[list[Name] | None, Query(description="Only what one of these groups may decide.")] = None,
    workflow: Annotated[Name | None, Query()] = None,
    execution_id: Annotated[Name | None, Query()] = None,
    due_before: Annotated[Time | None, Query(description="Only those whose time is over before then.")] = None,
    status: Annotated[Literal["open", "answered", "elapsed", "cancelled"], Query()] = "open",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[Name | None, Query(description="`next` of the page before.")] = None,
) -> dict[str, Any]:
    """What people are asked, oldest first. What nobody is named for is everybody's. Whoever may not read sees what is
    theirs to decide, or was decided, claimed or voted on by them."""
    people = [*(assignee or ()), *(f"{GROUP}{one}" for one in group or ())]
    if mine:
        people += [who.name or "", *(f"{GROUP}{one}" for one in who.groups or ())]
    which = InboxFilter(
        tenant=view.tenant,
        workflow=workflow,
        execution_id=view.own(execution_id) if execution_id else None,
        due_before=due_before,
        status=status,
        after=place_of(cursor) if cursor else None,
        limit=limit,
    )
    found = await view.baton.inbox.list(which, people, None if who.reads else person_of(who, None))
    now = view.baton.clock.now()
    return page("approvals", [approval_document(one, now) for one in found.approvals], cursor_of(found.after))


@router.get("/{execution_id}/{path}", dependencies=[_LOOK])
async def show(execution_id: ExecutionId, path: StepPath, view: View, who: Who) -> dict[str, Any]:
    """An approval with everything that is needed to decide it, and what people did about it so far."""
    try:
        await check_theirs(view, who, execution_id, path)
    except NotAllowedError:
        raise no_approval(execution_id, path) from None
    return await _shown(view, execution_id, path)


@router.post("/{execution_id}/{path}/decide", dependencies=[needs(Right.DECIDE)])
async def decide(execution_id: ExecutionId, path: StepPath, body: DecideBody, view: View, who: Who) -> dict[str, Any]:
    """Approve, reject, edit or respond. 409 when somebody was faster (it names them), or when what is asked has
    changed; 403 when it is another's, or duties are separate."""
    await check_theirs(view, who, execution_id, path)
    given = Given(decision=body.decision, data=body.data, reason=body.reason, digest=body.digest)
    decided = await view.baton.inbox.decide(execution_id, path, person_of(who, body), given)
    return await _shown(view, execution_id, path, decided)


@router.post("/{execution_id}/{path}/claim", dependencies=[needs(Right.DECIDE)])
async def claim(
    execution_id: ExecutionId, path: StepPath, view: View, who: Who, body: Act | None = None
) -> dict[str, Any]:
    """Claim an approval: nobody else decides it until it is released. 409 when it is another's."""
    await check_theirs(view, who, execution_id, path)
    await view.baton.inbox.claim(execution_id, path, person_of(who, body))
    return await _shown(view, execution_id, path)


@router.post("/{execution_id}/{path}/release", dependencies=[needs(Right.DECIDE)])
async def release(
    execution_id: ExecutionId, path: StepPath, view: View, who: Who, body: Act | None = None
) -> dict[str, Any]:
    """Give a claim back. An administrator may release another's."""
    await check_theirs(view, who, execution_id, path)
    force = Right.ADMIN in who.rights
    await view.baton.inbox.release(execution_id, path, person_of(who, body), force=force)
    return await _shown(view, execution_id, path)


@router.post("/{execution_id}/{path}/delegate", dependencies=[needs(Right.DECIDE)])
async def delegate(
    execution_id: ExecutionId, path: StepPath, body: DelegateBody, view: View, who: Who
) -> dict[str, Any]:
    """Hand one's own part on to another."""
    await check_theirs(view, who, execution_id, path)
    await view.baton.inbox.delegate(execution_id, path, person_of(who, body), body.to, reason=body.reason)
    return await _shown(view, execution_id, path)


@router.post("/{execution_id}/{path}/reassign", dependencies=[needs(Right.ADMIN)])
async def reassign(
    execution_id: ExecutionId, path: StepPath, body: ReassignBody, view: View, who: Who
) -> dict[str, Any]:
    """Let others decide, in place of all who may now."""
    await check_theirs(view, who, execution_id, path)
    to = [*body.assignees, *(f"{GROUP}{group}" for group in body.to_groups)]
    await view.baton.inbox.reassign(execution_id, path, person_of(who, body), to, reason=body.reason)
    return await _shown(view, execution_id, path)


@router.post("/{execution_id}/{path}/comment", dependencies=[needs(Right.DECIDE)])
async def comment(execution_id: ExecutionId, path: StepPath, body: CommentBody, view: View, who: Who) -> dict[str, Any]:
    """Say something about an approval."""
    await check_theirs(view, who, execution_id, path)
    await view.baton.inbox.comment(execution_id, path, person_of(who, body), body.text)
    return await _shown(view, execution_id, path)


def person_of(who: Principal, act: Act | None) -> Person:
    """Who acts.

    Raises:
        NotAllowedError: somebody known says they are another.
    """
    if who.open:
        if act is None or act.by is None:
            return Person(None, None)
        return Person(act.by, frozenset(act.groups or ()))
    if act is not None and (act.by not in (None, who.name) or act.groups is not None):
        raise NotAllowedError(
            f"Whoever asks is '{who.name}', and acts as nobody else.",
            hint="Leave out 'by' and 'groups': the key says who you are.",
            code="not_yourself",
        )
    return Person(who.name, who.groups)


async def check_theirs(view: TenantView, who: Principal, execution_id: str, path: str) -> Approval:
    """An approval that whoever asks may see.

    Raises:
        NotFoundError: there is none.
        NotAllowedError: it is another's, and they may not read what is not theirs.
    """
    await view.get(execution_id)
    approval = await view.baton.inbox.get(execution_id, path)
    person, now = Person(who.name, who.groups), view.baton.clock.now()
    if not who.reads and not rules.concerns(approval, person, now):
        raise rules.not_theirs(approval, person, approval.deciders(now))
    return approval


async def _shown(view: TenantView, execution_id: str, path: str, decided: OpenWait | None = None) -> dict[str, Any]:
    await view.get(execution_id)
    approval = await view.baton.inbox.get(execution_id, path)
    document = with_history(approval, await view.baton.records(execution_id), view.baton.clock.now())
    return document if decided is None else document | {"settled": decided.status == "answered"}
