"""Whatever is sent to any route of our own OpenAPI document, it is never answered with a 5xx, and every refusal has the
one shape. Half of the cases name things that are there, so that what lies behind the validation is reached too.

`BATON_FUZZ=200` sends so many to each route (make test: 8).
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import given as for_all
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.support.gateway.background import background
from tests.support.gateway.definitions import REFUND

EXAMPLES = int(os.environ.get("BATON_FUZZ", "8"))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway in a process of its own, as `baton serve` starts it."""
    with background(tmp_path_factory.mktemp("fuzz"), BATON_HEARTBEAT="1") as where:
        yield where


@pytest.fixture(scope="module")
def there(url: str) -> dict[str, str]:
    """Names of things that are there."""
    with httpx.Client(base_url=url, timeout=60) as client:
        client.post("/v1/workflows", content=REFUND, headers={"content-type": "application/yaml"}).raise_for_status()
        started = client.post("/v1/executions", json={"workflow": "refund", "input": {"amount": 1}}).json()
        thread = client.post("/threads", json={}).json()["thread_id"]
    execution = started["id"]
    return {
        "execution_id": execution,
        "other_id": execution,
        "path": "ask",
        "name": "refund",
        "version": "1.0",
        "assistant_id": "refund",
        "thread_id": thread,
    }


@pytest.mark.timeout(900)  # more than a thousand requests
def test_nothing_that_is_sent_is_answered_with_a_5xx(
    url: str, there: dict[str, str], record_property: Callable[[str, Any], None]
) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    sent = operations = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        operations += 1
        kinds = st.one_of(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

        @for_all(case=kinds, known=st.booleans())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize="BATON_FUZZ" not in os.environ,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        def judge(case: Any, known: bool) -> None:
            nonlocal sent
            if known:
                case.path_parameters = {**(case.path_parameters or {}), **_fits(case.path_parameters, there)}
            answer = case.call(timeout=120)
            sent += 1
            assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text}"
            if answer.status_code >= 400 and case.operation.path != "/mcp":  # that answers as JSON-RPC wants
                assert answer.headers["content-type"][0] == "application/problem+json", case.as_curl_command()
                problem = answer.json()
                assert (problem["status"], bool(problem["code"])) == (answer.status_code, True)

        judge()
    record_property("size", f"fuzz: {sent} requests to {operations} operations, none answered with a 5xx")
    assert sent >= EXAMPLES * 50


def _fits(parameters: Any, there: dict[str, str]) -> dict[str, str]:
    return {name: there[name] for name in parameters or {} if name in there}
