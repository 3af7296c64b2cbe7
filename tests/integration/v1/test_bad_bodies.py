"""What no body may be, sent to every route that takes one: a 4xx with its reason, never a 500. The routes come from the
OpenAPI document, so that a new one is not forgotten."""

import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway.definitions import REFUND
from tests.support.gateway.people import caller
from tests.support.gateway.samples import Samples
from tests.support.gateway.serving import GRAPHS, serving

BAD_JSON = {
    "json_invalid": [b"{", b"nul", b'{"a": 01}', b"\xef\xbb\xbf{}"],
    "body_not_utf8": [b'{"a": "\xff"}', b'"\xed\xa0\x80"'],
    "json_duplicate_key": [b'{"a": 1, "a": 2}', b'[{"x": {"b": 1, "\\u0062": 2}}]'],
    "json_not_finite": [b'{"a": NaN}', b"[-Infinity]"],
    "json_number_too_large": [b'{"a": 1' + b"0" * 30 + b"}", b'{"a": 1e999}', b"9" * 5000],
    "json_too_deep": [b"[" * 200 + b"]" * 200, b'{"a":' * 5000 + b"1" + b"}" * 5000],
    "json_nul": [b'{"a": "\\u0000"}', b'{"\\u0000": 1}'],
    "json_lone_surrogate": [b'{"a": "\\ud800"}', b'{"\\udfff\\ud800": 1}'],
}
MISSHAPEN = [b"null", b"true", b"0", b'"text"', b"[]", b"[[]]", b"[null]", b"{}", b'{"": null}', b""]
BAD_TEXT = [
    b"\x00",
    b"\xff\xfe",
    b"a: 1\na: 2",
    b"a: &a [*a]",
    b"- .nan",
    b"a: !!python/object/apply:os.system [id]",
    b"a: " + b"9" * 5000,
    b"[" * 5000,
    b'"\\ud800"',
]


MCP = "/mcp"
"""Behind the gateway's own limits it answers as its protocol wants: JSON-RPC."""


@pytest.fixture
async def open_gateway(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """One where nothing but the body is wrong."""
    async with serving(tmp_path / "baton.db", config=GRAPHS, heartbeat=0.2) as served, caller(served.url) as client:
        yield client


async def routes(client: httpx.AsyncClient) -> list[tuple[str, str, dict[str, Any], set[str]]]:
    """Verb, path, query and kinds of body, of every route that takes one."""
    document = (await client.get("/openapi.json")).json()
    samples = Samples(document, {"definition": REFUND}, {"namespace": "x", "key": "k"})
    found = []
    for path, operations in document["paths"].items():
        nothing = {name: "7" if name == "letter_id" else str(uuid.uuid4()) for name in samples.parameters(path)}
        for verb, operation in operations.items():
            if kinds := set(operation.get("requestBody", {}).get("content", {})):
                query = samples.request(operation)["params"]
                found.append((verb.upper(), samples.path(path, nothing), query, kinds))
    return found


def judge(answer: httpx.Response, name: str) -> None:
    """A refusal has its reason, in the one shape."""
    assert answer.status_code < 500, f"{name}: {answer.text}"
    if answer.status_code >= 400 and answer.request.url.path != MCP:
        problem = answer.json()
        assert (problem["status"], bool(problem["code"]), bool(problem["detail"])) == (answer.status_code, True, True)


async def test_bad_json_is_refused_by_every_route(
    open_gateway: httpx.AsyncClient, record_property: Callable[[str, Any], None]
) -> None:
    sent, found = 0, await routes(open_gateway)
    for verb, path, query, kinds in found:
        for code, bodies in BAD_JSON.items() if "application/json" in kinds else ():
            for body in bodies:
                headers = {"content-type": "application/json"}
                answer = await open_gateway.request(verb, path, content=body, params=query, headers=headers)
                judge(answer, f"{verb} {path} {body[:40]!r}")
                proof_first = answer.status_code in (401, 404)  # a webhook's signature is looked at before its body
                assert proof_first or (answer.status_code, answer.json()["code"]) == (400, code), f"{verb} {path}"
                sent += 1
    record_property("size", f"bad JSON: {sent} bodies to {len(found)} routes that take one")
    assert sent > 500


async def test_bodies_of_another_shape_break_nothing(open_gateway: httpx.AsyncClient) -> None:
    for verb, path, query, kinds in await routes(open_gateway):
        bodies = MISSHAPEN if "application/json" in kinds else []
        for body in [*bodies, *(BAD_TEXT if kinds != {"application/json"} else [])]:
            for kind in kinds:
                answer = await open_gateway.request(
                    verb, path, content=body, params=query, headers={"content-type": kind}
                )
                judge(answer, f"{verb} {path} {kind} {body[:40]!r}")


@pytest.mark.parametrize("path", ["/v1/executions", "/v1/approvals", "/v1/dead-letters", "/v1/audit"])
async def test_a_filter_that_is_not_known_is_refused_and_not_left_out(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, params={"limit": 1, "worfklow": "refund"})
    assert (answer.status_code, answer.json()["code"]) == (422, "filter_unknown")
    assert answer.json()["detail"].startswith("There is no filter 'worfklow' here. There are: ")
    assert "limit" in answer.json()["hint"]
    assert (await client.get(path, params={"limit": 1})).status_code == 200
