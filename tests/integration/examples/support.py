"""What the tests of the examples share: the engine as an application opens it, and the world outside it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from api.demo import catalogue
from graphs.clock import Clock
from graphs.loader import load_document
from graphs.spec import Workflow
from graphs.state import Result
from orchestrator.engine import Orchestrator
from orchestrator.plugins import installed_step_types
from orchestrator.settings import Settings
from orchestrator.store.port import Execution
from tests.support.waiting import DEADLINE_SECONDS

JOHN: dict[str, Any] = {
    "username": "john_doe",
    "email": "john@example.com",
    "password": "correct-horse-battery",
    "profile_data": {"first_name": "John", "last_name": "Doe"},
}


@asynccontextmanager
async def opened(
    database: Path,
    services: Mapping[str, str],
    workflows: Iterable[Workflow],
    *,
    clock: Clock | None = None,
    hooks: Iterable[Any] = (),
) -> AsyncIterator[Orchestrator]:
    """The engine as an application opens it."""
    settings = Settings(database=database, services=dict(services), log_level="error")
    async with Orchestrator.open(
        settings, resources=catalogue.resources(), workflows=workflows, clock=clock, hooks=hooks
    ) as baton:
        yield baton


def hurried(workflow: Workflow) -> Workflow:
    """The same workflow with pauses of milliseconds between attempts: nothing else is changed."""
    document = _hurried(workflow.as_document())
    return load_document(document, step_types=installed_step_types()).workflow


def _hurried(value: Any, key: str = "") -> Any:
    if isinstance(value, list):
        return [_hurried(item) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {name: _hurried(item, name) for name, item in value.items()}
    return changed | {"initial_delay": 0.01, "jitter": 0} if key in ("retry", "retry_policy") else changed


class World:
    """Everything outside the engine: the services' own records, their ledger, their fault switches."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def effects(self, **where: Any) -> list[dict[str, Any]]:
        """What the services did."""
        return (await self.get("/_control/effects", **where))["effects"]

    async def actions(self, execution: Execution | str | None = None) -> list[str]:
        """What the services did, by name, in order; of one execution, by its idempotency keys."""
        wanted = execution.id if isinstance(execution, Execution) else execution
        rows = await self.effects()
        return [row["action"] for row in rows if wanted is None or str(row["idempotency_key"]).startswith(wanted)]

    async def requests(self, service: str, path: str | None = None, method: str | None = None) -> list[dict[str, Any]]:
        """What a service was asked."""
        where = {"service": service, "path": path, "method": method}
        given = {name: value for name, value in where.items() if value is not None}
        return (await self.get("/_control/requests", **given))["requests"]

    async def fault(self, service: str, **settings: Any) -> None:
        """Switch a failure on."""
        (await self._client.put(f"/_control/faults/{service}", json=settings)).raise_for_status()

    async def mend(self, service: str) -> None:
        """Switch a service's failures off."""
        (await self._client.delete(f"/_control/faults/{service}")).raise_for_status()

    async def get(self, path: str, /, **query: Any) -> Any:
        return (await self._client.get(path, params=query)).raise_for_status().json()

    async def post(self, path: str, body: Any = None) -> Any:
        return (await self._client.post(path, json=body)).raise_for_status().json()

    async def status(self, path: str) -> int:
        return (await self._client.get(path)).status_code

    async def stock(self, sku: str) -> dict[str, Any]:
        return dict(await self.get(f"/inventory-service/api/stock/{sku}"))

    async def users(self) -> list[dict[str, Any]]:
        return list((await self.get("/user-service/api/users"))["users"])

    async def click_the_link(self, email: str) -> str:
        """What the person does who got the welcome e-mail. Gives the user's id."""
        outbox = await self.get("/notification-service/api/outbox", to=email)
        message = next(one for one in outbox["messages"] if one["template"] == "welcome_email")
        verified = (await self._client.post(message["verification_link"])).raise_for_status().json()
        assert verified["verified"]
        return str(verified["user_id"])


def statuses(results: Mapping[str, Result]) -> dict[str, str]:
    """Step statuses by path."""
    return {path: result["status"] for path, result in results.items()}


async def finished(baton: Orchestrator, execution: Execution) -> Execution:
    """The execution once it has ended; a test that waits in vain fails and does not hang."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await baton.wait(execution.id)


async def rested(baton: Orchestrator, execution: Execution) -> Execution:
    """The execution once it has ended or waits for the world outside."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await baton.wait(execution.id, until="rest")


async def run(baton: Orchestrator, workflow: Workflow | str, given: Any = None, **more: Any) -> Execution:
    """Start a workflow and give its execution once that has ended."""
    return await finished(baton, await baton.start(workflow, given, **more))
