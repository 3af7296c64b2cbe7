"""Starting workflows, and publishing them."""

from collections.abc import Mapping
from typing import Any

from graphs.spec import Workflow
from orchestrator.engine.base import Base
from orchestrator.starting import Start, new_execution, pin
from orchestrator.store.port import DEFAULT_TENANT, Execution
from orchestrator.whole import whole


class Starting(Base):
    """Executions begin here."""

    async def start(
        self,
        workflow: Workflow | str,
        input: Any = None,  # noqa: A002 - the word of the language
        *,
        version: str | None = None,
        execution_id: str | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        user_context: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        priority: int = 0,
        tenant: str = DEFAULT_TENANT,
    ) -> Execution:
        """Start a workflow, given as it is or by the name it is published under.

        Raises:
            NotFoundError: no such workflow is published.
            InputError: the input does not fit its schema, or the idempotency key was sent before with another one.
            ConflictError: the execution id is taken.
        """
        start = Start(
            execution_id=execution_id,
            idempotency_key=idempotency_key,
            version=version,
            metadata=metadata or {},
            user_context=user_context or {},
            variables=variables or {},
            priority=priority,
            tenant=tenant,
        )
        definition = await self.catalogue.definition_of(workflow, version, tenant)
        return await self._create(definition, input, start)

    async def _create(self, workflow: Workflow, given: Any, start: Start, **fork: Any) -> Execution:
        pins = start.pins
        if pins is None:
            pins = await pin(workflow, self.catalogue, start.tenant)
        execution, secrets = new_execution(workflow, given, start, pins, self.clock, self.catalogue.cipher)
        # With the same id and the same key, what comes back may be an older execution: that is not begun again.
        known = start.execution_id is not None and await self.store.execution(start.execution_id) is not None
        return await whole(self._begun(execution, secrets, fork, known=known))

    async def _begun(
        self, execution: Execution, secrets: Mapping[str, bytes], fork: Mapping[str, Any], *, known: bool
    ) -> Execution:
        at_once = not fork and self._driver is not None and self._driver.has_room
        created = await self.store.create(execution, secrets, taken_up=at_once, **fork)
        if created.id == execution.id and not known:
            self._driver_takes(created.id, "start", new=created if at_once else None)
        return created

    async def publish(self, workflow: Workflow, *, by: str | None = None) -> Any:
        """Add a workflow's version to the catalogue."""
        return await self.catalogue.publish(workflow, by=by)
