"""What every store must do with executions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from graphs.clock import ManualClock
from graphs.errors import ConflictError, NotFoundError, StoreError
from graphs.state import ExecutionStatus
from graphs.steps import Answer
from orchestrator.store.port import ENGINE_FORMAT, ExecutionFilter, Record, Store
from tests.conformance.conftest import Opener
from tests.conformance.support import COMPLETED, FAILED, RUNNING, WAITING, finish
from tests.unit.store.support import START, answer, approval, event, execution


@pytest.mark.capability("D01", "D18", "D19", "D20", "M08")
async def test_an_execution_is_there_after_the_store_was_opened_again(opener: Opener) -> None:
    given = execution(
        input={"amount": 5, "note": "für später"},
        pins={"cleanup": "d9"},
        metadata={"source": "web"},
        user_context={"user": "anna"},
        variables={"retries": 2},
        priority=3,
        tenant="acme",
        idempotency_key="k1",
    )
    async with opener() as store:
        created = await store.create(given, {"password": b"\x01\x02"})
    async with opener() as store:
        kept = await store.execution("e1")
        assert kept == created
        assert kept == replace(given, signal=1, updated_at=START)
        assert await store.secrets("e1") == {"password": b"\x01\x02"}
        assert await store.execution("e2") is None


async def test_an_id_is_taken_once(store: Store) -> None:
    await store.create(execution(), {})
    with pytest.raises(ConflictError) as caught:
        await store.create(execution(), {})
    assert str(caught.value) == (
        "There is an execution 'e1' already, of orders@1.0.0. "
        "Leave the id out to get a new one, or give an idempotency key to get this one back."
    )


@pytest.mark.capability("D22")
async def test_the_same_idempotency_key_gives_the_older_execution(store: Store) -> None:
    first = await store.create(execution("e1", idempotency_key="k"), {})
    again = await store.create(execution("e2", idempotency_key="k"), {"s": b"x"})
    other = await store.create(execution("e3", idempotency_key="k", tenant="acme"), {})
    assert again == first and other.id == "e3"
    assert await store.execution("e2") is None and await store.secrets("e1") == {}


async def test_one_that_rests_in_memory_and_later_only_in_the_store_has_not_changed(
    store: Store, clock: ManualClock
) -> None:
    """Whoever looks at when it changed last would see something where nothing has happened."""
    await store.create(execution(), {})
    taken = await store.begin_drive("e1", "start")
    clock.advance(1)
    assert await store.rest("e1", taken.signal, WAITING, 1.0, lingers=True)
    rested = clock.now()
    clock.advance(30)
    assert await store.rest("e1", taken.signal, WAITING, 1.0)
    kept = await store.execution("e1")
    assert kept is not None and kept.updated_at == rested
    await store.begin_drive("e1", "answer")
    again = await store.execution("e1")
    assert again is not None and again.updated_at == clock.now()


@pytest.mark.capability("X33")
async def test_taken_up_at_rest_taken_up_and_ended(store: Store, clock: ManualClock) -> None:
    await store.create(execution(), {})
    clock.advance(1)
    taken = await store.begin_drive("e1", "start")
    assert (taken.status, taken.drives, taken.started_at) == (RUNNING, 1, clock.now())
    assert await store.rest("e1", taken.signal, WAITING, 2.5)
    clock.advance(3600)
    again = await store.begin_drive("e1", "answer")
    assert (again.drives, again.active_seconds, again.started_at) == (2, 2.5, taken.started_at)
    await finish(store, "e1", output={"ok": True}, active_seconds=4.0)
    ended = await store.execution("e1")
    assert ended and (ended.status, ended.output, ended.active_seconds) == (COMPLETED, {"ok": True}, 4.0)
    assert ended.ended_at == clock.now() and ended.error is None


async def test_rest_is_refused_when_something_was_stored_since(store: Store) -> None:
    await store.create(execution(), {})
    taken = await store.begin_drive("e1", "start")
    await store.open_wait("e1", "ask", 0, approval(), START)
    await store.request_cancel("e1", by="anna", reason=None)
    assert not await store.rest("e1", taken.signal, WAITING, 1.0)
    now = await store.execution("e1")
    assert now and now.status is RUNNING and now.active_seconds == 0.0
    assert await store.rest("e1", now.signal, WAITING, 1.0)


async def test_what_has_ended_is_left_alone(store: Store, clock: ManualClock) -> None:
    await store.create(execution(), {})
    await finish(store, "e1", FAILED, error={"code": "x"})
    message = (
        r"^Execution 'e1' has ended \(failed at 2026-01-01T12:00:00\.000000\+00:00\)\. "
        r"To go on from one of its steps: baton retry e1 --from STEP\.$"
    )
    with pytest.raises(ConflictError, match=message):
        await store.begin_drive("e1", "again")
    with pytest.raises(ConflictError, match=message):
        await finish(store, "e1")
    with pytest.raises(ConflictError, match=message):
        await store.request_cancel("e1", by=None, reason=None)
    kept = await store.execution("e1")
    assert kept and kept.status is FAILED and not await store.rest("e1", kept.signal, WAITING, 0)


async def test_what_is_not_there_is_said(store: Store) -> None:
    message = r"^There is no execution 'e9'\. List what there is: baton list\.$"
    with pytest.raises(NotFoundError, match=message):
        await store.begin_drive("e9", "start")
    with pytest.raises(NotFoundError, match=message):
        await store.rest("e9", 0, WAITING, 0)
    with pytest.raises(NotFoundError, match=message):
        await finish(store, "e9")
    with pytest.raises(NotFoundError, match=message):
        await store.request_cancel("e9", by=None, reason=None)
    with pytest.raises(NotFoundError, match=message):
        await store.rewind("e9", superseded=[], generation=0, reason="retry")
    with pytest.raises(NotFoundError, match=message):
        await store.open_wait("e9", "ask", 0, approval(), START)


async def test_an_execution_of_another_engine_format_is_not_driven(store: Store) -> None:
    await store.create(execution(engine_format=ENGINE_FORMAT + 1), {})
    with pytest.raises(StoreError) as caught:
        await store.begin_drive("e1", "start")
    assert str(caught.value) == (
        "Execution 'e1' has engine format 2; this Baton drives 1. "
        "It was started by a newer Baton: use that one, or start it anew from its input."
    )


@pytest.mark.capability("O23", "M08")
async def test_a_cancel_says_who_why_and_when_and_the_first_stays(store: Store, clock: ManualClock) -> None:
    await store.create(execution(), {})
    asked = await store.request_cancel("e1", by="anna", reason="wrong order")
    clock.advance(5)
    again = await store.request_cancel("e1", by="bob", reason="me too")
    wanted = {"by": "anna", "reason": "wrong order", "at": "2026-01-01T12:00:00.000000+00:00"}
    more = {"compensate": None, "terminate": False, "concluded": False}
    assert asked.cancel_requested == again.cancel_requested == wanted | more
    assert again.signal == asked.signal == 2


@pytest.mark.capability("O23")
async def test_a_harder_end_is_heard_after_a_cancel(store: Store) -> None:
    await store.create(execution(), {})
    await store.request_cancel("e1", by="anna", reason=None)
    asked = await store.request_cancel("e1", by="bob", reason=None, terminate=True)
    again = await store.request_cancel("e1", by="carl", reason=None, terminate=True)
    assert [each.cancel_requested and each.cancel_requested["by"] for each in (asked, again)] == ["bob", "bob"]


@pytest.mark.capability("X04")
async def test_while_it_is_undone_a_cancel_means_the_undoing(store: Store) -> None:
    await store.create(execution(), {})
    await store.begin_drive("e1", "start")
    await store.request_cancel("e1", by="anna", reason=None, compensate=True)
    why = {"status": "cancelled", "step": None, "error": None, "compensate": True}
    record = Record("e1", "execution.compensating", START)
    await store.conclude("e1", why, compensating=True, records=[record])
    await store.conclude("e1", {**why, "status": "failed"}, compensating=True, records=[record])
    assert [each.kind for each in await store.records("e1")] == ["execution.compensating"]
    wished_again = await store.request_cancel("e1", by="bob", reason=None, compensate=True)
    stopped = await store.request_cancel("e1", by="carl", reason=None)
    assert wished_again.concluded == stopped.concluded == why and stopped.status == "compensating"
    assert wished_again.cancel_requested and wished_again.cancel_requested["by"] == "anna"
    assert stopped.cancel_requested and stopped.cancel_requested["by"] == "carl"


@pytest.mark.capability("I08")
async def test_a_cancel_closes_what_is_asked_and_says_who_won(store: Store) -> None:
    await store.create(execution(), {})
    await store.open_wait("e1", "ask", 0, approval(), START)
    await store.open_wait("e1", "~finally.ask", 0, approval(), START)
    await store.request_cancel("e1", by="anna", reason=None)
    with pytest.raises(ConflictError) as caught:
        await answer(store, "e1", "ask", Answer("approved", by="bob"))
    assert (caught.value.code, caught.value.details["by"]) == ("wait_cancelled", "anna")
    assert [wait.path for wait in await store.waits("e1")] == ["~finally.ask"]
    await store.request_cancel("e1", by="anna", reason=None, terminate=True)
    assert await store.waits("e1") == []


async def test_the_end_commits_with_its_records_and_cancels_open_waits(store: Store, announced: list[Record]) -> None:
    await store.create(execution(), {})
    await store.open_wait("e1", "ask", 0, approval(), START)
    await finish(store, "e1", records=[Record("e1", "execution.completed", START, data={"n": 1})])
    assert [(each.kind, each.data, each.seq) for each in announced] == [("execution.completed", {"n": 1}, 1)]
    assert await store.records("e1") == announced
    assert [each.status for each in await store.waits("e1", status=None)] == ["cancelled"]


@pytest.mark.capability("D01")
async def test_unfinished_executions_are_found_oldest_first(store: Store) -> None:
    for number, status in enumerate((RUNNING, COMPLETED, WAITING, ExecutionStatus.BUDGET_EXCEEDED)):
        await store.create(execution(f"e{number}", minutes=-number, status=status), {})
    assert await store.unfinished() == [
        ("e3", ExecutionStatus.BUDGET_EXCEEDED),
        ("e2", WAITING),
        ("e0", RUNNING),
    ]


@pytest.mark.capability("D01", "R8")
async def test_an_engine_that_opens_takes_up_what_is_to_be_done_and_lets_the_rest_sleep(
    store: Store, clock: ManualClock
) -> None:
    for number, name in enumerate(("asleep", "answered", "cancelled", "elapsed", "matched")):
        await store.create(execution(name, minutes=-number), {})
        taken = await store.begin_drive(name, "start")
        await store.open_wait(name, "ask", 0, approval(), START)
        await store.open_wait(name, "paid", 0, event(match={"for": name}), START)
        assert await store.rest(name, taken.signal, WAITING, 0)
    for name, status in (("queued", ExecutionStatus.QUEUED), ("urgent", RUNNING), ("paused", ExecutionStatus.PAUSED)):
        await store.create(execution(name, status=status, priority=100 * (name == "urgent")), {})
    assert await store.to_take_up() == ["urgent", "queued"]
    clock.advance(-3600)  # somebody set the clock back
    await answer(store, "answered", "ask", Answer("approved"))
    await store.request_cancel("cancelled", by=None, reason=None)
    await store.close_wait("elapsed", "ask", 0, "elapsed")
    await store.publish_event("paid", {"for": "matched"}, key=None, source=None)
    assert await store.to_take_up() == ["urgent", "matched", "elapsed", "cancelled", "answered", "queued"]


@pytest.mark.capability("O03", "D17")
async def test_executions_are_listed_newest_first_page_by_page(store: Store) -> None:
    for number in range(5):
        await store.create(execution(f"e{number}", minutes=number // 2), {})

    async def ids(**which: object) -> list[str]:
        return [each.id for each in await store.executions(ExecutionFilter(**which))]  # type: ignore[arg-type]

    assert await ids() == ["e4", "e3", "e2", "e1", "e0"]
    assert await ids(limit=2) == ["e4", "e3"]
    assert await ids(limit=2, before="e3") == ["e2", "e1"]
    assert await ids(since=START + timedelta(minutes=1), until=START + timedelta(minutes=2)) == ["e3", "e2"]
    assert await ids(before="e0") == []


async def test_executions_are_found_by_the_beginning_of_their_id_and_by_their_parent(store: Store) -> None:
    for name, parent in (("ab1", None), ("ab2", "ab1"), ("ac", "ab1"), ("b", None)):
        await store.create(execution(name, parent=parent), {})
    assert {each.id for each in await store.executions(ExecutionFilter(id_prefix="ab"))} == {"ab1", "ab2"}
    assert {each.id for each in await store.executions(ExecutionFilter(parent="ab1"))} == {"ab2", "ac"}


async def test_executions_are_found_by_status_workflow_and_tenant(store: Store) -> None:
    await store.create(execution("a", workflow="returns"), {})
    await store.create(execution("b", tenant="acme", status=WAITING), {})
    await store.create(execution("c", status=FAILED), {})
    assert [each.id for each in await store.executions(ExecutionFilter(workflow="returns"))] == ["a"]
    version = (await store.executions(ExecutionFilter(workflow="returns")))[0].version
    assert [each.id for each in await store.executions(ExecutionFilter(workflow=f"returns@{version}"))] == ["a"]
    assert await store.executions(ExecutionFilter(workflow="returns@0")) == []
    assert [each.id for each in await store.executions(ExecutionFilter(tenant="acme"))] == ["b"]
    assert [each.id for each in await store.executions(ExecutionFilter(status=[WAITING, FAILED]))] == ["c", "b"]
