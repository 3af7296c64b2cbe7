"""user-service, profile-service and notification-service: what example X-1 calls."""

import httpx
import pytest

from tests.unit.demo.support import Control

USERS = "/user-service/api/users"
USER = {"username": "john_doe", "email": "john@example.com", "password_hash": "scrypt$x", "status": "pending"}


async def created(client: httpx.AsyncClient) -> str:
    response = await client.post(USERS, json=USER)
    assert response.status_code == 201
    return response.json()["id"]


async def test_a_user_is_created_shown_activated_and_deleted(client: httpx.AsyncClient, control: Control) -> None:
    user_id = await created(client)
    shown = (await client.get(f"{USERS}/{user_id}")).json()
    assert (shown["username"], shown["status"], shown["activation_date"]) == ("john_doe", "pending", None)

    active = (await client.put(f"{USERS}/{user_id}/activate")).json()
    assert active["status"] == "active"
    assert active["activation_date"] is not None
    assert (await client.put(f"{USERS}/{user_id}/activate")).json() == active

    assert [(await client.delete(f"{USERS}/{user_id}")).status_code for _ in range(2)] == [204, 204]
    assert (await client.get(f"{USERS}/{user_id}")).status_code == 404
    actions = [effect["action"] for effect in await control.effects()]
    assert actions == ["user.created", "user.activated", "user.deleted"]


async def test_a_password_hash_is_kept_and_never_shown(client: httpx.AsyncClient) -> None:
    user_id = await created(client)
    for response in (await client.get(f"{USERS}/{user_id}"), await client.get(USERS)):
        assert "password_hash" not in response.text
        assert "scrypt" not in response.text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"username": "other"}, "email_taken"),
        ({"username": "other", "email": "JOHN@example.com"}, "email_taken"),
        ({"email": "other@example.com"}, "username_taken"),
        ({"email": "other@example.com", "username": "John_Doe"}, "username_taken"),
    ],
)
async def test_a_taken_name_is_a_conflict(
    client: httpx.AsyncClient, control: Control, change: dict[str, str], code: str
) -> None:
    await created(client)
    response = await client.post(USERS, json=USER | change)
    assert response.status_code == 409
    assert response.json()["error"]["code"] == code
    assert len(await control.effects()) == 1


async def test_upsert_creates_once_and_then_updates(client: httpx.AsyncClient, control: Control) -> None:
    body = {"user_id": "u-7", "email": "john@example.com", "upsert": True}
    answers = [await client.post(USERS, json=body) for _ in range(2)]
    changed = await client.post(USERS, json=body | {"username": "johnny"})
    assert [answer.status_code for answer in answers] == [201, 200]
    assert (changed.json()["id"], changed.json()["username"]) == ("u-7", "johnny")
    assert [effect["action"] for effect in await control.effects()] == ["user.created", "user.updated"]


async def test_upsert_does_not_take_another_users_name(client: httpx.AsyncClient) -> None:
    await created(client)
    body = {"email": "jane@example.com", "username": "john_doe", "upsert": True}
    assert (await client.post(USERS, json=body)).status_code == 409


async def test_users_are_found_by_email(client: httpx.AsyncClient) -> None:
    user_id = await created(client)
    found = (await client.get(USERS, params={"email": "John@Example.com"})).json()
    assert [user["id"] for user in found["users"]] == [user_id]
    assert (await client.get(USERS, params={"email": "nobody@example.com"})).json()["count"] == 0


@pytest.mark.parametrize(
    ("rule", "value", "valid"),
    [
        ("unique_email", "new@example.com", True),
        ("unique_email", "John@example.com", False),
        ("unique_email", "no address", False),
        ("unique_email", None, False),
        ("unique_username", "new_name", True),
        ("unique_username", "john_doe", False),
    ],
)
async def test_a_rule_says_whether_a_value_is_free(
    client: httpx.AsyncClient, rule: str, value: object, valid: bool
) -> None:
    await created(client)
    response = await client.post(f"/user-service/api/validate/{rule}", json={"field": "it", "value": value})
    assert response.status_code == 200
    assert response.json()["valid"] is valid
    assert response.json()["message"].startswith("it is ")


async def test_an_unknown_rule_is_not_found(client: httpx.AsyncClient) -> None:
    response = await client.post("/user-service/api/validate/unique_shoe", json={"field": "shoe", "value": "x"})
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "No rule 'unique_shoe'. Known: unique_email, unique_username."


async def test_a_profile_belongs_to_one_user(client: httpx.AsyncClient) -> None:
    body = {"user_id": "usr_1", "profile_data": {"first_name": "John", "phone": "+1-555-0123"}}
    profile = (await client.post("/profile-service/api/profiles", json=body)).json()
    assert (await client.post("/profile-service/api/profiles", json=body)).status_code == 409
    assert (await client.get("/profile-service/api/profiles/user/usr_1")).json() == profile
    assert (await client.get(f"/profile-service/api/profiles/{profile['id']}")).json() == profile
    path = "/profile-service/api/profiles/user/usr_1"
    assert [(await client.delete(path)).status_code for _ in range(2)] == [204, 204]
    assert (await client.get(path)).status_code == 404


async def test_profile_data_may_be_missing(client: httpx.AsyncClient) -> None:
    body = {"user_id": "usr_1", "profile_data": None}
    assert (await client.post("/profile-service/api/profiles", json=body)).json()["profile_data"] == {}


async def test_the_link_of_the_welcome_email_verifies(client: httpx.AsyncClient, control: Control) -> None:
    body = {"to": "a@example.com", "template": "welcome_email", "variables": {"username": "john", "user_id": "usr_1"}}
    sent = await client.post("/notification-service/api/emails/send", json=body)
    assert (sent.status_code, sent.json()["status"], sent.json()["subject"]) == (201, "sent", "Welcome, john")
    [mail] = (await client.get("/notification-service/api/outbox", params={"to": "a@example.com"})).json()["messages"]
    assert mail["token"] not in sent.text
    assert mail["verification_link"] in mail["text"]
    assert (await client.get(mail["verification_link"])).json()["verified"] is False

    verified = [(await client.post(mail["verification_link"])).json() for _ in range(2)]
    assert verified[0] == verified[1]
    assert verified[0]["verified"] is True
    assert verified[0]["user_id"] == "usr_1"
    assert [effect["action"] for effect in await control.effects()] == ["email.sent", "email.verified"]


async def test_an_unknown_token_verifies_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.post("/notification-service/api/verify/guess")).status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"template": "welcom_email"}, "unknown_template"),
        ({"template": "welcome_email"}, "missing_variable"),
        ({}, "nothing_to_send"),
    ],
)
async def test_an_email_that_says_nothing_is_refused(
    client: httpx.AsyncClient, control: Control, body: dict[str, str], code: str
) -> None:
    response = await client.post("/notification-service/api/emails/send", json={"to": "a@example.com", **body})
    assert response.status_code == 422
    assert response.json()["error"]["code"] == code
    assert await control.effects() == []
    assert (await client.get("/notification-service/api/outbox")).json()["count"] == 0


async def test_notices_and_emails_share_the_outbox(client: httpx.AsyncClient) -> None:
    notice = {"user_id": "usr_1", "type": "account_activated", "message": "Your account is active."}
    assert (await client.post("/notification-service/api/notifications/send", json=notice)).status_code == 201
    email = {"to": "a@example.com", "template": "order_confirmation", "variables": {"order_id": "ORD-1"}}
    assert (await client.post("/notification-service/api/emails/send", json=email)).status_code == 201
    outbox = "/notification-service/api/outbox"
    assert (await client.get(outbox)).json()["count"] == 2
    assert (await client.get(outbox, params={"kind": "email"})).json()["messages"][0]["subject"] == "Your order ORD-1"
    assert (await client.get(outbox, params={"user_id": "usr_1"})).json()["messages"][0]["type"] == "account_activated"
