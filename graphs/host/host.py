"""Whoever drives an execution, seen from its nodes."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from graphs.analysis import Past
from graphs.budget import Ledger
from graphs.checkpoints import Checkpoints
from graphs.clock import Clock
from graphs.flow import Flow
from graphs.host.facts import Facts, Recording
from graphs.host.running import Graph
from graphs.host.waiting import Waiting
from graphs.lasting import Lasting
from graphs.planner import Conclusion, Halt
from graphs.prepare import Library
from graphs.spec import Config, Undoing, Workflow
from graphs.state import Happened, Result
from graphs.steps import Logger


class Host(Waiting, Protocol):
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
    def asked(self, end: Mapping[str, Any] | None, *, held: bool) -> None: ...
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

    def refuses(self, name: str) -> bool:
        """Whether the circuit breaker of that name lets nobody call now."""
        ...

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
