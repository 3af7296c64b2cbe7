"""`service_call` against a real server on loopback."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import ValidationError

from agents.services.service_call import ServiceCall, ServiceCallConfig
from agents.services.services import Service, Services
from graphs.clock import ManualClock
from graphs.errors import NotFoundError, SettingsError, StepError
from graphs.expressions import Secret
from graphs.steps import StepContext

from .conftest import Server

Make = Callable[..., StepContext]
Call = Callable[..., Any]


@pytest.fixture
async def services(server: Server, clock: ManualClock) -> AsyncIterator[Services]:
    services = Services.from_mapping(
        {
            "user-service": server.url,
            "prefixed": {"base_url": f"{server.url}/echo/v1/", "headers": {"X-Team": "shop"}},
            "small": {"base_url": server.url, "max_response_bytes": 1000},
            "keyed": {"base_url": server.url, "headers": {"Authorization": Secret("Bearer s3cr3t-token")}},
        },
        clock=clock,
    )
    yield services
    await services.aclose()


@pytest.fixture
def call(services: Services, make_context: Make) -> Call:
    async def run(**config: Any) -> Any:
        values = {"service": "user-service", "endpoint": "/echo/x", **config}
        return await ServiceCall().run(make_context(services), ServiceCallConfig.model_validate(values))

    return run


@pytest.mark.capability("I01", "I02", "T01", "Y07")
async def test_a_get_asks_under_the_services_url_and_gives_the_body(call: Call, server: Server) -> None:
    answer = await call(endpoint="/echo/users")
    assert answer["method"] == "GET"
    assert answer["path"] == "/echo/users"
    assert server.seen.last["body"] == ""


async def test_the_base_urls_path_and_headers_are_kept(call: Call) -> None:
    answer = await call(service="prefixed", endpoint="/users", headers={"X-Own": "1"})
    assert answer["path"] == "/echo/v1/users"
    assert answer["headers"]["x-team"] == "shop"
    assert answer["headers"]["x-own"] == "1"


@pytest.mark.capability("D22", "E01")
@pytest.mark.parametrize("method", ["POST", "put", "PATCH"])
async def test_a_changing_call_sends_json_and_the_same_key_for_every_attempt(call: Call, method: str) -> None:
    payload = {"username": "ann", "nested": [1, 2.5, None, True, 2**70], "text": "ü \ud83d"}
    answer = await call(method=method, payload=payload)
    assert json.loads(answer["body"]) == payload
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["idempotency-key"] == "exec-1:orders[3].charge:0"
    assert answer["headers"]["x-execution-id"] == "exec-1"
    assert answer["headers"]["x-step"] == "orders[3].charge"


@pytest.mark.parametrize(("method", "keyed"), [("GET", False), ("DELETE", True)])
async def test_without_a_body_the_payload_is_the_query(call: Call, method: str, keyed: bool) -> None:
    answer = await call(method=method, payload={"a": 1, "b": "x", "gone": None}, query={"b": "y", "tags": ["p", "q"]})
    assert answer["query"] == [["a", "1"], ["b", "y"], ["tags", "p"], ["tags", "q"]]
    assert answer["body"] == ""
    assert ("idempotency-key" in answer["headers"]) is keyed


async def test_head_gives_headers_when_asked_for_all(call: Call) -> None:
    answer = await call(method="HEAD", full=True)
    assert answer["status"] == 200
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["body"] is None


async def test_no_content_is_null(call: Call) -> None:
    assert await call(endpoint="/status/204") is None


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        ("application/json", b"[1, 2]", [1, 2]),
        ("application/problem+json", b'"x"', "x"),
        ("application/json", b'{"a": "\\ud83d"}', {"a": "?"}),
        ("text/html; charset=latin-1", "<b>ü</b>".encode("latin-1"), {"text": "<b>ü</b>"}),
        ("text/plain", "ok ☃".encode(), {"text": "ok ☃"}),
        (
            "image/png",
            b"\x89PNG\xff",
            {"base64": base64.b64encode(b"\x89PNG\xff").decode(), "content_type": "image/png"},
        ),
    ],
)
async def test_a_body_becomes_a_json_value(call: Call, kind: str, body: bytes, value: Any) -> None:
    assert await call(endpoint="/raw", query={"type": kind, "body": base64.b64encode(body).decode()}) == value


@pytest.mark.parametrize("body", [b"{nonsense", b'{"a": NaN}', b"[" * 5000])
async def test_false_json_is_the_services_failure(call: Call, body: bytes) -> None:
    with pytest.raises(StepError, match=r"^GET user-service/raw answered with what it calls JSON and is not") as caught:
        await call(endpoint="/raw", query={"type": "application/json", "body": base64.b64encode(body).decode()})
    assert (caught.value.code, caught.value.category) == ("response_invalid", "dependency")


@pytest.mark.capability("E21", "X13")
@pytest.mark.parametrize(
    ("status", "category"),
    [
        (400, "validation"),
        (401, "logic"),
        (404, "validation"),
        (408, "transient"),
        (409, "validation"),
        (422, "validation"),
        (425, "transient"),
        (429, "transient"),
        (500, "dependency"),
        (501, "logic"),
        (503, "dependency"),
        (507, "resource"),
        (599, "dependency"),
        (304, "logic"),
    ],
)
async def test_a_status_says_what_kind_of_failure_it_is(call: Call, status: int, category: str) -> None:
    with pytest.raises(StepError) as caught:
        await call(endpoint=f"/status/{status}")
    assert caught.value.category == category
    assert caught.value.code == "service_error"
    assert caught.value.details == {"status": status, "service": "user-service"}


async def test_a_failure_names_call_status_and_what_was_said(call: Call) -> None:
    with pytest.raises(StepError) as caught:
        await call(method="POST", endpoint="/status/409", query={"body": "name\n is \x1b[31mtaken" + "!" * 300})
    assert str(caught.value) == (
        "POST user-service/status/409 answered 409 Conflict: name is [31mtaken" + "!" * 183 + "…"
    )


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("999999", 3600.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
    ],
)
async def test_a_server_may_ask_for_patience(call: Call, after: str, seconds: float | None) -> None:
    with pytest.raises(StepError) as caught:
        await call(endpoint="/status/429", query={"after": after})
    assert caught.value.retry_after == seconds


async def test_expected_statuses_are_answers(call: Call) -> None:
    answer = await call(endpoint="/status/404", query={"body": "none"}, expect=[200, 404], full=True)
    assert (answer["status"], answer["body"]) == (404, {"text": "none"})
    assert await call(endpoint="/status/410", expect="4xx") is None
    with pytest.raises(StepError, match="answered 200 OK"):
        await call(expect=[201])


async def test_a_long_answer_is_refused_before_it_is_read(call: Call) -> None:
    with pytest.raises(StepError) as caught:
        await call(service="small", endpoint="/big")
    assert str(caught.value) == (
        "GET small/big answered with more than 1000 bytes. "
        "Ask for less (a page, a filter), or raise the service's max_response_bytes."
    )
    assert (caught.value.code, caught.value.category, caught.value.retryable) == (
        "response_too_large",
        "resource",
        False,
    )


async def test_a_call_has_a_deadline(call: Call) -> None:
    with pytest.raises(StepError) as caught:
        await call(endpoint="/never", timeout="200ms")
    assert caught.value.message == "GET user-service/never took longer than 0.2 s."
    assert (caught.value.code, caught.value.category) == ("service_timeout", "transient")


async def test_nobody_there_is_a_dependencys_failure(make_context: Make) -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
    services = Services([Service(name="gone", base_url=f"http://127.0.0.1:{port}")])
    with pytest.raises(StepError) as caught:
        await ServiceCall().run(make_context(services), ServiceCallConfig(service="gone", endpoint="/x"))
    assert caught.value.message == "GET gone/x: the service cannot be reached (ConnectError)."
    assert (caught.value.code, caught.value.category) == ("service_unreachable", "dependency")
    await services.aclose()


async def test_a_cut_answer_is_transient(make_context: Make) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(cut, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        services = Services([Service(name="cut", base_url=f"http://127.0.0.1:{port}")])
        with pytest.raises(StepError) as caught:
            await ServiceCall().run(make_context(services), ServiceCallConfig(service="cut", endpoint="/x"))
        await services.aclose()
    assert (caught.value.code, caught.value.category) == ("connection_lost", "transient")


async def test_redirects_stay_within_the_host(call: Call, server: Server) -> None:
    answer = await call(method="POST", endpoint="/redirect", query={"to": "/echo/there"}, payload={"a": 1})
    assert (answer["method"], answer["path"], answer["body"]) == ("POST", "/echo/there", '{"a":1}')
    other = server.url.replace("127.0.0.1", "localhost")
    with pytest.raises(StepError) as caught:
        await call(endpoint="/redirect", query={"to": f"{other}/echo/there"})
    assert str(caught.value) == (
        "GET user-service/redirect was redirected to another host (localhost), which is not followed. "
        "Configure service 'user-service' with the address it lives at."
    )
    assert caught.value.code == "redirect_refused"
    with pytest.raises(StepError) as caught:
        await call(endpoint="/loop")
    assert caught.value.message == "GET user-service/loop was redirected more than 5 times."


async def test_cookies_are_not_carried_from_one_call_to_the_next(call: Call) -> None:
    await call()
    assert "cookie" not in (await call())["headers"]


@pytest.mark.parametrize(
    ("headers", "what"),
    [
        ({"Host": "evil.example"}, "header 'Host' cannot be set by a step"),
        ({"Content-Length": "0"}, "header 'Content-Length' cannot be set by a step"),
        ({"X Y": "1"}, "header 'X Y' cannot be set by a step"),
        ({"X-A": "1\r\nX-B: 2"}, "header 'X-A' has a value with control or non-ASCII characters"),
    ],
)
async def test_headers_cannot_reframe_the_request(call: Call, headers: dict[str, str], what: str) -> None:
    with pytest.raises(StepError) as caught:
        await call(headers=headers)
    assert caught.value.message == f"GET user-service/echo/x: {what}."
    assert caught.value.code == "header_refused"


@pytest.mark.capability("I25")
async def test_secrets_are_revealed_on_the_wire_and_masked_in_the_answer(call: Call, server: Server) -> None:
    answer = await call(
        service="keyed", method="POST", payload={"password": Secret("hunter2-long")}, query={"k": Secret("a b/c&d")}
    )
    sent = server.seen.last
    assert sent["headers"]["authorization"] == "Bearer s3cr3t-token"
    assert json.loads(sent["body"]) == {"password": "hunter2-long"}
    assert sent["query"] == [("k", "a b/c&d")]
    assert not any(plain in json.dumps(answer) for plain in ("hunter2-long", "s3cr3t-token", "a b/c&d"))


async def test_secrets_are_masked_in_errors(call: Call) -> None:
    with pytest.raises(StepError) as caught:
        await call(service="keyed", endpoint="/status/400", query={"body": Secret("hunter2-long")})
    assert str(caught.value) == "GET keyed/status/400 answered 400 Bad Request: ***"
    with pytest.raises(StepError) as caught:
        await call(headers={"X-Key": Secret("hunter2-long\r\n")})
    assert "hunter2" not in str(caught.value)


async def test_an_unknown_service_is_named_with_the_nearest(call: Call) -> None:
    with pytest.raises(StepError) as caught:
        await call(service="user-servce")
    assert str(caught.value) == ("there is no service 'user-servce'. Did you mean 'user-service'?")
    assert (caught.value.code, caught.value.category) == ("service_unknown", "validation")
    with pytest.raises(StepError) as caught:
        await call(service="zzz")
    assert str(caught.value) == (
        "there is no service 'zzz'. Known: keyed, prefixed, small, user-service. "
        "Services are configured: BATON_SERVICES, or Services.from_mapping({'name': 'https://host'})."
    )


async def test_an_engine_without_services_says_so(make_context: Make) -> None:
    with pytest.raises(NotFoundError, match="needs Services, which this engine was not given"):
        await ServiceCall().run(make_context(), ServiceCallConfig(service="a", endpoint="/"))


async def test_many_calls_at_once_share_one_pool(call: Call, server: Server) -> None:
    answers = await asyncio.gather(*(call(endpoint=f"/echo/{n}") for n in range(20)))
    assert [answer["path"] for answer in answers] == [f"/echo/{n}" for n in range(20)]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"payload": [1]}, "the payload of GET goes into the query, so it must be an object"),
        ({"method": "TRACE"}, "Input should be 'GET', 'POST', 'PUT', 'PATCH', 'DELETE' or 'HEAD'"),
        ({"expect": [99]}, "greater than or equal to 100"),
        ({"expect": "ok"}, "String should match pattern"),
        ({"url": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(config: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ServiceCallConfig.model_validate({"service": "s", "endpoint": "/", **config})


async def test_objects_do_not_fit_a_query(call: Call) -> None:
    with pytest.raises(StepError, match="query parameter 'a' is an object") as caught:
        await call(query={"a": {"b": 1}})
    assert caught.value.code == "query_invalid"


@pytest.mark.capability("Y15")
def test_max_attempts_is_accepted_for_the_planner() -> None:
    assert ServiceCallConfig(service="s", endpoint="/", max_attempts=3).max_attempts == 3


def test_calls_are_under_their_services_limits() -> None:
    assert ServiceCall().limit(ServiceCallConfig(service="pay", endpoint="/")) == "pay"


def test_every_fault_of_the_settings_is_told() -> None:
    with pytest.raises(SettingsError) as caught:
        Services.from_mapping(
            {
                "a": "users:80",
                "b": {"base_url": "http://u:p@h", "timeot": 3},
                "c": 5,
                "d": "https://h/?q=1",
                "e": {"timeout": "5s"},
            }
        )
    assert str(caught.value) == (
        "service 'a', base_url: base_url is a full URL such as 'https://users.internal:8080'; "
        "service 'b', base_url: base_url holds a user or a password; credentials go under 'headers'; "
        "service 'b', there is no key 'timeot' here (did you mean 'timeout'?); "
        "service 'c' is neither a URL nor an object with a base_url; "
        "service 'd', base_url: base_url ends with its path: no '?', no '#', no '{'; "
        "service 'e', the key 'base_url' is missing. "
        "A service has base_url, failures, headers, max_connections, max_response_bytes, name, networks, "
        "proxy, tenants, timeout, verify."
    )


def test_a_services_headers_are_not_shown() -> None:
    assert "hidden" not in repr(Service(name="a", base_url="http://h", headers={"Authorization": "hidden"}))


async def test_closing_twice_and_calling_again_works(services: Services, call: Call) -> None:
    await call()
    await services.aclose()
    await services.aclose()
    assert (await call())["path"] == "/echo/x"
