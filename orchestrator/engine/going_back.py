"""Going back in an execution, or in a copy of it."""

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.starting import Starting
from orchestrator.redo import fork_start, rewound
from orchestrator.starting import pin
from orchestrator.store.port import Execution


class GoingBack(Starting):
    """What is made anew, and what is kept."""

    async def retry(
        self,
        execution_id: str,
        *,
        from_step: str | None = None,
        again: bool = False,
        newest: bool = False,
    ) -> Execution:
        """Go on in the same execution from a step: its result and everything downstream of it is made anew.

        Args:
            from_step: A path; without it, every step that failed.
            again: Effects should happen again: a new generation of idempotency keys.
            newest: On the newest published definition instead of the pinned one.
        """
        if self._driver is not None:
            await self._driver.put_away(execution_id)
        execution = await self.get(execution_id)
        workflow = await self.catalogue.definition_for_retry(execution, newest=newest)
        pins = await pin(workflow, self.catalogue, execution.tenant) if newest else execution.pins
        await rewound(self.store, self.catalogue.library, execution, workflow, from_step, again=again, pins=pins)
        self._driver_takes(execution_id, "retry")
        return await self.get(execution_id)

    async def fork(
        self,
        execution_id: str,
        at: str,
        *,
        edit: Mapping[str, Any] | None = None,
        newest: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> Execution:
        """Start a new execution with this one's results up to a step, and another input.

        Args:
            at: The path of the first step that is made anew.
            edit: Changes to the input, merged into it key by key.
            metadata: The same for its metadata.
        """
        execution = await self.get(execution_id)
        workflow = await self.catalogue.definition_for_retry(execution, newest=newest)
        return await fork_start(self, execution, workflow, at, edit or {}, self._create, metadata=metadata or {})
