"""What the tests of the demo services share: the control routes by short names, and waiting for a fact."""

import asyncio
from typing import Any

import httpx


class Control:
    """The control routes of running services."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def effects(self, **where: Any) -> list[dict[str, Any]]:
        return (await self._rows("effects", where))["effects"]

    async def requests(self, **where: Any) -> list[dict[str, Any]]:
        return (await self._rows("requests", where))["requests"]

    async def fault(self, service: str, **settings: Any) -> dict[str, Any]:
        response = await self._client.put(f"/_control/faults/{service}", json=settings)
        response.raise_for_status()
        return response.json()

    async def faults(self) -> list[dict[str, Any]]:
        return (await self._client.get("/_control/faults")).json()["faults"]

    async def _rows(self, table: str, where: dict[str, Any]) -> dict[str, Any]:
        response = await self._client.get(f"/_control/{table}", params=where)
        response.raise_for_status()
        return response.json()


async def accepts(url: str) -> bool:
    """Whether somebody listens there."""
    parts = httpx.URL(url)
    try:
        _, writer = await asyncio.open_connection(parts.host, parts.port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
