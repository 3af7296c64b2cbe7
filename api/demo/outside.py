"""The world outside the demo's engine: what the services did, and the people who click and decide."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Asked:
    """How often one step asked a service to act, and what that came to."""

    step: str
    requests: int
    replayed: int
    effects: int


class Outside:
    """The demo services, seen past the engine."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def effects(self, execution_id: str, action: str | None = None) -> list[dict[str, Any]]:
        """What the services did in the name of an execution."""
        found = await self._get("/_control/effects", **({"action": action} if action else {}))
        return [row for row in found["effects"] if _of(row, execution_id)]

    async def asked(self, execution_id: str) -> list[Asked]:
        """For every step that acted: requests and effects, counted by its idempotency key."""
        requests = [row for row in (await self._get("/_control/requests"))["requests"] if _of(row, execution_id)]
        counts = Counter(row["idempotency_key"] for row in requests)
        replays = Counter(row["idempotency_key"] for row in requests if row["replayed"])
        effects = Counter(row["idempotency_key"] for row in await self.effects(execution_id))
        return [Asked(_step(key), count, replays[key], effects[key]) for key, count in counts.items()]

    async def slow_down(self, service: str, route: str, seconds: float) -> None:
        """Let a service do what it is asked, and take its time to say so."""
        fault = {"route": route, "method": "POST", "latency_ms": int(seconds * 1000), "after_effect": True}
        (await self._client.put(f"/_control/faults/{service}", json=fault)).raise_for_status()

    async def speed_up(self, service: str) -> None:
        (await self._client.delete(f"/_control/faults/{service}")).raise_for_status()

    async def click_the_link(self, email: str) -> str:
        """Open the welcome e-mail and click. Gives the user's id, as the service behind the link would announce it."""
        outbox = await self._get("/notification-service/api/outbox", to=email, template="welcome_email")
        response = await self._client.post(outbox["messages"][-1]["verification_link"])
        return str(response.raise_for_status().json()["user_id"])

    async def _get(self, path: str, /, **query: Any) -> dict[str, Any]:
        found: dict[str, Any] = (await self._client.get(path, params=query)).raise_for_status().json()
        return found


def _of(row: dict[str, Any], execution_id: str) -> bool:
    return str(row["idempotency_key"]).startswith(f"{execution_id}:")


def _step(key: str) -> str:
    """`EXECUTION:fulfillment_check.update_crm:0` is the key of `fulfillment_check.update_crm`."""
    return key.partition(":")[2].rpartition(":")[0]
