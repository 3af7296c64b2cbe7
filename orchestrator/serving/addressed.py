"""What somebody sees who decides and may not read: what is asked of them, and as much around it as answering takes.

Of an execution, the approvals that are theirs (`rules.concerns`); of other graphs, whatever they ask: that is addressed
to nobody, and so to everybody who may decide. The values of threads are never shown, nor what others are asked.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

import orjson

from graphs.errors import NotAllowedError
from orchestrator.approvals import rules
from orchestrator.approvals.values import Approval, Person
from orchestrator.engine import Orchestrator
from orchestrator.ids import shown_id
from orchestrator.serving.answers import interrupt_id
from orchestrator.serving.desk import Desk
from orchestrator.serving.encoding import to_bytes
from orchestrator.serving.front import with_one_in_front
from orchestrator.serving.messages import told
from orchestrator.serving.served import Document, Place
from orchestrator.serving.snapshots import empty_state
from orchestrator.serving.streams import Said
from orchestrator.store.port import InboxFilter
from orchestrator.store.served.runs import no_run
from orchestrator.store.served.threads import no_thread
from orchestrator.store.served.values import Ended, Run, Search, Thread
from orchestrator.tenancy import STARTED_BY

_ALL: Final = 10_000
_FACTS: Final = ("graph_id", "assistant_id")
"""Of a thread's metadata: which graph it belongs to. The rest may be anything its owner keeps there."""

_FAILED: Final = "It failed. What went wrong is shown to whoever has the right 'read'."
_States = Literal["open", "answered", "elapsed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Addressed:
    """What one person is asked.

    Attributes:
        tenant, person: Whose eyes it is seen with.
    """

    baton: Orchestrator
    desk: Desk
    tenant: str
    person: Person

    # -- threads -------------------------------------------------------------------------------------------------

    async def thread(self, thread_id: str) -> Thread:
        """A thread that asks them, or on which they have answered.

        Raises:
            NotFoundError: there is none that concerns them.
        """
        thread = await self.desk.threads.get(thread_id, self.tenant)
        visible = await self._visible(thread.id, thread.interrupts)
        if not visible and not await self._has_acted(thread_id):
            raise no_thread(thread_id)
        return _narrowed(thread, visible)

    async def search(self, which: Search) -> Sequence[Thread]:
        """Threads that ask them something now.

        Raises:
            NotAllowedError: they are to be found by what is not shown to them.
        """
        if which.state or not set(which.metadata) <= set(_FACTS):
            raise NotAllowedError(
                "To find threads by their values or their metadata takes the right 'read'.",
                hint=f"Without it: by status, ids, and {' or '.join(_FACTS)}.",
            )
        mine = InboxFilter(tenant=self.tenant, limit=_ALL)
        page = await self.baton.inbox.list(mine, concerning=self.person)
        asking = {one.wait.execution_id for one in page.approvals}
        asking.update(await self.baton.store.asking_threads(self.tenant))
        asking &= set(which.among.get("id", asking))
        found = await self.desk.threads.search(replace(which, among={**which.among, "id": sorted(asking)}))
        seen = [(thread, await self._visible(thread.id, thread.interrupts)) for thread in found]
        return [_narrowed(thread, visible) for thread, visible in seen if visible]

    async def state(self, thread_id: str) -> Document:
        """A thread's newest state: what asks them, and where that stands.

        Raises:
            NotFoundError: there is none that concerns them.
        """
        shown = {each for group in (await self.thread(thread_id)).interrupts.values() for each in _ids(group)}
        state = await self.desk.threads.state(thread_id, self.tenant, Place(), subgraphs=False)
        tasks = [{**task, "interrupts": _among(task.get("interrupts"), shown)} for task in state["tasks"]]
        asking = [{**task, "result": None, "state": None, "error": None} for task in tasks if task["interrupts"]]
        return {
            **empty_state(thread_id),
            "next": [task["name"] for task in asking],
            "tasks": asking,
            "interrupts": _among(state["interrupts"], shown),
            **{name: state[name] for name in ("created_at", "checkpoint", "checkpoint_id")},
        }

    async def history(self, thread_id: str) -> list[Document]:
        """The same as the only state of its history, of which Agent Chat UI shows nothing where there is no message."""
        state = with_one_in_front(await self.state(thread_id))
        name = (await self.thread(thread_id)).metadata.get("graph_id")
        return [{**state, "values": {"messages": [told(shown_id(thread_id), str(name))]}}]

    # -- runs ----------------------------------------------------------------------------------------------------

    def run(self, run_id: str, thread_id: str) -> Run:
        """A run that they began themselves, with an answer.

        Raises:
            NotFoundError: there is none of theirs.
        """
        run = self.desk.get(run_id, thread_id, self.tenant)
        if not self._began(run):
            raise no_run(run_id)
        return run

    async def outcome(self, run: Run) -> Ended:
        """How a run of theirs ends, without what it leaves; of what it asks, what asks them."""
        ended = await self.desk.outcome(run)
        visible = await self._visible(run.thread_id, ended.interrupts)
        execution = await self.baton.store.execution(run.thread_id)
        state = {} if execution is None else {"status": str(execution.status)}
        return replace(ended, state=state, interrupts=visible, error=_brief(ended.error))

    # -- events --------------------------------------------------------------------------------------------------

    async def told(self, thread_id: str, events: AsyncIterator[Said | None]) -> AsyncIterator[Said | None]:
        """The events of a thread, as far as they are for them."""
        async for said in events:
            if said is None or (said := await self.shown(thread_id, said)) is not None:
                yield said

    async def shown(self, thread_id: str, said: Said) -> Said | None:
        """An event of a thread as they may hear it: what it asks of them, and that its runs begin and end."""
        if said.event == "gap":
            return said
        if said.event not in ("lifecycle", "input.requested"):
            return None
        envelope = orjson.loads(said.data)
        data = envelope["params"]["data"]
        if said.event == "lifecycle":
            if data.get("error") is None:
                return said
            envelope["params"]["data"] = {**data, "error": _FAILED}
            return replace(said, data=to_bytes(envelope))
        theirs = await self._theirs(thread_id)
        return said if theirs is None or data["interrupt_id"] in theirs else None

    # -- whose ---------------------------------------------------------------------------------------------------

    async def _visible(self, thread_id: str, interrupts: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a thread asks, as far as it asks them."""
        theirs = await self._theirs(thread_id)
        if theirs is None:
            return interrupts
        seen = {task: _among(group, theirs) for task, group in interrupts.items()}
        return {task: group for task, group in seen.items() if group}

    async def _theirs(self, thread_id: str) -> frozenset[str] | None:
        """The ids of what an execution asks them; None where a thread is none."""
        if await self.baton.store.execution(thread_id) is None:
            return None
        return frozenset(interrupt_id(one.wait) for one in await self._approvals(thread_id, "open"))

    async def _approvals(self, execution_id: str, status: _States) -> Sequence[Approval]:
        which = InboxFilter(tenant=self.tenant, execution_id=execution_id, status=status, limit=_ALL)
        now = self.baton.clock.now()
        found = await self.baton.store.approvals(which)
        return [one for one in found if rules.concerns(one, self.person, now)]

    async def _has_acted(self, thread_id: str) -> bool:
        """Whether they had a part in a thread that asks them nothing now."""
        for status in get_args(_States):
            if await self._approvals(thread_id, status):
                return True
        which = Search(tenant=self.tenant, fields={"thread_id": thread_id}, sort_by="seq", limit=_ALL)
        return any(self._began(run) for run in await self.desk.search(which))

    def _began(self, run: Run) -> bool:
        return self.person.name is not None and run.request.get(STARTED_BY) == self.person.name


def _narrowed(thread: Thread, interrupts: Mapping[str, Any]) -> Thread:
    facts = {name: thread.metadata[name] for name in _FACTS if name in thread.metadata}
    error = _brief(thread.error)
    return replace(thread, metadata=facts, config={}, state={}, interrupts=interrupts, error=error, ttl=None)


def _brief(error: Any) -> Any:
    """That something failed, and its code: the rest may hold values."""
    if error is None:
        return None
    return {"error": error.get("error") if isinstance(error, Mapping) else "error", "message": _FAILED}


def _ids(interrupts: Sequence[Any] | None) -> list[str]:
    return [each["id"] if isinstance(each, Mapping) else each.id for each in interrupts or ()]


def _among(interrupts: Sequence[Any] | None, ids: frozenset[str] | set[str]) -> list[Any]:
    return [each for each, own in zip(interrupts or (), _ids(interrupts), strict=True) if own in ids]
