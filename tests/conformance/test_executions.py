"""What every store must do with definitions and executions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from graphs.clock import ManualClock
from graphs.errors import ConflictError, NotFoundError, StoreError
from graphs.state import ExecutionStatus
from graphs.steps import Answer
from orchestrator.store.port import ENGINE_FORMAT, ExecutionFilter, Inheritance, PublishedWorkflow, Record, Store
from tests.conformance.conftest import Opener
from tests.unit.store.support import START, approval, event, execution, result

RUNNING, WAITING = ExecutionStatus.RUNNING, ExecutionStatus.WAITING
COMPLETED, FAILED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED


async def finish(store: Store, execution_id: str, status: ExecutionStatus = COMPLETED, **values: object) -> None:
    given: dict[str, object] = {"output": None, "error": None, "active_seconds": 1.0} | values
    await store.finish(execution_id, status, **given)  # type: ignore[arg-type]


# -- the catalogue ---------------------------------------------------------------------------------------------


def version(number: str, digest: str, name: str = "orders") -> PublishedWorkflow:
    return PublishedWorkflow(
        name=name,
        version=number,
        digest=digest,
        status="published",
        document={"metadata": {"name": name, "tags": ["a"]}},
        created_at=START,
        created_by="anna",
    )


@pytest.mark.capability("C09", "C10", "C14")
async def test_versions_stand_side_by_side_and_the_newest_is_given(store: Store) -> None:
    first = await store.publish(version("1.0.0", "d1"))
    second = await store.publish(version("1.1.0", "d2"))
    assert await store.published("orders") == second
    assert await store.published("orders", "1.0.0") == first
    assert first.document["metadata"]["tags"] == ["a"] and first.created_by == "anna"
    assert await store.published("returns") is None
    assert await store.definition("d1") == first.document


@pytest.mark.capability("C10")
async def test_a_deprecated_version_is_passed_over_until_all_are(store: Store) -> None:
    await store.publish(version("1.0.0", "d1"))
    await store.publish(version("1.1.0", "d2"))
    assert (await store.deprecate("orders", "1.1.0")).status == "deprecated"
    newest = await store.published("orders")
    assert newest and newest.version == "1.0.0"
    await store.deprecate("orders", "1.0.0")
    newest = await store.published("orders")
    assert newest and newest.version == "1.1.0"
    assert (await store.deprecate("orders", "1.1.0", deprecated=False)).status == "published"
    assert [(each.name, each.version) for each in await store.catalogue("orders")] == [
        ("orders", "1.1.0"),
        ("orders", "1.0.0"),
    ]


async def test_a_published_version_never_changes(store: Store) -> None:
    first = await store.publish(version("1.0.0", "d1"))
    assert await store.publish(version("1.0.0", "d1")) == first
    with pytest.raises(ConflictError) as caught:
        await store.publish(version("1.0.0", "d2"))
    assert str(caught.value) == (
        "orders@1.0.0 is published already, with another definition (digest d1). "
        "Published versions never change: give this one a new version."
    )
    assert caught.value.code == "version_taken"


async def test_deprecating_what_is_not_there(store: Store) -> None:
    with pytest.raises(NotFoundError, match=r"There is no published workflow orders@9\."):
        await store.deprecate("orders", "9")


async def test_a_definition_is_kept_once(store: Store) -> None:
    await store.keep_definition("d1", {"a": 1})
    await store.keep_definition("d1", {"a": 2})
    assert await store.definition("d1") == {"a": 1}
    assert await store.definition("d2") is None


# -- the life of an execution ----------------------------------------------------------------------------------


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
        await store.answer_wait("e1", "ask", Answer("approved", by="bob"))
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
    await store.answer_wait("answered", "ask", Answer("approved"))
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


# -- going back ------------------------------------------------------------------------------------------------


def record(path: str, output: object = None, execution_id: str = "e1", status: str = "completed") -> Record:
    return Record(execution_id, f"step.{status}", START, path, 0, dict(result(output, status)))


def given(output: object, status: str = "completed", by: str = "e1") -> dict[str, object]:
    """A result that another execution came to."""
    return {"inherited": by, **result(output, status)}


@pytest.mark.capability("D03", "O08")
async def test_rewinding_supersedes_a_path_and_what_is_below_it(store: Store, announced: list[Record]) -> None:
    await store.create(execution(), {})
    for path in ("a", "ab", "a.x", "a[0].y", "b"):
        store.append(record(path))
    await store.open_wait("e1", "a.ask", 0, approval(), START)
    await finish(store, "e1", FAILED, error={"code": "x"}, output=1)
    newer = {"digest": "d2", "version": "2.0", "pins": {"sub": "d3"}}
    await store.rewind("e1", superseded=["a"], generation=1, **newer, input={"n": 2}, reason="retry from a")
    assert list(await store.results("e1")) == ["ab", "b"]
    back = await store.execution("e1")
    assert back and (back.status, back.generation, back.digest) == (ExecutionStatus.QUEUED, 1, "d2")
    assert (back.version, back.pins) == ("2.0", {"sub": "d3"})
    assert (back.input, back.output, back.error, back.ended_at) == ({"n": 2}, None, None, None)
    assert announced[-1].kind == "execution.rewound"
    assert announced[-1].data == {"reason": "retry from a", "superseded": ["a"], "superseded_alone": []}
    history = [each.path for each in await store.records("e1") if each.kind == "step.completed"]
    assert history == ["a", "ab", "a.x", "a[0].y", "b"]  # what happened stays in the history


async def test_around_a_step_that_is_made_anew_the_others_stay(store: Store) -> None:
    await store.create(execution(), {})
    for path in ("orders[2].charge", "orders[3].charge", "orders", "after"):
        store.append(record(path))
    gone = ["orders[3].charge", "after"]
    await store.create(execution("e2"), {}, inherits=Inheritance("e1", gone, ["orders"]))
    await store.rewind("e1", superseded=gone, superseded_alone=["orders"], generation=0, reason="retry")
    told = (await store.records("e1"))[-1].data
    assert told == {"reason": "retry", "superseded": gone, "superseded_alone": ["orders"]}
    for name in ("e1", "e2"):
        assert list(await store.results(name)) == ["orders[2].charge"]


async def test_after_rewinding_a_step_asks_again(store: Store) -> None:
    await store.create(execution(), {})
    await store.open_wait("e1", "ask", 0, approval(), START)
    await store.close_wait("e1", "ask", 0, "elapsed")
    await store.rewind("e1", superseded=["ask"], generation=0, reason="retry")
    assert (await store.open_wait("e1", "ask", 0, approval(), START)).status == "open"


async def test_rewinding_keeps_input_and_digest_when_none_is_given(store: Store) -> None:
    await store.create(execution(input={"n": 1}), {})
    await store.rewind("e1", superseded=[], generation=0, reason="retry")
    back = await store.execution("e1")
    assert back and (back.input, back.digest) == ({"n": 1}, "d1")


async def test_a_fork_starts_with_copies_of_results(store: Store, announced: list[Record]) -> None:
    await store.create(execution(), {})
    for each in (record("a", 1), record("b", 1), record("b.in", 1), record("a", 2, status="failed")):
        store.append(each)
    store.append(Record("e1", "step.waiting", START, "c"))
    await store.create(execution("e2", parent="e1", forked_at="b"), {}, inherits=Inheritance("e1", ["b"]))
    assert await store.results("e2") == {"a": given(2, "failed")}
    assert [(each.execution_id, each.path) for each in announced[-1:]] == [("e2", "a")]
    assert len(await store.results("e1")) == 3


async def test_a_fork_and_its_results_are_kept_together(store: Store, announced: list[Record]) -> None:
    await store.create(execution(), {})
    for each in (record("a", 1), record("b", 1)):
        store.append(each)
    fork = await store.create(execution("e2", idempotency_key="k"), {}, inherits=Inheritance("e1", ["b"]))
    assert await store.results("e2") == {"a": given(1)}
    assert [(each.execution_id, each.path) for each in announced] == [("e1", "a"), ("e1", "b"), ("e2", "a")]
    taken = await store.create(execution("e4"), {}, inherits=Inheritance("e1"), taken_up=True)
    assert taken == await store.execution("e4") and (taken.status, taken.drives) == (RUNNING, 1)
    assert len(await store.results("e4")) == 2
    again = execution("e3", idempotency_key="k")
    assert await store.create(again, {}, inherits=Inheritance("e1")) == fork and len(await store.results("e2")) == 1


async def test_whose_a_result_is_stays_known_over_forks_of_forks(store: Store) -> None:
    await store.create(execution(), {})
    store.append(record("a", 1))
    await store.create(execution("e2", parent="e1"), {}, inherits=Inheritance("e1"))
    store.append(record("b", 1, execution_id="e2"))
    await store.create(execution("e3", parent="e2"), {}, inherits=Inheritance("e2"))
    assert await store.inherited("e1") == []
    assert [(one.path, one.owner) for one in await store.inherited("e3")] == [("a", "e1"), ("b", "e2")]
    assert await store.heirs("e1", ["a", "b"]) == {"e2": ["a"], "e3": ["a"]}
    assert await store.heirs("e2", ["a", "b"]) == {"e3": ["b"]}
    await store.rewind("e3", superseded=["a"], generation=1, reason="retry")
    assert await store.heirs("e1", ["a"]) == {"e2": ["a"]}


@pytest.mark.parametrize("kind", ["execution.rewound", "execution.compensating", "execution.undo_asked"])
async def test_what_moves_on_while_it_is_forked_is_not_forked(store: Store, kind: str) -> None:
    await store.create(execution(), {})
    store.append(record("a", 1))
    await store.keep(Record("e1", kind, START))
    (before, last) = [each.seq for each in await store.records("e1")]
    with pytest.raises(ConflictError, match="Execution 'e1' has moved on since it was looked at"):
        await store.create(execution("e2"), {}, inherits=Inheritance("e1", as_of=before, owners=["e1"]))
    assert await store.execution("e2") is None
    await store.create(execution("e3"), {}, inherits=Inheritance("e1", as_of=last, owners=["e1"]))
    store.append(record("late", 1))
    await store.create(execution("e4"), {}, inherits=Inheritance("e1", as_of=last, owners=["e1"]))
    assert list(await store.results("e4")) == ["a"]
