"""Answers of people, and events."""

from typing import Any

from graphs.errors import InputError, NotFoundError
from graphs.values import json_value
from orchestrator.approvals.rules import Given
from orchestrator.approvals.values import Decision, Person
from orchestrator.engine.base import Base
from orchestrator.placed import is_taken
from orchestrator.quota import Quota, TooManyEventsError
from orchestrator.store.port import OpenWait, PublishedEvent
from orchestrator.store.triggers import KeptEvent


class Answering(Base):
    """What the world outside says to executions."""

    async def decide(
        self,
        execution_id: str,
        path: str,
        decision: Decision,
        *,
        by: str | None = None,
        reason: str | None = None,
        data: Any = None,
    ) -> OpenWait:
        """Decide an approval. The first decision wins; where several are needed, it is one of them.

        Whoever calls this is trusted to say who decides; `inbox` checks whether they may.

        Raises:
            NotFoundError: there is no such approval.
            ConflictError: it is decided or over; the message names who won.
            InputError: it does not allow this decision, or the edited value does not fit its schema.
        """
        given = Given(decision=decision, data=data, reason=reason)
        try:
            return await self.inbox.decide(execution_id, path, Person(by), given)
        except NotFoundError:
            await self.get(execution_id)  # when it is the execution that is not there, that is what to say
            raise

    async def publish_event(
        self,
        type: str,  # noqa: A002 - the word of the language
        data: Any = None,
        *,
        key: str | None = None,
        id: str | None = None,  # noqa: A002 - the event's own word
        source: str | None = None,
        tenant: str | None = None,
        quota: Quota | None = None,
    ) -> PublishedEvent:
        """Publish an event: it answers the oldest wait it matches of each execution, and is kept for later ones (X07).

        Args:
            key: What it is about; waits may ask for it. Many events may be about the same.
            id: The emitter's own name of this one: sent again, it changes nothing, until the event is pruned.
            source: Who says so.
            tenant: Whose executions it may answer; without one, everybody's.
            quota: How many of the tenant's may be kept that nothing has taken; what starts a workflow is kept anyhow.

        Raises:
            InputError: one of its names is empty, or it is too large.
            ConflictError: its id was sent before, with another type, key or data.
            TooManyEventsError: there are as many as there may be.
        """
        if not type.strip() or "" in (key, id):
            what = "type" if not type.strip() else "key" if key == "" else "id"
            raise InputError(f"The event's {what} is empty.", hint="Give it a name.", code="event_invalid")
        data = json_value(data)
        about: dict[str, Any] = {"key": key, "source": source, "id": id, "tenant": tenant}
        try:
            event = await self.store.publish_event(type, data, **about, quota=quota)
        except (TooManyEventsError, InputError):  # too many, or one larger than all may be
            # Judged here, and not with every event: what starts a workflow is taken, and must not be refused.
            if not await self._starts_something(
                KeptEvent(0, id or "", type, key, tenant, source, data, self.clock.now())
            ):
                raise
            event = await self.store.publish_event(type, data, **about)
        if self._driver is not None:
            await self._driver.event_matched(event.matched)
        return event

    async def _starts_something(self, event: KeptEvent) -> bool:
        """Whether a trigger takes an event that is not kept yet."""
        return is_taken(await self.store.triggering(event.tenant), await self.store.triggers_off(), event)
