"""Links to what graphs of users' own ask: shown by GET, answered by POST only, once."""

from datetime import datetime, timedelta
from html import escape
from typing import Annotated, Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter
from fastapi import Path as PathParameter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.gateway import Gateway, gateway_of
from api.security import Principal, everybodys
from api.v1.links import PageRoute, as_page, refuse_without_key
from api.wire.callers import caller_of
from graphs.errors import ConflictError, InputError, NotAllowedError, StoreError
from orchestrator.approvals.values import Person
from orchestrator.chat.questions import Question, answers, wording
from orchestrator.serving.served import Caller
from orchestrator.serving.wanted import Wanted
from orchestrator.store.served.values import Thread

router = APIRouter(prefix="/v1/questions", tags=["approvals"], dependencies=[everybodys()], route_class=PageRoute)

_USE: Final = "question-link"
_LASTS: Final = timedelta(days=3)
Token = Annotated[str, PathParameter(max_length=4000, description="The link's last part.")]
_FORM: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
            }
        },
    }
}


def question_link(at: Gateway, thread_id: str, interrupt_id: str, who: Principal, request: Request) -> str:
    """Where whoever holds the link answers a question in somebody's place: sealed, so that nobody can make one."""
    by = caller_of(who)
    said = {
        "use": _USE,
        "tenant": by.tenant,
        "thread_id": thread_id,
        "interrupt_id": interrupt_id,
        "name": by.person.name,
        "decides": by.decides,
        "key": who.key,
        "until": (at.orchestrator.clock.now() + _LASTS).isoformat(),
    }
    token = at.orchestrator.catalogue.cipher().encrypt(said).decode()
    return f"{(at.settings.public_url or str(request.base_url)).rstrip('/')}/v1/questions/{token}"


@router.get("/{token}", response_class=HTMLResponse)
async def look(token: Token, request: Request) -> HTMLResponse:
    """What is asked, and a form to answer it. Looking answers nothing, however often a scanner does it."""
    said = _opened(gateway_of(request), token)
    _, question = await _asked(gateway_of(request), said)
    if question is None:
        return as_page("<h1>This is over.</h1><p>It was answered, or is not asked any more.</p>")
    form = '<form method="post"><p><label>Answer<br><textarea name="text" rows="3"></textarea></label></p>'
    return as_page(f"<pre>{escape(wording([question]))}</pre>{form}<p><button>Send</button></p></form>")


@router.post("/{token}", response_class=HTMLResponse, openapi_extra=_FORM)
async def use(token: Token, request: Request) -> HTMLResponse:
    """Answer by a link, once. 409 when it was answered, or is not asked any more."""
    gateway = gateway_of(request)
    said = _opened(gateway, token)
    text = _text(await request.body())
    thread, question = await _asked(gateway, said)
    if question is None:
        raise ConflictError("This was answered, or is not asked any more.", code="nothing_asked")
    values = answers([question], text)
    if values is None:
        raise InputError("That is no answer to what is asked.", hint="Go back and read it.", code="answer_unfit")
    person = Person(said["name"], frozenset() if said["name"] is not None else None)
    by = Caller(person=person, tenant=said["tenant"], decides=said["decides"], redrives=False)
    assistant = str(thread.metadata.get("assistant_id") or thread.metadata.get("graph_id"))
    request_body = {"command": {"resume": values}}
    await gateway.desk.put(Wanted(assistant=assistant, by=by, thread_id=thread.id, request=request_body))
    return as_page("<h1>Thank you. It goes on.</h1><p>You may close this page.</p>")


def _opened(gateway: Gateway, token: str) -> dict[str, Any]:
    try:
        said: dict[str, Any] = gateway.orchestrator.catalogue.cipher().decrypt(token.encode())
    except (StoreError, ValueError, TypeError):
        said = {}
    if not isinstance(said, dict) or said.get("use") != _USE:
        raise NotAllowedError("This link is not valid.", hint="Use it whole, as it was sent.", code="link_not_valid")
    if datetime.fromisoformat(said["until"]) <= gateway.orchestrator.clock.now():
        raise NotAllowedError("The time of this link is over.", hint="Ask for a new one.", code="link_expired")
    refuse_without_key(gateway.orchestrator, said.get("key"))
    return said


async def _asked(gateway: Gateway, said: dict[str, Any]) -> tuple[Thread, Question | None]:
    thread = await gateway.desk.threads.get(said["thread_id"], said["tenant"])
    asked = [each for group in thread.interrupts.values() for each in group if each["id"] == said["interrupt_id"]]
    return thread, Question(asked[0]["id"], asked[0]["value"]) if asked else None


def _text(body: bytes) -> str:
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=10, strict_parsing=True)
    except ValueError:
        raise InputError("The form cannot be read.", code="form_wrong") from None
    return fields.get("text", [""])[0][:10_000].replace("\x00", "")
