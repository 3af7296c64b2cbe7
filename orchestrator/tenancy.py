"""One tenant's view of an orchestrator: whoever holds it sees and touches nothing of the others.

What belongs to another tenant is answered exactly like what does not exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from graphs.spec import Workflow
from graphs.state import Result
from graphs.validation import Known
from orchestrator.engine import Orchestrator
from orchestrator.engine.base import no_such_execution
from orchestrator.engine.mending import LetterStory
from orchestrator.quota import UNLIMITED, Quota, too_many_runs
from orchestrator.serving.consent import Consent
from orchestrator.store.acts import about
from orchestrator.store.dead_letters import no_letter
from orchestrator.store.port import (
    DeadLetter,
    Execution,
    ExecutionFilter,
    LetterFilter,
    OpenWait,
    PublishedEvent,
    PublishedWorkflow,
    Record,
)

STARTED_BY = "started_by"
"""The key of an execution's metadata that says who started it."""


@dataclass(frozen=True, slots=True)
class TenantView:
    """An orchestrator as one tenant has it.

    Attributes:
        baton: The orchestrator.
        tenant: Whose view it is.
        by: Who uses it, for what is kept beside acts; None where nobody knows.
        consent: The application's own word about what they start, where it has one.
        quota: How much of theirs there may be at once when there is to be more.
    """

    baton: Orchestrator
    tenant: str
    by: str | None = None
    consent: Consent | None = None
    quota: Quota = UNLIMITED

    def own(self, given: str) -> str:
        """The id under which the tenant has, or is to have, the execution that it calls so."""
        return self.baton.store.own_id(given, self.tenant)

    # -- executions --------------------------------------------------------------------------------------------

    async def get(self, execution_id: str) -> Execution:
        """An execution.

        Raises:
            NotFoundError: there is none of that id, or it is another tenant's.
        """
        execution = await self.baton.store.execution(execution_id)
        if execution is None or execution.tenant != self.tenant:
            raise no_such_execution(execution_id)
        return execution

    async def list(self, which: ExecutionFilter) -> Sequence[Execution]:
        """Executions, newest first."""
        if which.before is not None:
            await self.get(which.before)
        return await self.baton.list(replace(which, tenant=self.tenant))

    async def start(
        self,
        workflow: Workflow | str,
        input: Any = None,  # noqa: A002 - the word of the language
        *,
        version: str | None = None,
        execution_id: str | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        priority: int = 0,
    ) -> Execution:
        """See `Orchestrator.start`; the metadata says who started it, whatever it is given.

        Raises:
            TooManyRunsError: as many as may be are queued or running.
        """
        most = self.quota.runs
        if most and await self.baton.store.at_work(self.tenant, most) >= most:
            raise too_many_runs(self.tenant, most, "executions")
        if self.consent is not None:
            name = workflow if isinstance(workflow, str) else workflow.name
            value: dict[str, Any] = {"assistant_id": name, "thread_id": execution_id, "kwargs": {"input": input}}
            value["metadata"] = dict(metadata or {})
            await self.consent.run(value)
            metadata, input = value["metadata"], value["kwargs"]["input"]  # noqa: A001 - as above
        given = {key: value for key, value in (metadata or {}).items() if key != STARTED_BY}
        return await self.baton.start(
            workflow,
            input,
            version=version,
            execution_id=execution_id,
            idempotency_key=idempotency_key,
            metadata=given | self._signed(),
            priority=priority,
            tenant=self.tenant,
        )

    def _signed(self) -> dict[str, Any]:
        return {STARTED_BY: self.by} if self.by else {}

    async def results(self, execution_id: str) -> Mapping[str, Result]:
        await self.get(execution_id)
        return await self.baton.results(execution_id)

    async def records(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Record]:
        await self.get(execution_id)
        return await self.baton.store.records(execution_id, after=after, limit=limit)

    async def waits(self, execution_id: str) -> Sequence[OpenWait]:
        await self.get(execution_id)
        return await self.baton.waits(execution_id)

    async def cancel(self, execution_id: str, *, reason: str | None = None) -> Execution:
        await self.get(execution_id)
        return await self.baton.cancel(execution_id, by=self.by, reason=reason)

    async def terminate(self, execution_id: str, *, reason: str | None = None) -> Execution:
        await self.get(execution_id)
        return await self.baton.terminate(execution_id, by=self.by, reason=reason)

    async def pause(self, execution_id: str, *, reason: str | None = None) -> Execution:
        await self.get(execution_id)
        return await self.baton.pause(execution_id, by=self.by, reason=reason)

    async def continue_(self, execution_id: str, *, reason: str | None = None) -> Execution:
        await self.get(execution_id)
        return await self.baton.continue_(execution_id, by=self.by, reason=reason)

    async def resume(self, execution_id: str) -> Execution:
        await self.get(execution_id)
        return await self.baton.resume(execution_id)

    async def side_effects_again(
        self, execution_id: str, from_step: str | None = None, *, newest: bool = False
    ) -> Sequence[str]:
        await self.get(execution_id)
        return await self.baton.side_effects_again(execution_id, from_step, newest=newest)

    async def cleaned_up(
        self, execution_id: str, from_step: str | None = None, *, newest: bool = False
    ) -> Sequence[str]:
        await self.get(execution_id)
        return await self.baton.cleaned_up(execution_id, from_step, newest=newest)

    async def retry(self, execution_id: str, **how: Any) -> Execution:
        """See `Orchestrator.retry`."""
        await self.get(execution_id)
        return await self.baton.retry(execution_id, by=self.by, **how)

    async def fork(self, execution_id: str, at: str, **how: Any) -> Execution:
        """See `Orchestrator.fork`."""
        await self.get(execution_id)
        return await self.baton.fork(execution_id, at, metadata=self._signed(), **how)

    async def replay(self, execution_id: str, from_step: str, **how: Any) -> Execution:
        """See `Orchestrator.replay`."""
        await self.get(execution_id)
        return await self.baton.replay(execution_id, from_step, metadata=self._signed(), **how)

    async def compare(self, left: str, right: str) -> dict[str, Any]:
        await self.get(left)
        await self.get(right)
        return await self.baton.compare(left, right)

    # -- dead letters ------------------------------------------------------------------------------------------

    async def dead_letters(self, which: LetterFilter) -> Sequence[DeadLetter]:
        return await self.baton.store.dead_letters(replace(which, tenant=self.tenant))

    async def dead_letter(self, letter_id: int) -> DeadLetter:
        """A dead letter.

        Raises:
            NotFoundError: there is none of that number, or it is another tenant's.
        """
        letter = await self.baton.dead_letter(letter_id)
        if letter.tenant != self.tenant:
            raise no_letter(letter_id)
        return letter

    async def letter_story(self, letter_id: int) -> LetterStory:
        await self.dead_letter(letter_id)
        return await self.baton.letter_story(letter_id)

    async def edit_letter(self, letter_id: int, changes: Mapping[str, Any] | None) -> DeadLetter:
        await self.dead_letter(letter_id)
        return await self.baton.edit_letter(letter_id, changes, by=self.by)

    async def redrive(self, letter_ids: Sequence[int]) -> Sequence[str]:
        for letter_id in letter_ids:
            await self.dead_letter(letter_id)
        about(*({"letter_id": letter_id} for letter_id in letter_ids))
        return await self.baton.redrive(letter_ids, by=self.by)

    async def discard(self, letter_id: int, *, note: str | None, compensate: bool = False) -> DeadLetter:
        await self.dead_letter(letter_id)
        await self.baton.discard([letter_id], by=self.by, note=note, compensate=compensate)
        return await self.dead_letter(letter_id)

    # -- events ------------------------------------------------------------------------------------------------

    async def publish_event(
        self,
        type: str,  # noqa: A002 - the word of the language
        data: Any,
        *,
        key: str | None = None,
        id: str | None = None,  # noqa: A002 - the event's own word
        source: str | None = None,
    ) -> PublishedEvent:
        """See `Orchestrator.publish_event`. Ids are a tenant's own, too: another's with the same one is not touched."""
        # Tenants of an OIDC provider may be called anything: no two names are to come out the same.
        own_id = None if id is None else f"{quote(self.tenant, safe='@+')}:{id}"
        return await self.baton.publish_event(
            type, data, key=key, id=own_id, source=source or self.by, tenant=self.tenant, quota=self.quota
        )

    # -- workflows ---------------------------------------------------------------------------------------------

    async def workflows(self, name: str | None = None) -> Sequence[PublishedWorkflow]:
        return await self.baton.catalogue.list(name, tenant=self.tenant)

    async def may_name(self) -> Known:
        """What definitions may name."""
        return await self.baton.catalogue.may_name(self.baton.offers(self.tenant), tenant=self.tenant)

    async def definition(self, name: str, version: str | None = None) -> Workflow:
        """A workflow by name.

        Raises:
            NotFoundError: none is published under it.
        """
        return await self.baton.catalogue.definition_of(name, version, self.tenant)

    async def publish(self, workflow: Workflow) -> PublishedWorkflow:
        return await self.baton.catalogue.publish(workflow, by=self.by, tenant=self.tenant)

    async def save_plan(self, execution_id: str, name: str, version: str) -> PublishedWorkflow:
        """See `Orchestrator.save_plan`."""
        await self.get(execution_id)
        return await self.baton.save_plan(execution_id, name, version=version, by=self.by)

    async def deprecate(self, name: str, version: str, *, deprecated: bool) -> PublishedWorkflow:
        return await self.baton.catalogue.deprecate(name, version, deprecated=deprecated, tenant=self.tenant)
