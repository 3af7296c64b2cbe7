"""The audit trail: who did what, and whether nobody touched it since."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from api.security import Right, needs
from api.v1.common import FILTERED, MAX_PAGE, Name, Time, View, page
from orchestrator.audit.exporting import MEDIA_TYPE, exported
from orchestrator.store.port import AuditFilter

router = APIRouter(prefix="/v1/audit", tags=["audit"], dependencies=[needs(Right.ADMIN)])


@router.get("", dependencies=[FILTERED])
async def trail(
    view: View,
    actor: Annotated[Name | None, Query()] = None,
    action: Annotated[Name | None, Query()] = None,
    since: Annotated[Time | None, Query()] = None,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only rows after this `seq`.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> dict[str, Any]:
    """The tenant's rows of the audit trail, oldest first."""
    which = AuditFilter(tenant=view.tenant, actor=actor, action=action, since=since, after=after, limit=limit + 1)
    found = await view.baton.store.audit(which)
    more = str(found[limit - 1].seq) if len(found) > limit else None
    return page("entries", [asdict(one) for one in found[:limit]], more)


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": {MEDIA_TYPE: {}}}})
async def export(view: View) -> StreamingResponse:
    """The tenant's whole trail as JSON lines, with the chain's hashes and a seal: `baton audit verify FILE`."""
    lines = exported(view.baton.store, view.baton.catalogue.cipher, view.tenant, view.baton.clock.now())
    headers = {"content-disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(lines, media_type=MEDIA_TYPE, headers=headers)


@router.get("/verify")
async def verify(view: View) -> dict[str, Any]:
    """Whether the whole chain holds: each row follows the one before, none was changed, none is gone. `rows` and `head`
    are the tenant's own."""
    return asdict(await view.baton.store.verify_audit(view.tenant))
