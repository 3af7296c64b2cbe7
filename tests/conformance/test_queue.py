"""What every queue of runs keeps. Each test gets one by its parameter, so that a second kind is one line."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.errors import CommitError, ConflictError, NotFoundError
from orchestrator.logs import logger
from orchestrator.queue.local import LocalQueue
from orchestrator.queue.port import RunQueue, Ticket
from orchestrator.settings import Settings
from orchestrator.store.served.values import Ended, Run, Search, Thread
from orchestrator.store.sqlite import SqliteStore
from orchestrator.store.units import Beside

QUEUES = {"local": LocalQueue}
_DONE = Ended(status="success", thread="idle")


@dataclass
class Work:
    """A performer that does what the test says, and remembers."""

    begun: list[str] = field(default_factory=list)
    at_work: set[str] = field(default_factory=set)
    overlapped: bool = False
    ends: dict[str, str] = field(default_factory=dict)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    fail: set[str] = field(default_factory=set)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def begins(self, run: Run) -> Any:
        """Where the thread stands."""
        return {}

    async def perform(self, ticket: Ticket) -> Ended:
        """Be at work until the gate opens."""
        run = ticket.run
        if ticket.stop is not None:
            return Ended(status="interrupted", thread="idle")
        self.overlapped |= run.thread_id in self.at_work
        self.at_work.add(run.thread_id)
        try:
            await self._note(run.id)
            if run.id in self.fail:
                raise RuntimeError("broken")
            if run.id in self.gates:
                await self.gates[run.id].wait()
            return _DONE
        except asyncio.CancelledError:
            if ticket.stop is None:
                raise
            return Ended(status="interrupted", thread="idle")
        finally:
            self.at_work.discard(run.thread_id)

    def ended(self, run: Run, ended: Ended) -> None:
        """The end was kept."""
        self.ends[run.id] = ended.status

    async def _note(self, run_id: str) -> None:
        async with self.changed:
            self.begun.append(run_id)
            self.changed.notify_all()

    async def until_begun(self, *run_ids: str) -> None:
        """Wait until these runs are at work."""
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: set(run_ids) <= set(self.begun)), 60)


class House:
    """A store, a clock, and queues on them."""

    def __init__(self, store: SqliteStore, clock: ManualClock, kind: str) -> None:
        self.store = store
        self.clock = clock
        self._kind = kind
        self._number = 0

    def queue(self, *, places: int = 10, grace: float = 0.0, store: Any = None) -> RunQueue:
        """A queue as a process has one."""
        log = logger(Settings(log_level="error"))
        made: RunQueue = QUEUES[self._kind](store or self.store, self.clock, log, places=places, grace=grace)
        return made

    def run(self, name: str, thread: str = "t", **more: Any) -> tuple[Run, Thread]:
        """A run, and the thread it may make."""
        now = self.clock.now()
        run = Run(id=name, thread_id=thread, assistant_id="a", graph="g", created_at=now, updated_at=now, **more)
        return run, Thread(id=thread, created_at=now, updated_at=now, state_updated_at=now)

    async def ended(self, work: Work, *run_ids: str) -> None:
        """Wait until these runs have ended."""
        async with asyncio.timeout(60):
            while not set(run_ids) <= set(work.ends):
                await self.store.barrier()


@pytest.fixture(params=sorted(QUEUES))
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """Everything a queue needs."""
    clock = ManualClock()
    async with SqliteStore.open(tmp_path / "baton.db", clock=clock, synchronous="off") as store:
        yield House(store, clock, request.param)


async def test_runs_of_a_thread_are_performed_one_after_the_other(house: House) -> None:
    work, queue = Work(), house.queue()
    names = [f"r{number}" for number in range(20)]
    async with queue.serving(work):
        await asyncio.gather(*(queue.put(*house.run(name, f"t{index % 3}")) for index, name in enumerate(names)))
        await house.ended(work, *names)
    assert not work.overlapped
    assert sorted(work.begun) == sorted(names)
    assert all(house.store.run(name, "default").status == "success" for name in names)  # type: ignore[union-attr]


async def test_what_belongs_to_a_run_is_kept_with_it_or_neither_is(house: House) -> None:
    heard: list[Any] = []

    def noting(name: str) -> Beside:
        def work(db: sqlite3.Connection) -> Any:
            db.execute("INSERT INTO meta (key, value) VALUES (?, '')", (name,))
            return NotFoundError("No.") if name == "refused" else name

        return Beside(work, heard.append)

    def kept() -> set[str]:
        with sqlite3.connect(house.store.path) as db:
            return {key for (key,) in db.execute("SELECT key FROM meta")} & {"a", "b", "refused"}

    work, queue = Work(), house.queue()
    async with queue.serving(work):
        with pytest.raises(NotFoundError):
            await queue.put(*house.run("no"), [noting("a"), noting("refused")])
        assert (house.store.run("no", "default"), kept(), heard) == (None, set(), [])
        await queue.put(*house.run("yes", idempotency_key="k"), [noting("a"), noting("b")])
        await queue.put(*house.run("again", idempotency_key="k"), [noting("refused")])
        assert (kept(), heard) == ({"a", "b"}, ["a", "b"])
        await house.ended(work, "yes")


async def test_the_more_urgent_begins_first_then_the_older(house: House) -> None:
    work, queue = Work(gates={"first": asyncio.Event()}), house.queue(places=1)
    async with queue.serving(work):
        await queue.put(*house.run("first", "t0"))
        await work.until_begun("first")
        for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5)):
            await queue.put(*house.run(name, name, priority=priority))
        work.gates["first"].set()
        await house.ended(work, "a", "b", "c", "d")
    assert work.begun == ["first", "b", "d", "a", "c"]


async def test_no_more_than_its_places_are_at_work(house: House) -> None:
    names = ["a", "b", "c"]
    work, queue = Work(gates={name: asyncio.Event() for name in names}), house.queue(places=2)
    async with queue.serving(work):
        for name in names:
            await queue.put(*house.run(name, name))
        await work.until_begun("a", "b")
        assert work.begun == ["a", "b"]
        work.gates["b"].set()
        await work.until_begun("c")
        for gate in work.gates.values():
            gate.set()
        await house.ended(work, *names)


async def test_a_run_begins_when_it_is_due(house: House) -> None:
    work, queue = Work(), house.queue()
    async with queue.serving(work):
        later, thread = house.run("later", due_at=house.clock.now() + timedelta(hours=1))
        await queue.put(later, thread)
        await queue.put(*house.run("now"))
        await house.ended(work, "now")
        house.clock.advance(3599)
        await house.store.barrier()
        assert work.begun == ["now"]
        house.clock.advance(1)
        await house.ended(work, "later")


async def test_what_an_earlier_process_left_goes_on_what_had_begun_first(house: House) -> None:
    before = Work(gates={"cut": asyncio.Event()})
    async with AsyncExitStack() as stack:
        queue = house.queue(grace=0.0)
        await stack.enter_async_context(queue.serving(before))
        await queue.put(*house.run("cut"))
        await before.until_begun("cut")
        await queue.put(*house.run("waiting", priority=9))
    assert before.ends == {}
    assert house.store.run("cut", "default").status == "running"  # type: ignore[union-attr]
    after, queue = Work(), house.queue()
    async with queue.serving(after):
        await house.ended(after, "cut", "waiting")
    assert after.begun == ["cut", "waiting"]
    assert house.store.run("cut", "default").attempts == 2  # type: ignore[union-attr]


async def test_a_stop_waits_for_what_runs_and_begins_nothing(house: House) -> None:
    work, queue = Work(gates={"a": asyncio.Event()}), house.queue(places=1, grace=20.0)
    async with queue.serving(work):
        await queue.put(*house.run("a", "ta"))
        await work.until_begun("a")
        await queue.put(*house.run("b", "tb"))
        draining = asyncio.create_task(queue.drain())
        await asyncio.sleep(0)
        work.gates["a"].set()
        await draining
    assert (work.begun, work.ends) == (["a"], {"a": "success"})
    assert house.store.run("b", "default").status == "pending"  # type: ignore[union-attr]


async def test_a_run_is_cut_off(house: House) -> None:
    work, queue = Work(gates={"a": asyncio.Event()}), house.queue()
    async with queue.serving(work):
        await queue.put(*house.run("a"))
        await queue.put(*house.run("b"))
        await work.until_begun("a")
        assert (await queue.stop("b", "default", "interrupt")).status == "interrupted"
        await queue.stop("a", "default", "interrupt")
        await house.ended(work, "a", "b")
        with pytest.raises(ConflictError, match="has ended"):
            await queue.stop("a", "default", "interrupt")
        with pytest.raises(NotFoundError):
            await queue.stop("a", "of another", "interrupt")
    assert work.begun == ["a"]
    assert work.ends == {"a": "interrupted", "b": "interrupted"}


async def test_a_stop_that_was_asked_for_before_a_crash_is_heard_after_it(house: House) -> None:
    before = Work(gates={"a": asyncio.Event()})
    async with AsyncExitStack() as stack:
        queue = house.queue()
        await stack.enter_async_context(queue.serving(before))
        await queue.put(*house.run("a"))
        await before.until_begun("a")
    await house.store.stop_run("a", "default", "interrupt")
    after = Work()
    async with house.queue().serving(after):
        await house.ended(after, "a")
    assert (after.begun, after.ends) == ([], {"a": "interrupted"})


@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
async def test_a_run_takes_the_place_of_those_before_it(house: House, strategy: Any) -> None:
    work, queue = Work(gates={"a": asyncio.Event()}), house.queue()
    async with queue.serving(work):
        await queue.put(*house.run("a"))
        await work.until_begun("a")
        await queue.put(*house.run("b"))
        await queue.put(*house.run("c", multitask=strategy))
        await house.ended(work, "a", "b", "c")
    assert work.begun == ["a", "c"]
    kept = await house.store.runs(Search(sort_by="seq", descending=False))
    expected = {"a": "interrupted", "b": "interrupted", "c": "success"} if strategy == "interrupt" else {"c": "success"}
    assert {run.id: run.status for run in kept} == expected
    assert not work.overlapped


async def test_a_thread_that_is_busy_rejects_who_does_not_wait(house: House) -> None:
    work, queue = Work(gates={"a": asyncio.Event()}), house.queue()
    async with queue.serving(work):
        await queue.put(*house.run("a"))
        with pytest.raises(ConflictError, match="is busy with run 'a'"):
            await queue.put(*house.run("b", multitask="reject"))
        work.gates["a"].set()
        await house.ended(work, "a")
        await queue.put(*house.run("c", multitask="reject"))
        await house.ended(work, "c")


async def test_the_same_key_is_the_same_run(house: House) -> None:
    work, queue = Work(), house.queue()
    async with queue.serving(work):
        first = await queue.put(*house.run("a", idempotency_key="k"))
        again = await queue.put(*house.run("b", "other", idempotency_key="k"))
        await house.ended(work, "a")
        late = await queue.put(*house.run("c", idempotency_key="k"))
    assert (first.repeated, again.repeated, late.repeated) == (False, True, True)
    assert (again.run.id, late.run.id, work.begun) == ("a", "a", ["a"])


async def test_a_run_that_breaks_ends_and_the_next_begins(house: House) -> None:
    work, queue = Work(fail={"a"}), house.queue()
    async with queue.serving(work):
        await queue.put(*house.run("a"))
        await queue.put(*house.run("b"))
        await house.ended(work, "a", "b")
    assert work.ends == {"a": "error", "b": "success"}
    assert house.store.run("a", "default").error == {"error": "RuntimeError", "message": "broken"}  # type: ignore[union-attr]


async def test_a_thread_that_is_not_there_is_not_made_unasked(house: House) -> None:
    queue = house.queue()
    async with queue.serving(Work()):
        with pytest.raises(NotFoundError, match="There is no thread"):
            await queue.put(house.run("a")[0], None)


class FailingStore:
    """A store of which one call fails, as often as is said."""

    def __init__(self, store: SqliteStore, call: str, failures: list[Exception]) -> None:
        self._store = store
        self._call = call
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        if name != self._call or not self._failures:
            return getattr(self._store, name)

        async def fails(*_: Any) -> Any:
            raise self._failures.pop(0)

        return fails


async def passes(clock: ManualClock, condition: Callable[[], bool]) -> None:
    """Let time go by until something is so."""
    async with asyncio.timeout(60):
        while not condition():
            clock.advance(1)
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("call", ["begin_run", "end_run"])
@pytest.mark.parametrize(
    "failure", [CommitError("no room"), sqlite3.OperationalError("disk I/O error"), RuntimeError("no idea")], ids=repr
)
async def test_a_store_that_fails_leaves_no_run_under_way_for_ever(house: House, call: str, failure: Exception) -> None:
    work = Work()
    queue = house.queue(places=1, store=FailingStore(house.store, call, [failure] * 3))
    async with queue.serving(work):
        await queue.put(*house.run("a"))
        await queue.put(*house.run("behind", multitask="enqueue"))
        await passes(house.clock, lambda: {"a", "behind"} <= set(work.ends))
    assert work.begun == ["a", "behind"]  # once, and nobody overtook it
    assert work.ends == {"a": "success", "behind": "success"}
    kept = [house.store.run(name, "default") for name in ("a", "behind")]
    assert [run.status for run in kept if run is not None] == ["success", "success"]


async def test_a_run_that_broke_ends_although_the_store_failed_then(house: House) -> None:
    work = Work(fail={"a"})
    queue = house.queue(store=FailingStore(house.store, "end_run", [CommitError("no room")]))
    async with queue.serving(work):
        await queue.put(*house.run("a"))
        await passes(house.clock, lambda: "a" in work.ends)
    assert (work.begun, work.ends) == (["a"], {"a": "error"})


async def test_a_run_that_cannot_be_kept_takes_nobodys_place_and_stops_nobody(house: House) -> None:
    work = Work()
    queue = house.queue(places=1, grace=600.0, store=FailingStore(house.store, "end_run", [CommitError("no room")]))
    async with queue.serving(work):
        await queue.put(*house.run("a", "ta"))
        await queue.put(*house.run("b", "tb"))
        await house.ended(work, "b")
        assert work.ends == {"b": "success"}
        async with asyncio.timeout(60):  # not the whole grace time, nor until the next attempt is due
            await queue.drain()
    run = house.store.run("a", "default")
    assert run is not None and run.status == "running"  # the next process takes it up
    after = Work()
    async with house.queue().serving(after):
        await house.ended(after, "a")


async def test_a_stop_is_heard_while_a_run_waits_for_its_next_attempt(house: House) -> None:
    work = Work()
    queue = house.queue(store=FailingStore(house.store, "begin_run", [CommitError("no room")]))
    async with queue.serving(work):
        await queue.put(*house.run("a"))
        async with asyncio.timeout(60):
            while house.clock.next_alarm is None:
                await asyncio.sleep(0.005)
        await queue.stop("a", "default", "interrupt")
        await house.ended(work, "a")
    assert (work.begun, work.ends) == ([], {"a": "interrupted"})
