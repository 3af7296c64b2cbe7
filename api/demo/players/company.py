"""One engine with one kind of models: where the small examples are run, and what the records say of each."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.demo.catalogue import example
from api.demo.outside import Outside
from api.demo.processes import EngineProcess
from api.demo.provider import Provider
from api.demo.voice import Voice
from graphs.budget import SPENT
from graphs.spec import Workflow
from graphs.state import ExecutionStatus, Result
from orchestrator.approvals.values import Decision
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution, OpenWait, Record

GIVE_UP_SECONDS: Final = 90.0
LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """An execution as it stands, with all that was kept of it."""

    execution: Execution
    results: Mapping[str, Result]
    records: Sequence[Record]

    @property
    def ended_well(self) -> bool:
        return self.execution.status is ExecutionStatus.COMPLETED

    @property
    def calls(self) -> list[Record]:
        """Calls of models that were paid."""
        return self.kept(SPENT)

    def kept(self, kind: str) -> list[Record]:
        """The records of a kind."""
        return [record for record in self.records if record.kind == kind]

    def output(self, path: str) -> dict[str, Any]:
        """What a step gave; nothing where it gave nothing."""
        found = self.results[path].get("output") if path in self.results else None
        return found if isinstance(found, dict) else {}

    def like(self, words: str) -> dict[str, Result]:
        """The results of steps in whose path these words occur."""
        return {path: result for path, result in self.results.items() if words in path}


@dataclass
class Company:
    """An engine process, its file as this process sees it, and the world outside.

    Attributes:
        name: What its models are called in the heading.
        provider: Whom its models are asked of, where that is the demo's own.
        mcp: Whether MCP servers can be spoken to here.
        kill: Whether its engine may be killed.
        together: Where companies wait for one another.
    """

    name: str
    voice: Voice
    baton: Orchestrator
    engine: EngineProcess
    outside: Outside
    provider: Provider | None
    mcp: bool
    kill: bool
    together: asyncio.Barrier

    def example(self, name: str, version: str | None = None) -> Workflow:
        """An example as it is said here, or another version of it."""
        workflow = example(name, self.voice)
        if version is None:
            return workflow
        return workflow.model_copy(update={"metadata": workflow.metadata.model_copy(update={"version": version})})

    async def start(self, name: str, given: Mapping[str, Any] | None = None) -> Execution:
        return await self.baton.start(self.example(name), dict(given or {}))

    async def run(self, name: str, given: Mapping[str, Any] | None = None) -> Seen:
        """An example from its start to its end."""
        return await self.ended(await self.start(name, given))

    async def ended(self, execution: Execution) -> Seen:
        """An execution when it has ended.

        Raises:
            TimeoutError: it does not.
        """

        async def over() -> bool:
            return (await self.baton.get(execution.id)).status.final

        await self.until(over)
        return await self.seen(execution)

    async def seen(self, execution: Execution) -> Seen:
        """An execution as it stands."""
        key = execution.id
        return Seen(await self.baton.get(key), await self.baton.results(key), await self.baton.records(key))

    async def asked(self, execution: Execution, count: int = 1) -> Sequence[OpenWait]:
        """The open questions of an execution, once there are so many; fewer, or none, where it ends before."""

        async def open_or_over() -> bool:
            waits = await self.baton.waits(execution.id)
            return len(waits) >= count or (await self.baton.get(execution.id)).status.final

        await self.until(open_or_over)
        return await self.baton.waits(execution.id)

    async def answered(
        self, execution: Execution, say: Callable[[OpenWait], tuple[Decision, Mapping[str, Any]]]
    ) -> Seen:
        """An execution when it has ended, each question of it answered as soon as it is open.

        Args:
            say: What is decided about a question, and what is given with it (`reason`, `data`).
        """

        async def over() -> bool:
            for wait in await self.baton.waits(execution.id):
                decision, more = say(wait)
                await self.baton.decide(execution.id, wait.path, decision, by="ann", **more)
            return (await self.baton.get(execution.id)).status.final

        await self.until(over)
        return await self.seen(execution)

    async def until(self, fact: Callable[[], Awaitable[bool]]) -> None:
        """Look until something is so.

        Raises:
            TimeoutError: it never was.
        """
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while not await fact():  # noqa: ASYNC110 - another process tells us through the file
                await asyncio.sleep(LOOK_SECONDS)


def most_at_once(results: Mapping[str, Result]) -> int:
    """How many steps were at work at the same time, by when they began and ended."""
    times = [(result.get("started_at"), result.get("ended_at")) for result in results.values()]
    edges = [(datetime.fromisoformat(began), 1) for began, ended in times if began and ended]
    edges += [(datetime.fromisoformat(ended), -1) for began, ended in times if began and ended]
    at_work, most = 0, 0
    for _, change in sorted(edges):
        at_work += change
        most = max(most, at_work)
    return most


def approve(wait: OpenWait) -> tuple[Decision, Mapping[str, Any]]:
    """Say yes to whatever is asked."""
    return "approve", {}
