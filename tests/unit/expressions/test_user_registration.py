"""The workflow of the first requirement document, every expression in it, as written there."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from graphs.errors import ExpressionError
from graphs.expressions import (
    ANY,
    EvaluationContext,
    Secret,
    check,
    mask,
    object_shape,
    parse_condition,
    parse_template,
    reveal,
    shape_from_schema,
)

SCOPE: dict[str, Any] = {
    "input": {
        "username": "john_doe",
        "email": "john@example.com",
        "password": "secure_password123",
        "profile_data": {"first_name": "John", "last_name": "Doe", "phone": "+1-555-0123"},
    },
    "steps": {
        "create_user_account": {"status": "completed", "completed": True, "output": {"user_id": "u-17"}},
        "create_user_profile": {"status": "completed", "completed": True, "output": {}},
    },
    "response": {"id": "u-17"},
}

PAYLOADS = [
    (
        {
            "username": "{{ input.username }}",
            "email": "{{ input.email }}",
            "status": "pending",
        },
        {"username": "john_doe", "email": "john@example.com", "status": "pending"},
    ),
    ({"user_id": "{{ response.id }}"}, {"user_id": "u-17"}),
    (
        {"user_id": "{{ steps.create_user_account.output.user_id }}", "profile_data": "{{ input.profile_data }}"},
        {"user_id": "u-17", "profile_data": SCOPE["input"]["profile_data"]},
    ),
    (
        {
            "to": "{{ input.email }}",
            "template": "welcome_email",
            "variables": {
                "username": "{{ input.username }}",
                "user_id": "{{ steps.create_user_account.output.user_id }}",
            },
        },
        {
            "to": "john@example.com",
            "template": "welcome_email",
            "variables": {"username": "john_doe", "user_id": "u-17"},
        },
    ),
    ({"user_id": "{{ steps.create_user_account.output.user_id }}"}, {"user_id": "u-17"}),
    ("/api/users/{{ steps.create_user_account.output.user_id }}/activate", "/api/users/u-17/activate"),
    (
        {
            "user_id": "{{ steps.create_user_account.output.user_id }}",
            "type": "account_activated",
            "message": "Your account has been successfully activated!",
        },
        {
            "user_id": "u-17",
            "type": "account_activated",
            "message": "Your account has been successfully activated!",
        },
    ),
    ("/api/users/{{ steps.create_user_account.output.user_id }}", "/api/users/u-17"),
    ("/api/profiles/user/{{ steps.create_user_account.output.user_id }}", "/api/profiles/user/u-17"),
]


@pytest.mark.capability("D13", "D14")
@pytest.mark.parametrize(("written", "meant"), PAYLOADS)
def test_payloads_endpoints_filters_and_outputs(written: Any, meant: Any) -> None:
    assert parse_template(written).render(SCOPE) == meant


@pytest.mark.capability("D13", "D14")
def test_the_condition_of_the_compensation() -> None:
    assert parse_condition("{{ steps.create_user_profile.completed }}").evaluate(SCOPE) is True


@pytest.mark.capability("D15")
def test_the_hash_of_an_ordinary_input_is_as_written() -> None:
    template = parse_template({"password_hash": "{{ hash(input.password) }}"})
    assert template.render(SCOPE) == {"password_hash": hashlib.sha256(b"secure_password123").hexdigest()}


@pytest.mark.capability("X12")
def test_the_hash_of_a_password_marked_secret_is_refused_and_the_better_one_is_named() -> None:
    scope = SCOPE | {"input": SCOPE["input"] | {"password": Secret("secure_password123")}}
    with pytest.raises(ExpressionError) as caught:
        parse_template({"password_hash": "{{ hash(input.password) }}"}).render(scope)
    assert str(caught.value) == "a plain hash of a secret is not allowed. For passwords use password_hash(x)."
    assert caught.value.details["path"] == "/password_hash"
    context = EvaluationContext(datetime(2026, 5, 1, tzinfo=UTC), "execution:create_user_account:1")
    found = parse_template({"password_hash": "{{ password_hash(input.password) }}"}).render(scope, context)
    assert mask(found) == {"password_hash": "***"}
    assert reveal(found)["password_hash"].startswith("$scrypt$ln=14,r=8,p=5$")


@pytest.mark.capability("D14")
def test_every_name_of_the_workflow_is_known_before_it_runs() -> None:
    schema = {
        "type": "object",
        "properties": {
            "username": {"type": "string", "minLength": 3, "maxLength": 50},
            "email": {"type": "string", "format": "email"},
            "password": {"type": "string", "minLength": 8},
            "profile_data": {"type": "object"},
        },
        "required": ["username", "email", "password"],
    }
    step = object_shape({"output": object_shape({"user_id": ANY}), "completed": ANY, "status": ANY})
    steps = object_shape({"create_user_account": step, "create_user_profile": step})
    shape = object_shape({"input": shape_from_schema(schema, closed=True), "steps": steps, "response": ANY})
    for written, _ in PAYLOADS:
        assert check(parse_template(written), shape) == []
    typo = parse_template("/api/users/{{ steps.create_user_acount.output.user_id }}")
    assert [finding.hint for finding in check(typo, shape)] == ["Did you mean 'create_user_account'?"]
