"""Telling others how runs ended: the `webhook` of langgraph-sdk, signed, tried again, put aside in the end."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any, Final

import orjson

from graphs.errors import StoreError
from graphs.steps import Logger
from orchestrator.engine import Orchestrator
from orchestrator.ids import shown_id
from orchestrator.serving.secrets import shown
from orchestrator.store.served.webhooks import RunWebhook
from orchestrator.webhooks.lanes import Lanes
from orchestrator.webhooks.posting import pause_after, post, posting
from orchestrator.webhooks.signing import new_secret

_SIDE_BY_SIDE: Final = 8
"""Messages to one host that are under way at the same time."""


class RunWebhooks:
    """Tells whoever is to be told.

    Args:
        baton: Whose runs.
        networks: Networks that may be called besides the public one.
        log: Where is said what could not be told.
    """

    def __init__(self, baton: Orchestrator, networks: tuple[str, ...], log: Logger) -> None:
        self._baton = baton
        self._networks = networks
        self._log = log

    async def look(self, lanes: Lanes) -> None:
        """Have everybody told who is due: each host of a tenant's in a lane of its own."""
        for tenant, host in await self._baton.store.run_webhook_hosts(self._baton.clock.now()):
            lanes.ask((tenant, host), partial(self._tell_host, tenant, host, lanes))

    async def _tell_host(self, tenant: str, host: str, lanes: Lanes) -> None:
        while due := await self._baton.store.run_webhooks_due(self._baton.clock.now(), tenant, host, _SIDE_BY_SIDE):
            await asyncio.gather(*(self._tell(one, lanes) for one in due))

    async def _tell(self, one: RunWebhook, lanes: Lanes) -> None:
        secret = await self.secret(one.tenant)
        async with lanes.place(one.tenant), posting(f"the webhook of run {one.run_id}", self._networks) as client:
            now = self._baton.clock.now()
            body = orjson.dumps(message_of(one) | {"webhook_sent_at": now}, default=str)
            problem = await post(client, one.url, body, secret=secret, message_id=f"run_{one.run_id}", at=now)
        if problem is None:
            await self._baton.store.run_told(one.run_id)
            return
        pause = pause_after(one.failures, problem)
        if pause is None:
            self._log.warning("run_webhook.given_up", run_id=one.run_id, error=problem)
        later = self._baton.clock.now() + timedelta(seconds=pause) if pause is not None else None
        await self._baton.store.run_not_told(one.run_id, problem, later)

    async def secret(self, tenant: str, *, anew: bool = False) -> str:
        """What a tenant's messages are signed with; made when it is first asked for, or anew."""
        cipher = self._baton.catalogue.cipher()
        kept = None if anew else self._baton.store.run_webhook_secret(tenant)
        if kept is None:
            kept = await self._baton.store.keep_run_webhook_secret(tenant, cipher.encrypt(new_secret()), anew=anew)
        secret: Any = cipher.decrypt(kept)
        if not isinstance(secret, str):
            raise StoreError("The secret of run webhooks cannot be read.", code="secret_unreadable")
        return secret


def message_of(one: RunWebhook) -> dict[str, Any]:
    """A run as langgraph-sdk has it, with the values it left."""
    run, body = one.body["run"], one.body
    return {
        "run_id": run["id"],
        "thread_id": shown_id(run["thread_id"]),
        "assistant_id": run["assistant_id"],
        "status": run["status"],
        "metadata": run["metadata"],
        "kwargs": shown(run["request"]),
        "multitask_strategy": run["multitask"],
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
        "run_started_at": body.get("started_at"),
        "run_ended_at": one.ended_at,
        "values": body["values"],
        "interrupts": body["interrupts"],
        "error": body["error"],
    }
