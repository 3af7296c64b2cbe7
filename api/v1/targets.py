"""Targets of webhooks: who outside is told what happens."""

import uuid
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Path
from pydantic import AfterValidator, Field

from api.security import Right, needs
from api.v1.common import Body, Name, View
from api.v1.run_webhooks import Sends
from graphs.state import ExecutionStatus
from orchestrator.store.port import Target
from orchestrator.store.targets import no_target
from orchestrator.tenancy import TenantView
from orchestrator.webhooks.signing import new_secret

router = APIRouter(prefix="/v1/webhook-targets", tags=["events"], dependencies=[needs(Right.ADMIN)])

_ENDS: Final = [f"execution.{status}" for status in ExecutionStatus if status.final]
TargetId = Annotated[str, Path(max_length=100, description="The target's id.")]


def _is_a_place(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("it is no URL such as 'https://example.com/hook' (without a user and a password)")
    return url


class TargetBody(Body):
    """Where to, and which kinds of records (`step.failed`); without any, how executions end."""

    url: Annotated[str, Field(max_length=2000), AfterValidator(_is_a_place)]
    kinds: list[Name] = Field(default=_ENDS, min_length=1, max_length=50)


class AgainBody(Body):
    """After which record (`seq`) to begin again."""

    after: int = Field(ge=0, le=2**53)


@router.post("", status_code=201)
async def add(body: TargetBody, view: View, outbound: Sends) -> dict[str, Any]:
    """Make a target of webhooks. It is told what happens from now on; the secret it checks with is shown here only."""
    secret = new_secret()
    target = Target(
        id=uuid.uuid4().hex,
        tenant=view.tenant,
        url=body.url,
        kinds=tuple(dict.fromkeys(body.kinds)),
        secret=view.baton.catalogue.cipher().encrypt(secret),
        created_at=view.baton.clock.now(),
        created_by=view.by,
    )
    await view.baton.store.add_target(target)
    outbound.wake()
    return _document(_own(view, target.id)) | {"secret": secret}


@router.get("")
async def list_targets(view: View) -> dict[str, Any]:
    """The tenant's targets: up to which record they were told, and what is wrong."""
    return {"targets": [_document(one) for one in await view.baton.store.targets(view.tenant)]}


@router.get("/{target_id}")
async def show(target_id: TargetId, view: View) -> dict[str, Any]:
    """A target, and the records it could not be told after many attempts."""
    untold = await view.baton.store.untold(_own(view, target_id).id)
    aside = [{"seq": one.seq, "error": one.error, "given_up_at": one.given_up_at} for one in untold]
    return _document(_own(view, target_id)) | {"untold": aside}


@router.post("/{target_id}/replay", status_code=202)
async def replay(target_id: TargetId, body: AgainBody, view: View, outbound: Sends) -> dict[str, Any]:
    """Tell a target again everything after a record, what could not be told among it."""
    await view.baton.store.tell_again(_own(view, target_id).id, body.after)
    outbound.wake()
    return _document(_own(view, target_id))


@router.delete("/{target_id}", status_code=204)
async def remove(target_id: TargetId, view: View) -> None:
    """Remove a target: it is told nothing any more."""
    await view.baton.store.remove_target(target_id, view.tenant)


def _own(view: TenantView, target_id: str) -> Target:
    target = view.baton.store.target(target_id)
    if target is None or target.tenant != view.tenant:
        raise no_target(target_id)
    return target


def _document(target: Target) -> dict[str, Any]:
    names = ("id", "url", "kinds", "told", "failures", "next_at", "error", "created_at", "created_by")
    return {name: getattr(target, name) for name in names}
