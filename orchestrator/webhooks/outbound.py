"""Telling others what happens: records of executions, sent to the tenants' webhook targets (Standard Webhooks).

The tables say up to which record each target knows; a crash in between sends one again, under the same id. A target
that does not answer is tried again by a schedule, then the record is put aside and the next one is sent. Records reach
each target in their order.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

import httpx
import orjson

from orchestrator.engine import Orchestrator
from orchestrator.store.port import Record, Target
from orchestrator.webhooks.posting import pause_after, post, posting
from orchestrator.webhooks.runs import RunWebhooks

_POLL: Final = 1.0
_BATCH: Final = 100


class Outbound:
    """Sends. One for each engine that drives.

    Args:
        baton: Whose records.
        networks: Networks that targets may be in besides the public one; a target's own word is not enough.
        warn: Told of what could not be sent.
        runs: Tells how runs ended, in the same rounds.
    """

    def __init__(
        self,
        baton: Orchestrator,
        networks: tuple[str, ...],
        warn: Callable[..., object],
        runs: RunWebhooks | None = None,
    ) -> None:
        self._runs = runs
        self._baton = baton
        self._networks = networks
        self._warn = warn

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001 - the edge of a task: whatever broke a round, the next one is tried
                self._warn("webhooks.stuck", error=f"{type(error).__name__}: {error}")
            await self._baton.clock.sleep(_POLL)

    async def once(self) -> None:
        """Tell every target that is due what it does not know yet, all of them at the same time."""
        now = self._baton.clock.now()
        due = [one for one in await self._baton.store.targets() if one.next_at is None or one.next_at <= now]
        await asyncio.gather(*(self._tell(target) for target in due), *([self._runs.once()] if self._runs else []))

    async def _tell(self, target: Target) -> None:
        news = await self._baton.store.news_for(target, _BATCH)
        if not news:
            return
        async with posting(f"webhook {target.id}", self._networks) as client:
            for record in news:
                problem = await self._sent(client, target, record)
                if problem is not None:
                    await self._failed(target, record, problem)
                    return
                await self._baton.store.told(target.id, record.seq or 0)

    async def _sent(self, client: httpx.AsyncClient, target: Target, record: Record) -> str | None:
        """Send a record; what went wrong, if anything."""
        body = orjson.dumps(message_of(record))
        secret, now = str(self._baton.catalogue.cipher().decrypt(target.secret)), self._baton.clock.now()
        return await post(client, target.url, body, secret=secret, message_id=f"{target.id}_{record.seq}", at=now)

    async def _failed(self, target: Target, record: Record, problem: str) -> None:
        failures = 0 if (fresh := self._baton.store.target(target.id)) is None else fresh.failures
        pause = pause_after(failures, problem)
        if pause is None:
            self._warn("webhook.given_up", target=target.id, record=record.seq, error=problem)
            await self._baton.store.never_told(target.id, record.seq or 0, problem)
            return
        later = self._baton.clock.now() + timedelta(seconds=pause)
        await self._baton.store.not_told(target.id, problem, later)


def message_of(record: Record) -> dict[str, object]:
    """A record as it is sent."""
    about = {"execution_id": record.execution_id, "path": record.path, "seq": record.seq, **record.data}
    return {"type": record.kind, "timestamp": record.at, "data": about}


class Sending:
    """`async with Sending(outbound)`: it sends until the block ends."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._outbound.run(), name="webhooks")

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
