"""Telling others what happens: records of executions, sent to the tenants' webhook targets in their order.

The tables say up to which record each target knows; a crash in between sends one again, under the same id.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

import httpx
import orjson

from graphs.steps import Logger
from orchestrator.engine import Orchestrator
from orchestrator.ids import shown_id
from orchestrator.store.port import Record, Target
from orchestrator.webhooks.lanes import Lanes
from orchestrator.webhooks.posting import pause_after, post, posting

_BATCH: Final = 100


class RecordWebhooks:
    """Tells targets, each in a lane of its own.

    Args:
        baton: Whose records.
        networks: Networks that targets may be in besides the public one; a target's own word is not enough.
        log: Where is said what could not be told.
    """

    def __init__(self, baton: Orchestrator, networks: tuple[str, ...], log: Logger) -> None:
        self._baton = baton
        self._networks = networks
        self._log = log
        self._read: dict[str, tuple[int, int]] = {}
        """By target: up to which record it was told, and up to which there was nothing more for it."""

    def look(self, targets: Sequence[Target], lanes: Lanes) -> None:
        """Have every target told that is due."""
        self._read = {target.id: self._read[target.id] for target in targets if target.id in self._read}
        now = self._baton.clock.now()
        for target in targets:
            if target.next_at is None or target.next_at <= now:
                lanes.ask(target.id, partial(self._tell, target.id, lanes))

    async def _tell(self, target_id: str, lanes: Lanes) -> None:
        """Tell a target what it does not know yet, until it knows all, or does not answer."""
        while (target := self._baton.store.target(target_id)) is not None:
            if target.next_at is not None and target.next_at > self._baton.clock.now():
                return
            news = await self._news(target)
            if not news:
                return
            async with posting(f"webhook {target.id}", self._networks) as client:
                for record in news:
                    async with lanes.place(target.tenant):
                        problem = await self._sent(client, target, record)
                    if problem is not None:
                        await self._failed(target, record, problem)
                        return
                    await self._baton.store.told(target.id, record.seq or 0)

    async def _news(self, target: Target) -> Sequence[Record]:
        told, read = self._read.get(target.id, (target.told, target.told))
        newest = self._baton.store.newest_seq()
        begin = read if told == target.told else target.told
        news = await self._baton.store.news_for(replace(target, told=begin), _BATCH)
        if not news:
            # The next look need not go over what others' executions have left.
            self._read[target.id] = target.told, newest
        return news

    async def _sent(self, client: httpx.AsyncClient, target: Target, record: Record) -> str | None:
        """Send a record; what went wrong, if anything."""
        body = orjson.dumps(message_of(record))
        secret, now = str(self._baton.catalogue.cipher().decrypt(target.secret)), self._baton.clock.now()
        return await post(client, target.url, body, secret=secret, message_id=f"{target.id}_{record.seq}", at=now)

    async def _failed(self, target: Target, record: Record, problem: str) -> None:
        failures = 0 if (fresh := self._baton.store.target(target.id)) is None else fresh.failures
        pause = pause_after(failures, problem)
        if pause is None:
            self._log.warning("webhook.given_up", target=target.id, record=record.seq, error=problem)
            await self._baton.store.never_told(target.id, record.seq or 0, problem)
            return
        later = self._baton.clock.now() + timedelta(seconds=pause)
        await self._baton.store.not_told(target.id, problem, later)


def message_of(record: Record) -> dict[str, object]:
    """A record as it is sent."""
    about = {"execution_id": shown_id(record.execution_id), "path": record.path, "seq": record.seq, **record.data}
    return {"type": record.kind, "timestamp": record.at, "data": about}
