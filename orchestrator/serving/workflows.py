"""A workflow of ours, served: its thread is an execution, its runs start and resume it, its questions are answered
by decisions that are stored before anything is driven."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from graphs.composites.subworkflow import root_plan
from graphs.errors import ConflictError, InputError, NotAllowedError, NotFoundError, StoreError
from graphs.inputs import check_input
from graphs.planner import COMPANION, Plan
from graphs.spec import Workflow
from orchestrator.approvals.rules import Given, concerns
from orchestrator.approvals.values import digest_of
from orchestrator.engine import Orchestrator
from orchestrator.queue.port import Ticket
from orchestrator.serving.answers import answers_to, are_ids, interrupt_id
from orchestrator.serving.asked import sets_aside
from orchestrator.serving.carrying import Carrying, asked_by, at_rest, checkpoint_of
from orchestrator.serving.configured import Configured
from orchestrator.serving.described import schemas_of
from orchestrator.serving.drawing import Drawer, DrawnPlan
from orchestrator.serving.front import with_one_in_front
from orchestrator.serving.ledger import Moment, follower_of, moments_of, state_now, states_of
from orchestrator.serving.secrets import InputSealer
from orchestrator.serving.served import Caller, Document, Edit, Place, Say, Window
from orchestrator.serving.snapshots import empty_state
from orchestrator.serving.wording import speaker_of
from orchestrator.store.port import Execution, OpenWait
from orchestrator.store.served.values import Assistant, Ended, Run, Thread
from orchestrator.store.units import Beside

_OF_LANGGRAPH = ("update", "goto")


class WorkflowGraph:
    """Implements orchestrator.serving.served.Served."""

    copied = False
    lasting = False

    def __init__(self, workflow: Workflow, orchestrator: Orchestrator, tenant: str) -> None:
        self.name = workflow.name
        self.description: str | None = workflow.metadata.description or None
        self._tenant = tenant
        self._workflow = workflow
        self._baton = orchestrator
        self._configured = Configured(orchestrator.catalogue.cipher)
        self._sealer = InputSealer(workflow.spec.input.schema_, orchestrator.catalogue.cipher)
        self._carrying = Carrying(workflow, orchestrator, tenant, self._sealer, self._go_back)

    def of_assistant(self, assistant: Assistant) -> "WorkflowGraph":
        """See the port: it is the same for all of one version."""
        return self

    def speaks(self, names: Mapping[str, Any]) -> bool:
        """See the port: the agent whose answer is the workflow's own."""
        return names.get("langgraph_node") == speaker_of(self._workflow)

    # -- running -------------------------------------------------------------------------------------------------

    async def admit(self, run: Run, by: Caller) -> Sequence[Beside]:
        """See the port. Answers are kept with the run: after a crash they are there, whoever drives then."""
        command = run.request.get("command") or {}
        if sets_aside(run):
            return ()
        if given := [word for word in _OF_LANGGRAPH if command.get(word) is not None]:
            raise InputError(
                f"A workflow takes no command '{given[0]}'.",
                hint="It takes resume. To go on from one of its steps, name a checkpoint, or retry or fork it.",
                code="command_refused",
            )
        execution = await self._carrying.execution(run.thread_id)
        if execution is not None and execution.workflow != self.name:
            raise ConflictError(
                f"Thread '{run.thread_id}' is an execution of '{execution.workflow}', not of '{self.name}'.",
                hint="Make another thread.",
                code="thread_of_workflow",
            )
        if command.get("resume") is not None:
            return await self._answers(run.thread_id, execution, command["resume"], by)
        if checkpoint_of(run) is not None:
            if not by.redrives:
                raise NotAllowedError("To go back to an earlier step takes the right 'redrive'.")
            await self._moment(run.thread_id, execution, checkpoint_of(run))
        elif execution is None:
            if self._baton.store.standing(run.thread_id)["checkpoint"] is not None:
                raise ConflictError(
                    f"Thread '{run.thread_id}' belongs to a graph; no workflow is carried out on it.",
                    hint="Make another thread.",
                    code="thread_of_graph",
                )
            check_input(self._workflow.spec.input.schema_, self._sealer.input_of(run.request) or {})
        elif run.request.get("input"):
            raise ConflictError(
                f"Thread '{run.thread_id}' is an execution that has begun; it takes no second input.",
                hint="Start another thread, or fork this one with a changed input.",
                code="execution_exists",
            )
        return ()

    def sealed(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """See the port."""
        return self._sealer.sealed(self._configured.sealed(request))

    def fingerprint(self, wish: Mapping[str, Any]) -> str:
        """See the port."""
        return self._sealer.fingerprint(wish)

    async def perform(self, ticket: Ticket, say: Say) -> Ended:
        """See the port."""
        if sets_aside(ticket.run):
            return await self.after_stop(ticket)
        return await self._carrying.perform(ticket.run, say)

    async def after_stop(self, ticket: Ticket) -> Ended:
        """See the port: to stop a run of an execution is to cancel it."""
        execution = await self._carrying.execution(ticket.run.thread_id)
        if execution is not None and not execution.status.final:
            await self._baton.cancel(execution.id, reason=f"run {ticket.run.id} was cancelled")
            await self._baton.wait(execution.id)
        return replace(await self.left(ticket.run), status="interrupted")

    async def left(self, run: Run) -> Ended:
        """See the port."""
        execution = await self._carrying.execution(run.thread_id)
        if execution is None:
            return Ended(status="interrupted", thread="idle")
        return await self._carrying.ended(execution)

    async def _go_back(self, execution: Execution, checkpoint: str) -> None:
        moment = await self._moment(execution.id, execution, checkpoint)
        await self._baton.retry(execution.id, from_step=moment.path)

    async def _answers(self, thread_id: str, execution: Execution | None, resume: Any, by: Caller) -> Sequence[Beside]:
        if execution is None:
            raise NotFoundError(f"Nothing runs on thread '{thread_id}'.", code="execution_not_found")
        if not by.decides:
            raise NotAllowedError("To answer an approval takes the right 'decide'.")
        waits = await self._baton.waits(thread_id)
        if not are_ids(resume) or not {interrupt_id(wait) for wait in waits}.issuperset(resume):
            # Whoever answers what was answered is told by whom, or that something else is asked by now.
            waits = await self._baton.store.waits(thread_id, status=None)
        deciding = []
        for wait, said in answers_to(waits, resume, by.shown, await self._theirs(thread_id, waits, by)):
            # Judged once more when it is kept: by then something else may be asked at the same place.
            shown = said.digest or digest_of(wait)
            given = Given(decision=said.decision, data=said.data, reason=said.reason, digest=shown)
            deciding.append(self._baton.inbox.deciding(thread_id, wait.path, by.person, given))
        return deciding

    async def _theirs(self, thread_id: str, waits: Sequence[OpenWait], by: Caller) -> Sequence[OpenWait] | None:
        """Of what is asked, or was, what somebody may see; None for all of it."""
        if by.reads:
            return None
        now = self._baton.clock.now()
        asked = {wait.path: wait for wait in waits if wait.wait.kind == "approval"}
        seen = {path for path in asked if concerns(await self._baton.inbox.get(thread_id, path), by.person, now)}
        return [wait for wait in waits if wait.path in seen]

    # -- looking -------------------------------------------------------------------------------------------------

    async def current(self, thread: Thread) -> Thread:
        """See the port: others start, answer and cancel executions too."""
        execution = await self._carrying.execution(thread.id)
        if execution is None:
            return thread
        ended = await self._carrying.ended(execution)
        settled = at_rest(self._baton, execution, await asked_by(self._baton, execution.id))
        return replace(
            thread,
            status=ended.thread if settled and thread.status != "busy" else "busy",
            state=ended.state,
            interrupts=ended.interrupts,
            error=ended.error if settled else None,
            state_updated_at=execution.updated_at or execution.created_at,
        )

    async def state(self, thread: Thread, place: Place, *, subgraphs: bool) -> Document:
        """See the port."""
        execution = await self._carrying.execution(thread.id)
        if place.checkpoint_id is not None:
            moment = await self._moment(thread.id, execution, place.checkpoint_id)
            assert execution is not None
            states = states_of(execution, await self._moments(thread.id), await self._steps_of(execution))
            return next(state for state in states if state["checkpoint_id"] == str(moment.seq))
        if execution is None:
            return empty_state(thread.id)
        moments = await self._moments(thread.id)
        waits = [] if execution.status.final else await asked_by(self._baton, thread.id)
        results = await self._baton.results(thread.id)
        standing = await self._baton.left_standing(execution)
        return state_now(execution, results, waits, await self._steps_of(execution), moments, standing)

    async def history(self, thread: Thread, window: Window) -> Sequence[Document]:
        """See the port."""
        execution = await self._carrying.execution(thread.id)
        if execution is None:
            return []
        states = states_of(execution, await self._moments(thread.id), await self._steps_of(execution))[:-1]
        states.append(with_one_in_front(await self.state(thread, Place(), subgraphs=False)))
        if window.before is not None and window.before.checkpoint_id is not None:
            until = _number(thread.id, window.before.checkpoint_id)
            states = [state for state in states if int(state["checkpoint_id"]) < until]
        return states[::-1][: window.limit]

    # -- changing ------------------------------------------------------------------------------------------------

    async def edit(self, thread: Thread, edits: Sequence[Sequence[Edit]]) -> Place:
        """See the port: an execution's past is not rewritten. It is ended, retried from a step, or forked."""
        if len(edits) != 1 or len(edits[0]) != 1:
            raise _no_edit("in several supersteps")
        edit = edits[0][0]
        execution = await self._carrying.execution(thread.id)
        if execution is None:
            raise NotFoundError(f"Nothing runs on thread '{thread.id}'.", code="execution_not_found")
        steps = await self._steps_of(execution)
        if edit.as_node == "__end__" and not edit.values:
            await self._baton.cancel(thread.id, by=edit.by, reason="ended from outside")
            execution = await self._baton.wait(thread.id)
        elif edit.as_node in steps and not edit.values:
            execution = await self._baton.retry(thread.id, from_step=edit.as_node)
        elif edit.as_node in steps and isinstance(edit.values, Mapping):
            given = edit.values.get("input", edit.values)
            execution = await self._baton.fork(thread.id, edit.as_node, edit=given)
            return Place(checkpoint_id="0", thread_id=execution.id)
        else:
            raise _no_edit(f"as node '{edit.as_node}'" if edit.as_node else "without as_node")
        moments = await self._moments(thread.id)
        return Place(checkpoint_id=str(moments[-1].seq if moments else 0))

    # -- describing ----------------------------------------------------------------------------------------------

    async def drawing(self, xray: bool | int) -> Document:
        """See the port."""

        async def find(name: str, version: str | None) -> Workflow | None:
            return await self._baton.catalogue.find(name, version, self._tenant)

        return await Drawer(self._drawn, find).draw(self._workflow, xray)

    async def schemas(self) -> Document:
        """See the port."""
        return schemas_of(self._workflow)

    async def subgraphs(self, namespace: str | None, *, recurse: bool) -> Mapping[str, Document]:
        """See the port: what is inside a workflow is steps, not graphs."""
        return {}

    # -- steps ---------------------------------------------------------------------------------------------------

    def _planned(self, workflow: Workflow) -> tuple[Plan, list[str]]:
        plan = root_plan(workflow, self._baton.catalogue.library)
        return plan, [name for name in plan.steps if COMPANION not in name]

    def _drawn(self, workflow: Workflow) -> DrawnPlan:
        plan, steps = self._planned(workflow)
        needs = {name: [need for need in plan.awaits(name) if need in steps] for name in steps}
        return {name: plan.steps[name].step for name in steps}, needs

    async def _steps_of(self, execution: Execution) -> list[str]:
        """The steps of the version that an execution began with; another may have been published since."""
        workflow = self._workflow
        if execution.digest != workflow.digest:
            with suppress(StoreError):  # its Python code is not loaded: what it is now says most about it
                workflow = await self._baton.catalogue.pinned(execution)
        return self._planned(workflow)[1]

    # -- moments -------------------------------------------------------------------------------------------------

    async def _moments(self, execution_id: str) -> list[Moment]:
        return list(moments_of(await self._baton.store.records(execution_id)))

    async def _moment(self, thread_id: str, execution: Execution | None, checkpoint: str | None) -> Moment:
        """The moment a checkpoint names, with the path of the step that settled next after it."""
        moments = await self._moments(thread_id) if execution is not None else []
        number = _number(thread_id, checkpoint or "")
        found = next((moment for moment in moments if moment.seq == number), None)
        if found is None:
            raise NotFoundError(f"Thread '{thread_id}' has no checkpoint '{checkpoint}'.", code="checkpoint_not_found")
        return replace(found, path=follower_of(moments, number))


def _number(thread_id: str, checkpoint: str) -> int:
    if not checkpoint.isdecimal():
        raise NotFoundError(f"Thread '{thread_id}' has no checkpoint '{checkpoint}'.", code="checkpoint_not_found")
    return int(checkpoint)


def _no_edit(how: str) -> InputError:
    return InputError(
        f"The state of an execution cannot be changed {how}.",
        hint="as_node names a step: without values it is retried from there, with values as its new input it is "
        'forked there; as_node "__end__" ends it.',
        code="update_refused",
    )
