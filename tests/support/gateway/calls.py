"""Calls that many tests of /v1 begin with."""

from typing import Any

import httpx

from tests.support.gateway.serving import Served

YAML = {"content-type": "application/yaml"}


async def publish(client: httpx.AsyncClient, text: str) -> dict[str, Any]:
    answer = await client.post("/v1/workflows", content=text, headers=YAML)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def start(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/executions", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def until_rest(served: Served, execution_id: str) -> None:
    await served.gateway.orchestrator.wait(execution_id, until="rest")
