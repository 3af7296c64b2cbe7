"""Ports between the graph and whoever keeps executions alive: the graph asks, the orchestrator's room answers."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig

from graphs.analysis import Past
from graphs.budget import Ledger
from graphs.checkpoints import Checkpoints
from graphs.clock import Clock
from graphs.flow import Flow
from graphs.lasting import Lasting
from graphs.planner import Conclusion, Halt
from graphs.prepare import Library
from graphs.spec import Config, Undoing, Workflow
from graphs.state import Happened, Result, follows_the_end
from graphs.steps import Answer, Logger, Wait


class Graph(Protocol):
    """The compiled graph, as far as somebody carries out a plan on it."""

    def astream(
        self,
        input: Any,  # noqa: A002 - LangGraph's name
        config: RunnableConfig | None = None,
        *,
        context: Any = None,
        stream_mode: Any = None,
        output_keys: Any = None,
        durability: Any = None,
    ) -> AsyncIterator[Any]: ...


async def run_graph(graph: Graph, config: RunnableConfig, context: Any) -> None:
    """Carry out a plan until it ends or parks, from its checkpoint: there is one also when it is new.

    Results are taken from the commits, not from LangGraph's output, so it is asked for as little of that as it gives:
    putting together updates for every step would cost more than the step's own bookkeeping.

    Raises:
        GraphInterrupt: a plan inside a step has parked. (LangGraph keeps it to itself for the outermost one.)
    """
    stream = graph.astream(None, config, context=context, stream_mode="values", output_keys="path", durability="sync")
    async for _ in stream:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What does not change while an execution is being driven."""

    execution_id: str
    workflow: str
    version: str
    generation: int
    """Of what is made: part of idempotency keys. Ask `generation_at`."""
    started_at: datetime
    user_context: Mapping[str, Any]
    metadata: Mapping[str, Any]
    partition_size: int = 250
    """How many steps a superstep holds at most; more are split into concurrent child flows."""
    short_wait: float = 0.5
    thread_grace: float = 30.0
    """Seconds; for less, nobody parks."""
    max_result_bytes: int | None = None
    """As JSON, of one step; None for any number."""
    gone_back: int = 0
    """How often the execution was made to go on after an end, or from an earlier step."""

    def generation_at(self, path: str) -> int:
        """The generation of the step at a path.

        What undoes and what `finally` says is done anew at each end, whichever steps were: under a key of its own,
        because who honours the one of the end before would do nothing.
        """
        return self.generation + (self.gone_back if follows_the_end(path) else 0)


class Recording(Protocol):
    """What an execution did, for a replay of it."""

    @property
    def performed(self) -> Collection[str]:
        """Names of steps that are performed all the same: somebody knows that they only compute."""
        ...

    def find(self, path: str, so_far: Callable[[str], Result | None]) -> tuple[str, Result] | None:
        """The recorded result that a step is served, and its path in the record; None when there is none.

        Args:
            so_far: The replay's own results by path, of the plans around the step.
        """
        ...

    def instead(self, path: str) -> Mapping[str, str]:
        """What a step that asks a model is given in place of what it says: `model`, `agent`, `instructions`."""
        ...


class Host(Protocol):
    """Whoever drives an execution, seen from its nodes."""

    @property
    def facts(self) -> Facts: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def log(self) -> Logger: ...
    @property
    def library(self) -> Library: ...
    @property
    def resources(self) -> Mapping[type, Any]: ...
    @property
    def recording(self) -> Recording | None:
        """What side effects are served from; None where they are made."""
        ...

    def instead(self, path: str) -> Mapping[str, str]:
        """What a step that asks a model is given in place of what it says, since a retry, a fork or a replay wants
        that: `model`, `agent`, `instructions`."""
        ...

    def edit(self, path: str) -> Mapping[str, Any]:
        """What is merged into the input of a step, since a retry or a fork wants that."""
        ...

    @property
    def checkpoints(self) -> Checkpoints: ...
    @property
    def graph(self) -> Graph: ...

    def pinned(self, name: str, version: str | None) -> Workflow | None:
        """The sub-workflow of that name, as it was when the execution started."""
        ...

    def workflows(self) -> Mapping[str, Workflow]:
        """All that the execution is pinned to, under the names they are asked by."""
        ...

    async def past(self, workflow: Workflow) -> Past | None:
        """How executions of a workflow went so far; None when there were none."""
        ...

    async def tracks(self) -> Mapping[str, Any]:
        """What is known of agents that were chosen for a capability, by name."""
        ...

    def idle(self) -> None: ...
    def stirred(self) -> None: ...
    def failed(self, error: BaseException) -> None: ...
    @property
    def broke_off(self) -> bool: ...
    def place(self, path: str) -> float: ...

    def slot(self, own: str | None, named: Sequence[str], path: str, flow: Flow) -> AbstractAsyncContextManager[float]:
        """A place to act in, under the limits of the plans around, the execution, the engine, the service or model the
        step uses (`own`) and those it names; gives the seconds it had to be waited for.

        Raises:
            BreakerOpenError: one of them is left alone for a while.
        """
        ...

    def started(self, path: str, attempt: int, names: Any) -> None:
        """A step begins to act (hooks, live records; a log line)."""
        ...

    def settled(self, path: str, result: Result) -> None:
        """A step has a result, which is about to be committed (hooks, log)."""
        ...

    def note(self, kind: str, path: str, data: Mapping[str, Any], *, keep: bool = False) -> None:
        """Something worth a record: seen live, and kept where `keep` says so."""
        ...

    async def keep(self, kind: str, path: str, data: Mapping[str, Any]) -> None:
        """A record that what comes next depends on: durable when it returns."""
        ...

    def heard(self) -> bool:
        """Whether somebody follows what the execution's models say, word by word."""
        ...

    async def open_wait(self, path: str, wait: Wait, state: Any) -> tuple[Wait, Answer | None]:
        """Keep a wait before anybody rests on it. Gives the one that was kept first (its end does not move when the
        step is entered again), and the answer when there already is one. `state` is for the hooks, the first time."""
        ...

    async def close_wait(self, path: str, *, elapsed: bool) -> Answer | None:
        """The wait is over; gives the answer when one came first after all."""
        ...

    async def set_timer(self, path: str, wait: Wait, *, record: tuple[str, Mapping[str, Any]] | None = None) -> None:
        """Keep a timer for a step that rests between attempts, in place of the one before; with the record that says
        why, in one transaction."""
        ...

    def refuses(self, name: str) -> bool:
        """Whether the circuit breaker of that name lets nobody call now."""
        ...

    async def end_timer(self, path: str) -> None:
        """The step's timer is over, if it has one."""
        ...

    async def tried(self, path: str) -> Mapping[str, Any] | None:
        """The newest `step.retrying` or `step.held` of a step, as kept before this drive; None when there is none."""
        ...

    def remind(self, path: str, due: datetime, call: Callable[[], None]) -> None:
        """Call then: a composite step's time is over. Should the execution rest, it is taken up at that time."""
        ...

    def pauses_until(self, path: str) -> datetime | None:
        """When the last of the steps below a path goes on that rest between two attempts; None where none does."""
        ...

    async def worked(self, path: str) -> Mapping[str, Any] | None:
        """What earlier processes kept of how long they were at work on the plan inside a step: the newest
        `work.counted`, with when (`at`), and when something was last kept of what is inside (`last`)."""
        ...

    def forget(self, path: str) -> None:
        """The step is left: it has ended, or the flow parks, and then its time runs on."""
        ...

    def expect(self, path: str, wait: Wait, flow: Flow, name: str) -> Answer | None:
        """Wake the body when an answer arrives or the wait is due; gives the answer when it just has."""
        ...

    def unexpect(self, path: str) -> None: ...

    async def results(self, prefix: str) -> Mapping[str, Result]:
        """Results that were kept under a path, in the order in which they were committed."""
        ...

    async def seeds(self) -> Mapping[str, Result]:
        """Results that were there before this drive: what a plan without a checkpoint starts with (retry, fork)."""
        ...

    def compensates(self, conclusion: Conclusion, config: Config) -> Undoing:
        """What of it is undone when a plan ended like that: as its failure's category asks, or the definition says, or
        whoever stopped it."""
        ...

    @property
    def stopped(self) -> Halt | None:
        """Why also what undoes, or (terminated) what runs in any case, is to be stopped."""
        ...

    @property
    def terminated(self) -> Halt | None: ...

    async def history(self) -> Sequence[Happened]:
        """What the execution did, in the order in which it was committed."""
        ...

    async def concluded(self, conclusion: Conclusion, *, compensating: bool) -> None:
        """How the execution ends is settled, and kept before anything more is done: it is undone (or that goes on in
        another process), or its `finally` steps run."""
        ...

    async def effect(self, path: str, effect: Mapping[str, Any]) -> None:
        """Keep what a step has done to the world outside; durable when it returns."""
        ...

    @property
    def lasting(self) -> Lasting:
        """The calls of this process that go on after their attempts were over."""
        ...

    async def came_late(self, path: str, said: Mapping[str, Any]) -> None:
        """Keep what a call came to that went on after its attempt was over."""
        ...

    async def ledger(self) -> Ledger:
        """What the execution's models have cost so far."""
        ...

    async def emit_event(
        self,
        event_type: str,
        data: Any = None,
        *,
        key: str | None = None,
        id: str | None = None,  # noqa: A002 - the event's own word
    ) -> None:
        """Publish an event; the same `id` again changes nothing."""
        ...

    def seal(self, value: Any) -> Any:
        """JSON values for the checkpoint: secrets in them encrypted."""
        ...

    def unseal(self, value: Any) -> Any: ...
