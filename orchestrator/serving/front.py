"""Which question an answer belongs to that does not say so. Agent Inbox shows the first of a thread's, Agent Chat UI
one of those in the newest state of its history, and which one depends on its version; neither sends anything that names
it. So both are shown the same one, the one in front, and it is kept in mind that they were."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from orchestrator.serving.served import Caller, Document
from orchestrator.store.port import OpenWait
from orchestrator.store.served.values import Thread

_REMEMBERED: Final = 10_000
"""Readers of threads. Whoever is forgotten reads once more."""


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
    """What was last in front when somebody read a thread.

    In memory only: after a restart nobody has been shown anything, and where that matters is told to read again.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str | None, str], str] = OrderedDict()

    def thread(self, by: Caller, thread: Thread) -> None:
        """A thread goes out to them. While it is busy that says nothing: clients may show what a run told them."""
        groups = list(thread.interrupts.values())
        if thread.status == "interrupted" and groups and groups[0]:
            self._note(by, thread.id, _id(groups[0][0]))

    def state(self, by: Caller, thread_id: str, state: Mapping[str, Any]) -> None:
        """The newest state of a thread goes out to them. Where several tasks ask, nobody knows which one they see."""
        asked = [each for task in state["tasks"] for each in task["interrupts"]]
        if len(asked) == 1:
            self._note(by, thread_id, _id(asked[0]))
        else:
            self.forget(by, thread_id)

    def last(self, by: Caller, thread_id: str) -> str | None:
        """The id of what they saw in front."""
        return self._last.get((by.tenant, by.person.name, thread_id))

    def forget(self, by: Caller, thread_id: str) -> None:
        """They have answered: the same once more, as a second click or a repeated request, is no second answer."""
        self._last.pop((by.tenant, by.person.name, thread_id), None)

    def _note(self, by: Caller, thread_id: str, interrupt_id: str) -> None:
        key = (by.tenant, by.person.name, thread_id)
        self._last[key] = interrupt_id
        self._last.move_to_end(key)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)


def _id(interrupt: Any) -> str:
    return str(interrupt["id"] if isinstance(interrupt, Mapping) else interrupt.id)
