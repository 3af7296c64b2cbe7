"""Which question an answer belongs to that does not say so. Agent Inbox shows the first of a thread's, Agent Chat UI
one of those in the newest state of its history, and which one depends on its version; neither sends anything that names
it. So both are shown the same one, the one in front, and it is kept in mind that they were."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.serving.served import Caller, Document
from orchestrator.store.port import OpenWait
from orchestrator.store.served.values import Thread
from orchestrator.store.sqlite import SqliteStore


def by_turn(waits: Sequence[OpenWait]) -> list[OpenWait]:
    """The same, with what people decide before what events bring, the oldest in front."""
    return sorted(waits, key=lambda wait: (wait.wait.kind != "approval", wait.opened_at))


def alone(wait: OpenWait, waits: Sequence[OpenWait]) -> bool:
    """Whether nothing else was asked while a question was: whoever was shown any was shown this one."""
    others = [other for other in waits if other.wait.kind == "approval" and other is not wait]
    return all(other.closed_at is not None and other.closed_at < wait.opened_at for other in others)


def with_one_in_front(state: Document) -> Document:
    """A state in which one task alone asks. Older versions of Agent Chat UI show what the last task asks; newer ones
    show what any of them does, and let one choose, and do not say in the answer which was chosen."""
    first, *others = state["tasks"] or [None]
    if not others:
        return state
    return {**state, "tasks": [*({**task, "interrupts": []} for task in others), first]}


class Shown:
    """What was last in front when somebody read a thread. It is kept before they see it: an answer that names nothing
    falls on no other question, however often the gateway was begun anew meanwhile."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def threads(self, by: Caller, threads: Iterable[Thread]) -> None:
        """Threads go out to them. While one is busy that says nothing: clients may show what a run told them."""
        fronts = [(thread.id, list(thread.interrupts.values())) for thread in threads if thread.status == "interrupted"]
        await self._note(by, [(thread_id, _id(groups[0][0])) for thread_id, groups in fronts if groups and groups[0]])

    async def state(self, by: Caller, thread_id: str, state: Mapping[str, Any]) -> None:
        """The newest state of a thread goes out to them. Where several tasks ask, nobody knows which one they see."""
        asked = [each for task in state["tasks"] for each in task["interrupts"]]
        await self._note(by, [(thread_id, _id(asked[0]) if len(asked) == 1 else None)])

    def last(self, by: Caller, thread_id: str) -> str | None:
        """The id of what they saw in front."""
        return self._store.shown_question(thread_id, by.tenant, _reader(by))

    async def forget(self, by: Caller, thread_id: str) -> None:
        """They have answered: the same once more, as a second click or a repeated request, is no second answer."""
        await self._note(by, [(thread_id, None)])

    async def _note(self, by: Caller, shown: Sequence[tuple[str, str | None]]) -> None:
        await self._store.note_shown(shown, by.tenant, _reader(by))


def _reader(by: Caller) -> str:
    return by.person.name or ""


def _id(interrupt: Any) -> str:
    return str(interrupt["id"] if isinstance(interrupt, Mapping) else interrupt.id)
