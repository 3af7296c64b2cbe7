"""Links that decide once: made for mail and chat, shown by GET, decided by POST only."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from html import escape
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter
from fastapi import Path as PathParameter
from fastapi.routing import APIRoute
from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.gateway import Gateway, gateway_of
from api.security import Right, everybodys, needs
from api.security.keys import NotAuthenticatedError, refuse_ended
from api.v1.approvals import StepPath, check_theirs
from api.v1.common import Body, ExecutionId, Name, View, Who
from graphs.errors import InputError, NotAllowedError
from orchestrator.approvals.links import Link, Links
from orchestrator.approvals.rules import Given
from orchestrator.approvals.values import Approval, Decision, Person
from orchestrator.engine import Orchestrator


class PageRoute(APIRoute):
    """A route that people follow in a browser."""

    @staticmethod
    def page(document: Mapping[str, Any]) -> HTMLResponse:
        """An error as a page."""
        return as_page(f"<h1>{escape(document['title'])}</h1><p>{escape(document['detail'])}</p>", document["status"])


router = APIRouter(prefix="/v1", tags=["approvals"], route_class=PageRoute)

_DAY: Final = 86_400
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_WORDS: Final[dict[Decision, str]] = {"approve": "Approve", "reject": "Reject", "respond": "Answer"}
Token = Annotated[str, PathParameter(max_length=4000, description="The link's last part.")]


class LinkBody(Body):
    """Whom the link is for, and how long it lasts.

    Without `name`, it is for whoever asks; for another, only an administrator makes one.
    """

    name: Name | None = None
    groups: list[Name] = Field(default_factory=list, max_length=100)
    seconds: int = Field(default=3 * _DAY, ge=60, le=30 * _DAY)


@router.post("/approvals/{execution_id}/{path}/links", status_code=201, dependencies=[needs(Right.DECIDE)])
async def make(
    execution_id: ExecutionId, path: StepPath, body: LinkBody, view: View, who: Who, request: Request
) -> dict[str, Any]:
    """Make a link that decides this approval once, bound to what it asks now."""
    approval = await check_theirs(view, who, execution_id, path)
    name = body.name or who.name
    if name is None:
        raise InputError("Say whom the link is for: 'name'.", code="nobody_named")
    groups = frozenset(body.groups)
    if Right.ADMIN not in who.rights and (name != who.name or not groups <= (who.groups or frozenset())):
        raise NotAllowedError(
            "A link for another, or for groups that are not one's own, needs the right 'admin'.",
            code="not_yourself",
        )
    if name == who.name and not groups:
        groups = who.groups or frozenset()
    made = link_for(gateway_of(request), approval, Person(name, groups), request, seconds=body.seconds, key=who.key)
    return {"url": made.url, "name": made.link.name, "expires_at": made.link.expires_at}


class Made(NamedTuple):
    """A link that was made."""

    url: str
    link: Link


def link_for(
    at: Gateway, approval: Approval, person: Person, request: Request, *, seconds: int = 3 * _DAY, key: str | None
) -> Made:
    """A link by which somebody decides an approval once, bound to what it asks now, and to the key it is made with."""
    groups = person.groups or frozenset()
    token, link = _links(at.orchestrator).make(approval, person.name or "", groups, timedelta(seconds=seconds), key=key)
    base = at.settings.public_url or str(request.base_url)
    return Made(f"{base.rstrip('/')}/v1/links/{token}", link)


@router.get("/links/{token}", dependencies=[everybodys()], response_class=HTMLResponse)
async def look(token: Token, request: Request) -> HTMLResponse:
    """What is asked, and a form to answer it. Looking decides nothing, however often a scanner does it."""
    baton = gateway_of(request).orchestrator
    link = _opened(baton, token)
    approval = await baton.inbox.get(link.execution_id, link.path)
    return as_page(_asked(approval, link))


@router.post(
    "/links/{token}",
    dependencies=[everybodys()],
    response_class=HTMLResponse,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["decision"],
                        "properties": {
                            "decision": {"type": "string", "enum": list(_WORDS)},
                            "text": {"type": "string"},
                        },
                    }
                }
            },
        }
    },
)
async def use(token: Token, request: Request) -> HTMLResponse:
    """Decide by a link, once. 409 when it was used, or when what is asked has changed."""
    baton = gateway_of(request).orchestrator
    link = _opened(baton, token)
    decision, text = _form(await request.body())
    given = Given(
        decision=decision,
        data=text if decision == "respond" else None,
        reason=None if decision == "respond" else text or None,
        digest=link.digest,
    )
    wait = await baton.inbox.decide(link.execution_id, link.path, link.person, given, link=(link.id, link.ends))
    settled = "Thank you. It is decided." if wait.status == "answered" else "Thank you. More people have to agree."
    return as_page(f"<h1>{settled}</h1><p>You may close this page.</p>")


def refuse_without_key(baton: Orchestrator, key_id: str | None) -> None:
    """Refuse a link whose key is gone: whoever had it is to decide nothing any more.

    Raises:
        NotAllowedError: the key that it was made with was revoked, or has expired.
    """
    key = None if key_id is None else baton.store.key(key_id)
    with suppress(NotAuthenticatedError):
        if key is not None:
            refuse_ended(key, baton.clock.now())
        if key is not None or key_id is None:
            return
    raise NotAllowedError(
        "The key that this link was made with has ended.", hint="Ask for a new one.", code="link_expired"
    )


def _opened(baton: Orchestrator, token: str) -> Link:
    link = _links(baton).open(token)
    refuse_without_key(baton, link.key)
    return link


def _links(baton: Orchestrator) -> Links:
    return Links(baton.catalogue.cipher, baton.clock.now)


def _form(body: bytes) -> tuple[Decision, str]:
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=10, strict_parsing=True)
    except ValueError:
        raise InputError("The form cannot be read.", code="form_wrong") from None
    decision, text = fields.get("decision", [""])[0], fields.get("text", [""])[0]
    for known in _WORDS:
        if decision == known:
            return known, text[:10_000].replace("\x00", "")
    raise InputError(f"'{decision[:50]}' is no decision.", hint=f"Decide {', '.join(_WORDS)}.", code="decision_unknown")


def _asked(approval: Approval, link: Link) -> str:
    question = approval.wait.wait.question
    message = escape(str(question.get("message") or ""))
    if approval.wait.status != "open":
        return f"<h1>{message}</h1><p>This is over: {escape(approval.wait.status)}.</p>"
    if approval.digest != link.digest:
        return f"<h1>{message}</h1><p>What is asked has changed since this link was made. Ask for a new one.</p>"
    payload = question.get("payload")
    shown = orjson.dumps(payload, option=orjson.OPT_INDENT_2, default=str).decode() if payload is not None else ""
    allowed = question.get("allow") or list(_WORDS)
    buttons = " ".join(
        f'<button name="decision" value="{name}">{word}</button>' for name, word in _WORDS.items() if name in allowed
    )
    return (
        f"<h1>{message}</h1>"
        f"<p>{escape(approval.workflow)}, step {escape(approval.wait.path)}. You decide as {escape(link.name)}.</p>"
        + (f"<pre>{escape(shown)}</pre>" if shown else "")
        + f'<form method="post"><p><label>Reason or answer<br><textarea name="text" rows="3"></textarea></label></p>'
        f"<p>{buttons}</p></form>"
    )


def as_page(body: str, status: int = 200) -> HTMLResponse:
    """A page that no other page can frame, and that loads nothing."""
    style = "body{font:16px system-ui;max-width:40em;margin:3em auto;padding:0 1em}pre{background:#f4f4f4;padding:1em}"
    style += "textarea{width:100%}button{font:inherit;padding:.4em 1em}pre{white-space:pre-wrap;word-break:break-word}"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{style}</style>'
    return HTMLResponse(f"<!doctype html><title>A question</title>{head}{body}", status, _HEADERS)
