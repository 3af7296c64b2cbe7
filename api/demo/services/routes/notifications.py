"""notification-service: e-mails and notices go into an outbox; a person clicks the link of the welcome e-mail."""

import secrets
from string import Template
from typing import Any

from pydantic import Field

from api.demo.services.calls import Answer, Body, Call, CallDep, EmailText, Refused, ServiceRouter, new_id
from api.demo.services.store import Json, utc_now

WELCOME = "welcome_email"
# Name: (subject, text). `$verification_link` is the service's own; every other name must be among the variables.
TEMPLATES = {
    WELCOME: ("Welcome, $username", "Hello $username,\n\nplease confirm this address:\n$verification_link\n"),
    "order_confirmation": ("Your order $order_id", "Thank you. Your order $order_id is being prepared.\n"),
    "order_delayed": ("Your order $order_id is delayed", "We are sorry: order $order_id takes longer.\n"),
    "payment_failed": ("Payment for order $order_id", "We could not charge order $order_id: $reason\n"),
    "approval_request": ("$title needs your decision", "$title\n\n$details\n"),
    "report_ready": ("Report for $patient_id", "The report for $patient_id is ready.\n"),
}


class Email(Body):
    to: EmailText
    template: str | None = None
    subject: str | None = Field(None, description="Needed where there is no template; in place of its subject else")
    body: str | None = None
    variables: dict[str, Any] = Field(default_factory=dict)


class Notification(Body):
    user_id: str = Field(min_length=1)
    type: str = Field(min_length=1)
    message: str = Field(min_length=1)


def router() -> ServiceRouter:
    routes = ServiceRouter("notification-service")
    routes.serve("POST", "/api/emails/send", send_email)
    routes.serve("POST", "/api/notifications/send", send_notification)
    routes.serve("GET", "/api/outbox", outbox)
    routes.serve("GET", "/api/verify/{token}", verification)
    routes.serve("POST", "/api/verify/{token}", verify)
    return routes


def send_email(call: CallDep, body: Email) -> Answer:
    message: Json = {"id": new_id("eml"), "kind": "email", "to": body.to, "template": body.template}
    variables = dict(body.variables)
    if body.template == WELCOME:
        message |= _verification(call, body)
        variables["verification_link"] = message["verification_link"]
    subject, text = _rendered(body, variables)
    message |= {"user_id": variables.get("user_id"), "subject": subject, "text": text, "sent_at": utc_now()}
    call.act("email.sent", "message", message["id"], message)
    # The token goes to the person only: whoever called would keep it in places where it does not belong.
    shown = ("id", "to", "template", "subject", "sent_at")
    return Answer(201, {"status": "sent", **{field: message[field] for field in shown}})


def send_notification(call: CallDep, body: Notification) -> Answer:
    message = {"id": new_id("ntf"), "kind": "notification", **body.model_dump(), "sent_at": utc_now()}
    call.act("notification.sent", "message", message["id"], message)
    return Answer(201, {"status": "sent", **message})


def outbox(
    call: CallDep,
    to: str | None = None,
    user_id: str | None = None,
    kind: str | None = None,
    template: str | None = None,
) -> Answer:
    wanted = {"to": to, "user_id": user_id, "kind": kind, "template": template}
    given = {field: value for field, value in wanted.items() if value is not None}
    messages = call.find("message", "user_id", user_id) if user_id is not None else call.find("message")
    found = [message for message in messages if all(message.get(field) == value for field, value in given.items())]
    return Answer(200, {"messages": found, "count": len(found)})


def verification(call: CallDep, token: str) -> Answer:
    return Answer(200, _verification_view(call.need("verification", token)))


def verify(call: CallDep, token: str) -> Answer:
    asked = call.need("verification", token)
    if asked["verified_at"] is None:
        asked |= {"verified_at": utc_now()}
        call.act("email.verified", "verification", token, asked)
    return Answer(200, _verification_view(asked))


def _verification(call: Call, body: Email) -> Json:
    """A token that a person will bring back, and the link that carries it."""
    token = secrets.token_urlsafe(18)
    asked = {"user_id": body.variables.get("user_id"), "email": body.to, "verified_at": None}
    call.put("verification", token, asked)
    return {"token": token, "verification_link": f"{call.service_url}/api/verify/{token}"}


def _verification_view(asked: Json) -> Json:
    return {"verified": asked["verified_at"] is not None, **asked}


def _rendered(body: Email, variables: Json) -> tuple[str, str]:
    if body.template is None:
        if not body.subject or not body.body:
            raise Refused(422, "nothing_to_send", "An e-mail needs a template, or a subject and a body.")
        return body.subject, body.body
    if body.template not in TEMPLATES:
        known = sorted(TEMPLATES)
        raise Refused(422, "unknown_template", f"No template '{body.template}'. Known: {', '.join(known)}.")
    subject, text = TEMPLATES[body.template]
    try:
        return body.subject or Template(subject).substitute(variables), Template(text).substitute(variables)
    except KeyError as missing:
        name = missing.args[0]
        raise Refused(422, "missing_variable", f"Template '{body.template}' needs the variable '{name}'.") from None
