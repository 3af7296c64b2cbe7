"""What happens on a thread, run after run, in the events of LangChain's agent protocol: what `client.threads.stream()`
and @langchain/react subscribe to."""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.ids import shown_id
from orchestrator.serving.encoding import to_bytes
from orchestrator.serving.served import Document, Say
from orchestrator.serving.streams import RunLog, Said
from orchestrator.store.served.values import Ended, Run

MODES: Final = ("values", "updates", "messages-tuple", "custom", "tasks", "checkpoints", "tools")
"""The stream modes of a run that is started by the protocol: all that its channels show."""

_THREADS = 512
"""Threads whose events are kept in memory for subscribers."""

_JUST_NOW = 30.0
"""Seconds after its end for which a run's events are shown to whoever subscribes: it may have ended before the client
that started it could."""

_PASSED_ON = frozenset({"values", "updates", "custom", "tasks", "tools", "lifecycle"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Which events somebody wants.

    Attributes:
        namespaces: Below which; None for everywhere.
        depth: How far below.
        since: After which number; None: the run that is under way, and what comes.
    """

    channels: frozenset[str]
    namespaces: Sequence[Sequence[str]] | None = None
    depth: int | None = None
    since: int | None = None

    def wants(self, channel: str, namespace: Sequence[str]) -> bool:
        """Whether an event is among them."""
        family = channel.partition(":")[0]
        return (channel in self.channels or family in self.channels) and self._is_near(namespace)

    def _is_near(self, namespace: Sequence[str]) -> bool:
        if not self.namespaces:
            return True
        return any(
            _begins(namespace, prefix) and (self.depth is None or len(namespace) - len(prefix) <= self.depth)
            for prefix in self.namespaces
        )


class ThreadEvents:
    """The events of one thread.

    Attributes:
        streams: The streams of its runs, one after the other, as `join_stream` of a thread shows them.
        ended: The number of the event that told the end of the newest run that has ended.
    """

    def __init__(self) -> None:
        self.streams = RunLog()
        self.ended = 0
        self._log = RunLog()
        self._facts: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._began = 0
        self._ended_at: float | None = None
        self._message: dict[str, str] = {}
        self._known: dict[str, int] = {}
        """What the newest run has asked, and the number of the event that said so."""

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self._log.last

    @property
    def asked(self) -> frozenset[str]:
        """What the newest run has asked."""
        return frozenset(self._known)

    def begins(self, run: Run) -> None:
        """A run begins."""
        self.streams.say("metadata", {"run_id": run.id, "thread_id": run.thread_id, "attempt": run.attempts})
        self._began, self._ended_at = self._log.last, None
        self._known.clear()
        self._emit("lifecycle", (), {"event": "running"})

    def ends(self, run: Run, ended: Ended) -> None:
        """It has ended."""
        self.streams.say("run_done", {"run_id": run.id, "thread_id": run.thread_id, "status": run.status})
        left = {"values": ended.state, "interrupts": ended.interrupts, "error": ended.error}
        self.streams.say("state_update", left)
        if ended.error is not None:
            said: Document = {"event": "failed", "error": ended.error.get("message")}
        else:
            said = {"event": "interrupted" if ended.interrupts else "completed"}
        self._emit("lifecycle", (), said)
        self.ended = self._log.last
        self._ended_at = time.monotonic()

    def close(self) -> None:
        """This process lets go of the thread."""
        self.streams.close()
        self._log.close()

    def tell(self, event: str, data: Any) -> None:
        """Something a run said on its own stream."""
        kind, *namespace = event.split("|")
        place = tuple(namespace)
        if kind in ("updates", "values") and isinstance(data, Mapping) and "__interrupt__" in data:
            self._asked(place, data["__interrupt__"])
            data = {key: value for key, value in data.items() if key != "__interrupt__"}
            if not data:
                return
        if kind in _PASSED_ON:
            self._emit(kind, place, data)
        elif kind == "messages" and isinstance(data, list | tuple) and isinstance(data[0], dict) and "event" in data[0]:
            self._emit("messages", place, self._of_message(*data))
        elif kind == "checkpoints":
            self._emit("checkpoints", place, _brief(data))

    async def read(
        self, wanted: Subscription, *, quiet: float, pending: Sequence[Mapping[str, Any]] = ()
    ) -> AsyncIterator[Said | None]:
        """Events as they happen; None after so many seconds without.

        Args:
            pending: What is asked on the thread at this moment. Clients answer only what they were told in events, so
                who comes later, also to another process, is told once more.
        """
        start = self.start(wanted)
        for reminder in self.reminders(wanted, start, pending):
            yield reminder
        async for said in self._log.read(start, quiet=quiet):
            if said is None or self.concerns(wanted, said):
                yield said

    def between(self, wanted: Subscription, after: int, until: int) -> list[Said]:
        """What a subscriber is to be told of what was said after a number, up to another."""
        return [said for said in self._log.between(after, until) if self.concerns(wanted, said)]

    def everything(self, after: int) -> AsyncIterator[Said | None]:
        """Every event behind a number as it happens, for one who picks out of it for several subscribers."""
        return self._log.read(after)

    def concerns(self, wanted: Subscription, said: Said) -> bool:
        """Whether a subscriber is to be told of an event."""
        return said.event == "gap" or wanted.wants(*self._facts.get(said.seq, (said.event, ())))

    def reminders(self, wanted: Subscription, start: int, pending: Sequence[Mapping[str, Any]]) -> list[Said]:
        """What is asked, for a subscriber who begins after the events that asked it; see `read`."""
        if wanted.since is not None:
            return []
        self._asked((), pending)
        known = [(self._known[each["id"]], each) for each in pending]
        return [_question(seq, each) for seq, each in known if seq <= start and wanted.wants("input", ())]

    def start(self, wanted: Subscription) -> int:
        """The number of the event after which a subscriber who comes now is told what was said."""
        if wanted.since is not None:
            return wanted.since
        over = self._ended_at is not None and time.monotonic() - self._ended_at > _JUST_NOW
        return self._log.last if over else self._began

    def _asked(self, namespace: tuple[str, ...], interrupts: Sequence[Any]) -> None:
        if namespace:
            return  # it comes up through the graphs around, and is said once, at the root
        for each in interrupts:
            asked = each if isinstance(each, Mapping) else {"id": each.id, "value": each.value}
            if asked["id"] in self._known:  # a run says it in its updates and in its values
                continue
            self._known[asked["id"]] = self._log.last + 1
            self._emit("input.requested", (), _asking(asked))

    def _of_message(self, event: Mapping[str, Any], metadata: Mapping[str, Any]) -> Document:
        # Several models may speak at once: each event says of which message it is.
        who = str(metadata.get("langgraph_checkpoint_ns"))
        if event.get("event") == "message-start":
            self._message[who] = str(event.get("id"))
            return {**event, "metadata": metadata}
        return {**event, "message_id": self._message.get(who)}

    def _emit(self, method: str, namespace: tuple[str, ...], data: Any) -> None:
        seq = self._log.last + 1
        named = data.get("name") if method == "custom" and isinstance(data, Mapping) else None
        channel = {"input.requested": "input"}.get(method, f"custom:{named}" if named else method)
        self._facts[seq] = (channel, namespace)
        self._log.say(method, _envelope(seq, method, namespace, data))
        for gone in [each for each in list(self._facts)[:2] if each <= self._log.forgotten]:
            del self._facts[gone]


class Hub:
    """The events of the threads that somebody watches."""

    def __init__(self) -> None:
        self._threads: OrderedDict[str, ThreadEvents] = OrderedDict()

    def watch(self, thread_id: str) -> ThreadEvents:
        """The events of a thread from now on."""
        if (events := self._threads.get(thread_id)) is None:
            events = self._threads[thread_id] = ThreadEvents()
            while len(self._threads) > _THREADS:
                self._threads.popitem(last=False)[1].close()
        self._threads.move_to_end(thread_id)
        return events

    def both(self, run: Run, say: Say) -> Say:
        """Say things on a run's stream, and to whoever watches its thread."""

        def both(event: str, data: Any) -> None:
            say(event, data)
            if (events := self._threads.get(run.thread_id)) is not None:
                events.streams.say(event, data)
                events.tell(event, data)

        return both

    def begins(self, run: Run) -> None:
        """A run begins."""
        if (events := self._threads.get(run.thread_id)) is not None:
            events.begins(run)

    def ends(self, run: Run, ended: Ended) -> None:
        """A run has ended."""
        if (events := self._threads.get(run.thread_id)) is not None:
            events.ends(run, ended)

    def is_watched(self, thread_id: str) -> bool:
        """Whether what happens on a thread is kept for somebody."""
        return thread_id in self._threads

    def changed(self, thread_id: str, state: Mapping[str, Any]) -> None:
        """Somebody has changed a thread's state, by no run."""
        if (events := self._threads.get(thread_id)) is not None:
            asked = {task["id"]: task["interrupts"] for task in state["tasks"] if task["interrupts"]}
            left = {"values": state["values"], "interrupts": asked, "error": None}
            events.streams.say("state_update", {"thread_id": shown_id(thread_id), "state": state, **left})

    def close(self) -> None:
        """Every subscriber is sent away."""
        for events in self._threads.values():
            events.close()


def _envelope(seq: int, method: str, namespace: tuple[str, ...], data: Any) -> Document:
    params = {"namespace": namespace, "timestamp": time.time_ns() // 1_000_000, "data": data}
    return {"type": "event", "event_id": str(seq), "seq": seq, "method": method, "params": params}


def _asking(asked: Mapping[str, Any]) -> Document:
    return {"interrupt_id": asked["id"], "value": asked["value"], "payload": asked["value"]}


def _question(seq: int, asked: Mapping[str, Any]) -> Said:
    """The event that said so, once more: under its number, so that nobody takes it for another."""
    return Said(seq, "input.requested", to_bytes(_envelope(seq, "input.requested", (), _asking(asked))))


def _begins(namespace: Sequence[str], prefix: Sequence[str]) -> bool:
    """A part without a number (`tools`) stands for each with one (`tools:3f…`)."""
    if len(prefix) > len(namespace):
        return False
    return all(
        one == other or (":" not in one and other.partition(":")[0] == one)
        for one, other in zip(prefix, namespace, strict=False)
    )


def _brief(checkpoint: Mapping[str, Any]) -> Document:
    where = (checkpoint.get("config") or {}).get("configurable") or {}
    parent = (checkpoint.get("parent_config") or {}).get("configurable") or {}
    metadata = checkpoint.get("metadata") or {}
    return {
        "id": where.get("checkpoint_id"),
        "parent_id": parent.get("checkpoint_id"),
        "step": metadata.get("step"),
        "source": metadata.get("source"),
    }
