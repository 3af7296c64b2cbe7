"""`validation`: everything wrong is told at once, and never tried again."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import ValidationError

from agents.services.services import Services
from agents.validation import Validation, ValidationConfig, find
from graphs.errors import StepError
from graphs.expressions import Secret
from graphs.spec import Step
from graphs.steps import StepContext

from .conftest import Server

Make = Callable[..., StepContext]


@pytest.fixture
async def services(server: Server) -> AsyncIterator[Services]:
    services = Services.from_mapping({"user-service": server.url})
    yield services
    await services.aclose()


@pytest.fixture
def judge(services: Services, make_context: Make) -> Callable[..., Any]:
    async def run(value: Any, *rules: dict[str, Any]) -> Any:
        config = ValidationConfig.model_validate({"validation_rules": rules})
        return await Validation().run(make_context(services, input=value), config)

    return run


@pytest.mark.capability("I03", "T02", "Y08", "M17", "A34")
async def test_the_requirements_rules_pass(judge: Any, server: Server) -> None:
    response = await judge(
        {"email": "ann@example.com", "username": "ann"},
        {"field": "email", "rule": "unique_email", "service": "user-service"},
        {"field": "username", "rule": "unique_username", "service": "user-service", "params": {"case": "ignore"}},
    )
    assert response == {"validation_result": "passed", "checked": 2}
    asked = {seen["path"]: seen for seen in server.seen.requests}
    assert json.loads(asked["/api/validate/unique_email"]["body"]) == {"field": "email", "value": "ann@example.com"}
    assert json.loads(asked["/api/validate/unique_username"]["body"]) == {
        "field": "username",
        "value": "ann",
        "case": "ignore",
    }


async def test_each_rule_has_an_idempotency_key_of_its_own(judge: Any, server: Server) -> None:
    rule = {"field": "email", "rule": "unique_email", "service": "user-service"}
    await judge({"email": "a@b.cd"}, rule, rule)
    keys = {seen["headers"]["idempotency-key"] for seen in server.seen.requests}
    assert keys == {"exec-1:orders[3].charge:0:0", "exec-1:orders[3].charge:0:1"}


@pytest.mark.capability("X13", "E26", "D12")
async def test_all_failures_are_told_at_once_and_never_retried(judge: Any) -> None:
    with pytest.raises(StepError) as caught:
        await judge(
            {"email": "taken@example.com", "age": 12, "address": {"city": ""}},
            {"field": "email", "rule": "unique_email", "service": "user-service"},
            {"field": "age", "rule": "range", "min": 18, "max": 99},
            {"field": "address.city", "rule": "required", "message": "Tell us the city"},
            {"field": "email", "rule": "email"},
        )
    error = caught.value
    assert str(error) == (
        "email does not fit rule 'unique_email' of user-service: already taken; age is less than 18; Tell us the city."
    )
    assert (error.code, error.category, error.retryable) == ("validation_failed", "validation", False)
    assert [(one["field"], one["rule"]) for one in error.details["failures"]] == [
        ("email", "unique_email"),
        ("age", "range"),
        ("address.city", "required"),
    ]


@pytest.mark.parametrize(
    ("rule", "good", "bad", "problem"),
    [
        ({"rule": "required"}, 0, None, "is missing"),
        ({"rule": "email"}, "a.b+c@ex-ample.co.uk", "a@b", "is not an e-mail address"),
        ({"rule": "email"}, "a@b.cd", "a b@c.de", "is not an e-mail address"),
        ({"rule": "uri"}, "https://x.y/z", "not a uri", "is not a URI such as https://example.com/a"),
        ({"rule": "uuid"}, "123e4567-e89b-12d3-a456-426614174000", "123", "is not a UUID"),
        ({"rule": "date"}, "2026-02-28", "2026-02-30", "is not a date such as 2026-01-31"),
        (
            {"rule": "date-time"},
            "2026-02-28T10:00:00Z",
            "2026-02-28",
            "is not a date and time such as 2026-01-31T12:00:00Z",
        ),
        ({"rule": "ipv4"}, "10.0.0.1", "10.0.0.256", "is not an IPv4 address"),
        ({"rule": "min_length", "min": 3}, "abc", "ab", "has 2 characters and needs at least 3"),
        ({"rule": "max_length", "max": 2}, [1, 2], [1, 2, 3], "has 3 entries and may have at most 2"),
        ({"rule": "length", "max": 2}, "ab", 5, "has no length: it is neither a text, a list nor an object"),
        ({"rule": "min", "min": 1.5}, 1.5, 1, "is less than 1.5"),
        ({"rule": "max", "max": 3}, 3, 4, "is more than 3"),
        ({"rule": "range", "max": 3}, -1, True, "is not a number"),
        ({"rule": "pattern", "pattern": "^[a-z]+$"}, "abc", "Abc", "does not match '^[a-z]+$'"),
        ({"rule": "pattern", "pattern": "b"}, "abc", 5, "is not a text"),
        ({"rule": "one_of", "options": ["a", 1]}, 1, True, "is none of a, 1"),
        (
            {"rule": "schema", "schema": {"type": "object", "required": ["a"], "properties": {"a": {"pattern": "^x"}}}},
            {"a": "xy"},
            {"a": "y"},
            "does not fit its schema: value.a: 'y' does not match '^x'",
        ),
    ],
)
async def test_local_rules(judge: Any, rule: dict[str, Any], good: Any, bad: Any, problem: str) -> None:
    rule = {"field": "f", **rule}
    assert (await judge({"f": good}, rule))["validation_result"] == "passed"
    with pytest.raises(StepError) as caught:
        await judge({"f": bad}, rule)
    assert caught.value.message == f"f {problem}."


async def test_what_is_absent_is_only_for_required_to_say(judge: Any) -> None:
    await judge({}, {"field": "email", "rule": "email"}, {"field": "age", "rule": "min", "min": 1})


async def test_a_value_of_its_own_is_checked_in_place_of_the_fields(judge: Any) -> None:
    with pytest.raises(StepError, match="total is more than 10"):
        await judge({"total": 1}, {"field": "total", "rule": "max", "max": 10, "value": 11})


async def test_a_hostile_pattern_cannot_stop_the_process(judge: Any) -> None:
    with pytest.raises(StepError, match="does not match"):
        await judge({"f": "a" * 50_000 + "!"}, {"field": "f", "rule": "pattern", "pattern": "^(a+)+$"})
    with pytest.raises(StepError, match=r"does not match '\^\(a\|a\)\*\$'"):
        await judge({"f": "a" * 50_000 + "!"}, {"field": "f", "rule": "schema", "schema": {"pattern": "^(a|a)*$"}})


@pytest.mark.capability("I25")
async def test_a_secret_is_checked_and_not_told(judge: Any) -> None:
    with pytest.raises(StepError) as caught:
        await judge(
            {"password": Secret("pw-12")},
            {"field": "password", "rule": "schema", "schema": {"minLength": 8}},
            {"field": "password", "rule": "min_length", "min": 8},
        )
    assert caught.value.message == (
        "password does not fit its schema: value: the value is too short; the limit is 8; "
        "password does not have the length it needs."
    )


async def test_a_service_that_fails_is_no_verdict(judge: Any) -> None:
    with pytest.raises(StepError) as caught:
        await judge(
            {"email": "taken"},
            {"field": "email", "rule": "unique", "service": "user-service"},
            {"field": "email", "rule": "down", "service": "user-service"},
        )
    assert caught.value.category == "dependency"
    with pytest.raises(StepError) as caught:
        await judge({"email": "x"}, {"field": "email", "rule": "broken", "service": "user-service"})
    assert str(caught.value) == (
        "POST user-service/api/validate/broken did not say whether 'email' is valid. "
        'A rule\'s service answers {"valid": true or false, "message": "why not"}.'
    )


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"rule": "emial"}, "there is no rule 'emial': did you mean 'email'?"),
        ({"rule": "unique_email"}, "name the 'service' that knows it, or use one of date, date-time"),
        ({"rule": "min_length"}, "rule 'min_length' needs 'min'"),
        ({"rule": "range"}, "rule 'range' needs 'min' or 'max'"),
        ({"rule": "../admin", "service": "s"}, "becomes part of a path"),
        ({"rule": "required", "fild": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ValidationConfig.model_validate({"validation_rules": [{"field": "f", **rule}]})


def test_a_pattern_that_needs_looking_around_is_refused_with_the_definition() -> None:
    rules = [{"field": "f", "rule": "pattern", "pattern": "(?=a)b"}]
    [problem] = Validation().check(Step(name="a", type="validation", config={"validation_rules": rules}))
    assert str(problem) == (
        "the pattern '(?=a)b' cannot be used: look-around, including look-ahead and look-behind, is not supported. "
        "Look-around and back-references are not known; write several patterns instead."
    )
    assert (problem.code, problem.where) == ("pattern_invalid", "config.validation_rules[0].pattern")


def test_a_schema_that_is_none_is_told() -> None:
    assert find({"a": [{"b": 1}]}, "a[0].b") == 1
    assert find({"a": [{"b": 1}]}, "a[1].b") is None
    assert find({"a": 1}, "a.b") is None


async def test_a_false_schema_is_told(judge: Any) -> None:
    with pytest.raises(StepError) as caught:
        await judge({"f": 1}, {"field": "f", "rule": "schema", "schema": {"type": "nonsense"}})
    assert caught.value.code == "schema_invalid"
    assert caught.value.message == "the JSON Schema cannot be used: 'nonsense' is no type of JSON (at type)."


def test_the_limit_is_the_one_services() -> None:
    rules = [{"field": "f", "rule": "r", "service": "s"}, {"field": "f", "rule": "required"}]
    assert Validation().limit(ValidationConfig.model_validate({"validation_rules": rules})) == "s"
    two = [*rules, {"field": "f", "rule": "r", "service": "t"}]
    assert Validation().limit(ValidationConfig.model_validate({"validation_rules": two})) is None
