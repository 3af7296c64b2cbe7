"""An endpoint is a path that stays where the definition's author put it."""

import pytest

from agents.services.endpoints import check_endpoint
from agents.services.service_call import ServiceCall
from graphs.errors import StepError
from graphs.spec import Step


@pytest.mark.parametrize(
    "endpoint",
    ["/", "/api/users", "/api/users/42/activate", "/a b/ü", "/@x", "/a%2Fb", "/a..b/...", "/x/http://y", "/a;v=1"],
)
def test_paths_are_accepted(endpoint: str) -> None:
    assert check_endpoint(endpoint) == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "users",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:127.0.0.1]/",
        "http://0x7f.1/",
        "file:///etc/passwd",
        "https:evil.example",
        "//evil.example/x",
        "/\\evil.example/x",
        "\\\\evil.example",
        "/%2F/evil.example",
        "/%5cevil",
        "evil.example:80/x",
        "user:pw@evil.example/",
        "/users/../admin",
        "/users/..",
        "/users/%2e%2e/admin",
        "/users/%252e%252e/admin",
        "/users/..%2fadmin",
        "/users/..;x=1/admin",
        "/users/./x",
        "/users?admin=true",
        "/users#x",
        "/users\r\nHost: evil",
        "/users%0d%0aHost:%20evil",
        "/users\x00",
        "/users\x7f",
        "/\ud800",
        "/%25252525252e",
        "/" + "x" * 2000,
    ],
)
@pytest.mark.capability("I02")
def test_everything_else_is_refused(endpoint: str) -> None:
    with pytest.raises(StepError) as caught:
        check_endpoint(endpoint)
    assert (caught.value.code, caught.value.category) == ("endpoint_refused", "validation")
    assert caught.value.hint == "An endpoint is a path under the service's base URL, such as '/api/users'."


def test_the_message_says_what_is_wrong() -> None:
    with pytest.raises(StepError) as caught:
        check_endpoint("/users/../admin")
    assert str(caught.value) == (
        "endpoint '/users/../admin' leaves its path with '.' or '..'. "
        "An endpoint is a path under the service's base URL, such as '/api/users'."
    )


def test_a_written_endpoint_is_checked_with_the_definition() -> None:
    step = Step(name="a", config={"service": "s", "endpoint": "http://evil.example"})
    [problem] = ServiceCall().check(step)
    assert (problem.code, problem.where) == ("endpoint_refused", "config.endpoint")


def test_a_template_is_checked_when_it_runs() -> None:
    step = Step(name="a", config={"service": "s", "endpoint": "/users/{{ input.id }}"})
    assert list(ServiceCall().check(step)) == []
