"""profile-service: what a user tells about himself."""

from typing import Any

from pydantic import Field

from api.demo.services.calls import Answer, Body, CallDep, Refused, ServiceRouter, new_id
from api.demo.services.store import Json, utc_now


class NewProfile(Body):
    user_id: str = Field(min_length=1)
    profile_data: dict[str, Any] | None = None


def router() -> ServiceRouter:
    routes = ServiceRouter("profile-service")
    routes.serve("POST", "/api/profiles", create_profile)
    routes.serve("GET", "/api/profiles/{profile_id}", get_profile)
    routes.serve("DELETE", "/api/profiles/{profile_id}", delete_profile)
    routes.serve("GET", "/api/profiles/user/{user_id}", get_profile_of_user)
    routes.serve("DELETE", "/api/profiles/user/{user_id}", delete_profile_of_user)
    return routes


def create_profile(call: CallDep, body: NewProfile) -> Answer:
    if call.find("profile", "user_id", body.user_id):
        raise Refused(409, "profile_exists", f"User '{body.user_id}' has a profile already.")
    profile: Json = {
        "id": new_id("prf"),
        "user_id": body.user_id,
        "profile_data": body.profile_data or {},
        "created_at": utc_now(),
    }
    call.act("profile.created", "profile", profile["id"], profile)
    return Answer(201, profile)


def get_profile(call: CallDep, profile_id: str) -> Answer:
    return Answer(200, call.need("profile", profile_id))


def delete_profile(call: CallDep, profile_id: str) -> Answer:
    call.erase("profile.deleted", "profile", profile_id)
    return Answer(204)


def get_profile_of_user(call: CallDep, user_id: str) -> Answer:
    profiles = call.find("profile", "user_id", user_id)
    if not profiles:
        raise Refused(404, "profile_not_found", f"User '{user_id}' has no profile.")
    return Answer(200, profiles[0])


def delete_profile_of_user(call: CallDep, user_id: str) -> Answer:
    for profile in call.find("profile", "user_id", user_id):
        call.erase("profile.deleted", "profile", profile["id"])
    return Answer(204)
