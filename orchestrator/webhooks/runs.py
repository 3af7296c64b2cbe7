"""Telling others how runs ended: the `webhook` of langgraph-sdk, signed, tried again, put aside in the end."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import orjson

from graphs.errors import StoreError
from graphs.steps import Logger
from orchestrator.engine import Orchestrator
from orchestrator.serving.secrets import shown
from orchestrator.store.served.webhooks import RunWebhook
from orchestrator.webhooks.posting import pause_after, post, posting
from orchestrator.webhooks.signing import new_secret

_BATCH: Final = 50


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

    async def once(self) -> None:
        """Tell everybody who is due, at the same time."""
        due = await self._baton.store.run_webhooks_due(self._baton.clock.now(), _BATCH)
        await asyncio.gather(*(self._tell(one) for one in due))

    async def _tell(self, one: RunWebhook) -> None:
        now = self._baton.clock.now()
        body = orjson.dumps(message_of(one) | {"webhook_sent_at": now}, default=str)
        secret = await self.secret(one.tenant)
        async with posting(f"the webhook of run {one.run_id}", self._networks) as client:
            problem = await post(client, one.url, body, secret=secret, message_id=f"run_{one.run_id}", at=now)
        if problem is None:
            await self._baton.store.run_told(one.run_id)
            return
        pause = pause_after(one.failures, problem)
        if pause is None:
            self._log.warning("run_webhook.given_up", run_id=one.run_id, error=problem)
        await self._baton.store.run_not_told(
            one.run_id, problem, now + timedelta(seconds=pause) if pause is not None else None
        )

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
        "thread_id": run["thread_id"],
        "assistant_id": run["assistant_id"],
        "status": run["status"],
        "metadata": run["metadata"],
        "kwargs": shown(run["request"]),
        "multitask_strategy": run["multitask"],
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
        "run_started_at": body["created_at"],
        "run_ended_at": one.ended_at,
        "values": body["values"],
        "interrupts": body["interrupts"],
        "error": body["error"],
    }
