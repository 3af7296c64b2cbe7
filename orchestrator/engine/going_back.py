"""Going back in an execution, or in a copy of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphs.spec import Workflow
from graphs.state import Result
from orchestrator.engine.starting import Starting
from orchestrator.starting import pin
from orchestrator.store.port import Execution
from orchestrator.time_travel.anew import Anew
from orchestrator.time_travel.edits import Edits, edited, merged
from orchestrator.time_travel.other_agents import as_kept, changes_of
from orchestrator.time_travel.redo import anew_from, fork_start, rewound
from orchestrator.time_travel.side_effects import cleaned_up, side_effects_again
from orchestrator.time_travel.undone import undone_in


class GoingBack(Starting):
    """What is made anew, and what is kept."""

    async def retry(
        self,
        execution_id: str,
        *,
        from_step: str | None = None,
        again: bool = False,
        newest: bool = False,
        edit: Mapping[str, Any] | None = None,
        step_input: Mapping[str, Any] | None = None,
        model: str | None = None,
        by: str | None = None,
    ) -> Execution:
        """Go on in the same execution from a step: its result and everything downstream of it is made anew.

        Args:
            from_step: A path; without it, every step that failed. What was undone is made anew in any case.
            again: Effects should happen again: a new generation of idempotency keys. After an undoing they always do.
            newest: On the newest published definition instead of the pinned one.
            edit: Changes to the execution's input, merged into it key by key. With these, as with the next two, what
                is made anew goes under new idempotency keys.
            step_input: Changes to what `from_step` is given: its arguments, its payload, its message, or its input.
            model: For every model that is asked anew.
            by: Who asks for it, for the history and for those who come too late.

        Raises:
            ConflictError: it is running or has moved on, something is still to be undone, or nothing in it failed and
                no step was named.
            NotFoundError: there is no such execution, or no such step in it.
            InputError: the edited input does not fit its schema; there is no model to change.
        """
        if self._driver is not None:
            await self._driver.put_away(execution_id)
        execution = await self.get(execution_id)
        workflow = await self.catalogue.definition_for_retry(execution, newest=newest)
        pins = await pin(workflow, self.catalogue, execution.tenant) if newest else execution.pins
        others = await self._changes(execution, workflow, pins, from_step or "", model=model)
        sealer = await self.catalogue.sealer(execution)
        edits = Edits(edit, edited(execution, workflow, sealer, edit), merged(execution, from_step, step_input, others))
        back = (self.store, self.catalogue.library, execution, workflow, from_step)
        await rewound(*back, again=again, pins=pins, edits=edits, by=by)
        self._driver_takes(execution_id, "retry")
        return await self.get(execution_id)

    async def side_effects_again(
        self, execution_id: str, from_step: str | None = None, *, newest: bool = False
    ) -> Sequence[str]:
        """Which steps have changed something outside, or may have, and would be made anew by a retry or a fork.

        Args:
            from_step: As for these; without it, every step that failed.

        Raises:
            NotFoundError: there is no such execution, or no such step in it.
        """
        execution = await self.get(execution_id)
        if execution.replay is not None:  # it acts on nothing
            return []
        workflow, anew, results = await self._made_anew(execution, from_step, newest)
        library, definitions = self.catalogue.library, self._with_pinned(workflow, execution.pins)
        return side_effects_again(definitions, anew, results, await self.store.history(execution_id), library)

    async def cleaned_up(
        self, execution_id: str, from_step: str | None = None, *, newest: bool = False
    ) -> Sequence[str]:
        """What cleaned up after the execution as a whole, though a retry or a fork would leave other steps as they are:
        who goes back must judge what is left of what these did.

        Args:
            from_step: As for these; without it, every step that failed.

        Raises:
            NotFoundError: there is no such execution, or no such step in it.
        """
        execution = await self.get(execution_id)
        return cleaned_up(*await self._made_anew(execution, from_step, newest))

    async def _made_anew(
        self, execution: Execution, from_step: str | None, newest: bool
    ) -> tuple[Workflow, Anew, Mapping[str, Result]]:
        workflow = await self.catalogue.definition_for_retry(execution, newest=newest)
        results = await self.store.results(execution.id)
        undone = await undone_in(self.store, execution)
        anew = anew_from(workflow, from_step, results, self.catalogue.library, execution.pins, undone)
        return workflow, anew, results

    async def fork(
        self,
        execution_id: str,
        at: str,
        *,
        edit: Mapping[str, Any] | None = None,
        step_input: Mapping[str, Any] | None = None,
        model: str | None = None,
        newest: bool = False,
        metadata: Mapping[str, Any] | None = None,
        new_id: str | None = None,
    ) -> Execution:
        """Start a new execution with this one's results up to a step, and another input.

        What this one did stays its own to undo: the new one undoes what it does itself.

        Args:
            at: The path of the first step that is made anew.
            edit: Changes to the input, merged into it key by key.
            step_input: Changes to what `at` is given: its arguments, its payload, its message, or its input.
            model: For every model that is asked anew.
            metadata: The same for its metadata.
            new_id: The new execution's id; without it, one is made.

        Raises:
            ConflictError: there is an execution of that id, or something it would go by is still to be undone.
            NotFoundError: there is no such execution, or no such step in it.
            InputError: the edited input does not fit its schema; there is no model to change.
        """
        execution = await self.get(execution_id)
        workflow = await self.catalogue.definition_for_retry(execution, newest=newest)
        others = await self._changes(execution, workflow, execution.pins, at, model=model)
        return await fork_start(
            self.store,
            self.catalogue,
            execution,
            workflow,
            at,
            edit or {},
            self._create,
            metadata=metadata or {},
            pins=None if newest else execution.pins,
            replay=execution.replay,  # what is forked off a replay must not begin to act
            changes=merged(execution, at, step_input, others),
            new_id=new_id,
        )

    async def replay(
        self,
        execution_id: str,
        from_step: str,
        *,
        model: str | None = None,
        agent: str | None = None,
        instructions: str | None = None,
        perform: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> Execution:
        """Carry an execution out again from a step, in a new one that changes nothing outside.

        Models are asked anew, and may be others; what acts (services, tools, functions, events) is served from this
        execution's record, and so are decisions, events and pauses. What the record does not have is not done: a tool
        then fails, and its agent is told. `compare` says what came of it.

        Args:
            from_step: The path of the first step that is made anew; inside of an agent too (`ask[1].model`).
            model: For every agent that is asked anew, and every model that chooses a route.
            agent: Whom the agent step that `from_step` names, or is inside of, is given to instead; in sub-workflows
                too.
            instructions: What that agent is told instead.
            perform: Names of steps that are carried out and not served: functions that only compute.

        Raises:
            NotFoundError: there is no such execution, or no such step in it.
            InputError: there is no agent to change.
        """
        execution = await self.get(execution_id)
        workflow = await self.catalogue.definition_for_retry(execution, newest=False)
        pins = await self._pins_with(execution, agent)
        others = {"model": model, "agent": agent, "instructions": instructions}
        changes = await self._changes(execution, workflow, pins, from_step, **others)
        return await fork_start(
            self.store,
            self.catalogue,
            execution,
            workflow,
            from_step,
            {},
            self._create,
            metadata=metadata or {},
            pins=pins,
            replay=as_kept(execution.id, perform, changes),
        )

    async def _changes(
        self, execution: Execution, workflow: Workflow, pins: Mapping[str, str], from_step: str, **others: str | None
    ) -> Mapping[str, str]:
        """Another model, agent or instructions, as an execution keeps them.

        Raises:
            InputError: there is nothing that they could change.
        """
        if all(other is None for other in others.values()):
            return {}
        ran = await self.store.results(execution.id)
        return changes_of(from_step, others, ran, self._with_pinned(workflow, pins), self.catalogue.library)

    def _with_pinned(self, workflow: Workflow, pins: Mapping[str, str]) -> Sequence[Workflow]:
        pinned = (self.catalogue.library.workflow(digest) for digest in pins.values())
        return [workflow, *(found for found in pinned if found is not None)]

    async def _pins_with(self, execution: Execution, agent: str | None) -> Mapping[str, str]:
        """What the execution is pinned to, and the agent that has the name it is given now."""
        if agent is None:
            return execution.pins
        name, _, version = agent.partition("@")
        found = await self.catalogue.used(name, version or None, execution.tenant)
        return {**execution.pins, agent: found.digest} if found is not None else execution.pins
