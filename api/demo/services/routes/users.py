"""user-service: accounts, and the rules that ask whether a name is still free."""

import re
from typing import Any, Literal

from pydantic import AliasChoices, Field

from api.demo.services.calls import (
    EMAIL_PATTERN,
    Answer,
    Body,
    Call,
    CallDep,
    EmailText,
    Refused,
    ServiceRouter,
    new_id,
)
from api.demo.services.store import Json, utc_now

HIDDEN = ("password_hash", "email_key", "username_key")


class NewUser(Body):
    id: str | None = Field(None, validation_alias=AliasChoices("id", "user_id"), min_length=1, max_length=100)
    username: str | None = Field(None, min_length=3, max_length=50)
    email: EmailText
    password_hash: str | None = None
    status: Literal["pending", "active"] = "pending"
    upsert: bool = False


class Value(Body):
    field: str = "value"
    value: Any = None


def router() -> ServiceRouter:
    routes = ServiceRouter("user-service")
    routes.serve("POST", "/api/users", create_user)
    routes.serve("GET", "/api/users", list_users)
    routes.serve("GET", "/api/users/{user_id}", get_user)
    routes.serve("PUT", "/api/users/{user_id}/activate", activate_user)
    routes.serve("DELETE", "/api/users/{user_id}", delete_user)
    routes.serve("POST", "/api/validate/{rule}", validate)
    return routes


def create_user(call: CallDep, body: NewUser) -> Answer:
    same = _owner(call, "email", body.email)
    if same is None and body.id is not None:
        same = call.get("user", body.id)
    if same is not None and not body.upsert:
        taken = "email" if same["email_key"] == body.email.casefold() else "id"
        raise Refused(409, f"{taken}_taken", f"A user with this {taken} exists already.", field=taken)
    namesake = _owner(call, "username", body.username) if body.username else None
    if namesake is not None and (same is None or namesake["id"] != same["id"]):
        raise Refused(409, "username_taken", "A user with this username exists already.", field="username")
    if same is not None:
        return _updated(call, same, body)
    user = {
        "id": body.id or new_id("usr"),
        **body.model_dump(exclude={"id", "upsert"}),
        **_keys(body.email, body.username),
        "created_at": utc_now(),
        "activation_date": utc_now() if body.status == "active" else None,
    }
    call.act("user.created", "user", user["id"], user)
    return Answer(201, _view(user))


def list_users(call: CallDep, email: str | None = None, username: str | None = None) -> Answer:
    if email is not None:
        users = call.find("user", "email_key", email.casefold())
    elif username is not None:
        users = call.find("user", "username_key", username.casefold())
    else:
        users = call.find("user")
    return Answer(200, {"users": [_view(user) for user in users], "count": len(users)})


def get_user(call: CallDep, user_id: str) -> Answer:
    return Answer(200, _view(call.need("user", user_id)))


def activate_user(call: CallDep, user_id: str) -> Answer:
    user = call.need("user", user_id)
    if user["status"] != "active":
        user |= {"status": "active", "activation_date": utc_now()}
        call.act("user.activated", "user", user_id, user)
    return Answer(200, _view(user))


def delete_user(call: CallDep, user_id: str) -> Answer:
    call.erase("user.deleted", "user", user_id)
    return Answer(204)


def validate(call: CallDep, rule: str, body: Value) -> Answer:
    fields = {"unique_email": "email", "unique_username": "username"}
    if rule not in fields:
        raise Refused(404, "unknown_rule", f"No rule '{rule}'. Known: {', '.join(fields)}.")
    value = body.value
    if not isinstance(value, str) or not value.strip():
        message = f"{body.field} is empty or not a text."
    elif rule == "unique_email" and not re.search(EMAIL_PATTERN, value.strip()):
        message = f"{body.field} is not an e-mail address."
    elif _owner(call, fields[rule], value) is not None:
        message = f"{body.field} is taken."
    else:
        return Answer(200, {"valid": True, "message": f"{body.field} is free."})
    return Answer(200, {"valid": False, "message": message})


def _owner(call: Call, field: str, value: str) -> Json | None:
    return next(iter(call.find("user", f"{field}_key", value.strip().casefold())), None)


def _keys(email: str, username: str | None) -> Json:
    """What makes two users the same: case does not."""
    return {"email_key": email.casefold(), "username_key": username.casefold() if username else None}


def _updated(call: Call, user: Json, body: NewUser) -> Answer:
    given = body.model_dump(exclude={"id", "upsert", "status"}, exclude_none=True)
    changed = user | given
    changed |= _keys(changed["email"], changed["username"])
    if changed != user:
        call.act("user.updated", "user", user["id"], changed)
    return Answer(200, _view(changed))


def _view(user: Json) -> Json:
    """A user as the service shows it: never with the password's hash."""
    return {field: value for field, value in user.items() if field not in HIDDEN}
