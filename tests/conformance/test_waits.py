"""What every store must do with waits, answers, events and signals."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.errors import BatonError, ConflictError, NotFoundError
from graphs.state import ExecutionStatus
from graphs.steps import Answer, Wait
from orchestrator.store.port import OpenWait, PublishedEvent, Record, Store
from tests.conformance.conftest import Opener
from tests.unit.store.support import START, answer, approval, event, execution

APPROVED = Answer("approved", {"note": "fine"}, by="anna", reason="looks right")


async def publish(store: Store, kind: str = "paid", data: Any = None, **values: Any) -> PublishedEvent:
    given = {"key": None, "source": "shop"} | values
    return await store.publish_event(kind, data if data is not None else {}, **given)


@pytest.mark.capability("I08")
async def test_a_wait_is_kept_whole_and_given_again(store: Store) -> None:
    await store.create(execution(), {})
    wait = Wait(
        "approval",
        question={"message": "Ship?"},
        due=START + timedelta(hours=24),
        on_timeout="reject",
        response_schema={"type": "object"},
        assignees=("anna", "bob"),
    )
    opened = await store.open_wait("e1", "fulfil[3].ask", 2, wait, START)
    assert (opened.wait, opened.status, opened.answer, opened.opened_at) == (wait, "open", None, START)
    assert await store.open_wait("e1", "fulfil[3].ask", 2, wait, START) == opened
    assert await store.waits("e1") == await store.waits() == [opened]


@pytest.mark.capability("I08", "D05")
async def test_an_answer_is_kept_with_who_why_and_when(opener: Opener, clock: ManualClock) -> None:
    async with opener() as store:
        await store.create(execution(), {})
        await store.open_wait("e1", "ask", 0, approval(), START)
    clock.advance(48 * 3600)
    async with opener() as store:
        answered = await answer(store, "e1", "ask", APPROVED)
        assert answered.status == "answered"
        assert answered.answer == Answer("approved", {"note": "fine"}, "anna", "looks right", clock.now())
        assert await store.waits("e1") == []
        assert await store.open_wait("e1", "ask", 0, approval(), START) == answered


@pytest.mark.capability("O08")
async def test_a_decision_and_its_record_are_kept_together(store: Store, announced: list[Record]) -> None:
    await store.create(execution(), {})
    await store.open_wait("e1", "ask", 0, approval(), START)
    await answer(store, "e1", "ask", APPROVED)
    assert announced == list(await store.records("e1")) and announced[0].data == {"by": "anna"}
    with pytest.raises(ConflictError):
        await answer(store, "e1", "ask", APPROVED)
    assert len(await store.records("e1")) == 1


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("answered", "wait_answered", "approved by anna"),
        ("elapsed", "wait_elapsed", "elapsed"),
        ("cancelled", "wait_cancelled", "cancelled"),
    ],
)
async def test_the_loser_is_told_who_won_and_when(store: Store, how: Any, code: str, said: str) -> None:
    await store.create(execution(), {})
    await store.open_wait("e1", "ask", 0, approval(), START)
    if how == "answered":
        await answer(store, "e1", "ask", APPROVED)
    else:
        await store.close_wait("e1", "ask", 0, how)
    with pytest.raises(ConflictError) as caught:
        await answer(store, "e1", "ask", Answer("rejected", by="bob"))
    at = "2026-01-01T12:00:00.000000+00:00"
    assert (
        str(caught.value) == f"The wait at 'ask' of execution 'e1' is over: {said} at {at}. This answer was not kept."
    )
    assert caught.value.code == code
    assert caught.value.details["status"] == how and caught.value.details["at"] == at


async def test_closing_tells_how_the_wait_really_ended(store: Store) -> None:
    await store.create(execution(), {})
    await store.open_wait("e1", "ask", 0, approval(), START)
    await answer(store, "e1", "ask", APPROVED)
    late = await store.close_wait("e1", "ask", 0, "elapsed")
    assert late.status == "answered" and late.answer and late.answer.by == "anna"


async def test_a_wait_that_is_not_there(store: Store) -> None:
    await store.create(execution(), {})
    message = r"^Execution 'e1' has no wait at 'ask'\. List what is open: baton inbox\.$"
    with pytest.raises(NotFoundError, match=message):
        await answer(store, "e1", "ask", APPROVED)
    with pytest.raises(NotFoundError, match=message):
        await store.close_wait("e1", "ask", 0, "elapsed")


@pytest.mark.capability("R9")
async def test_exactly_one_of_answer_time_and_cancel_wins(store: Store, opener: Opener) -> None:
    await store.create(execution(), {})
    async with opener() as other:
        for number in range(40):
            path = f"ask{number}"
            await store.open_wait("e1", path, 0, approval(), START)
            races = [
                store.close_wait("e1", path, 0, "elapsed"),
                answer(other, "e1", path, APPROVED),
                other.close_wait("e1", path, 0, "cancelled"),
                answer(store, "e1", path, Answer("rejected", by="bob")),
            ]
            turn = number % len(races)
            ends = await asyncio.gather(*races[turn:], *races[:turn], return_exceptions=True)
            seen = [each.status for each in ends if isinstance(each, OpenWait)]
            won = (await store.waits("e1", status=None))[-1]
            assert set(seen) == {won.status}
            losers = [each for each in ends if isinstance(each, BatonError)]
            assert len(losers) == (1 if won.status == "answered" else 2)
            assert all(isinstance(each, ConflictError) and each.details["status"] == won.status for each in losers)


@pytest.mark.capability("X08")
async def test_the_earliest_end_of_each_resting_execution(store: Store) -> None:
    for number, hours in ((1, (5, 3)), (2, (4,)), (3, (1,)), (4, ())):
        await store.create(execution(f"e{number}"), {})
        for hour in hours:
            due = START + timedelta(hours=hour)
            await store.open_wait(f"e{number}", f"ask{hour}", 0, approval(due=due), START)
        await store.open_wait(f"e{number}", "endless", 0, approval(), START)
        if number != 3:
            assert await store.rest(f"e{number}", 1, ExecutionStatus.WAITING, 0)
    assert await store.next_due() == [("e1", START + timedelta(hours=3)), ("e2", START + timedelta(hours=4))]


# -- events ----------------------------------------------------------------------------------------------------


@pytest.mark.capability("I04")
async def test_an_event_answers_every_wait_it_matches(store: Store) -> None:
    for number in range(3):
        await store.create(execution(f"e{number}"), {})
    await store.open_wait("e0", "w", 0, event(match={"order.id": 7, "currency": "EUR"}), START)
    await store.open_wait("e1", "w", 0, event(match={"order.id": 8}), START)
    await store.open_wait("e2", "w", 0, event(), START)
    await store.open_wait("e2", "other", 0, event("shipped"), START)
    published = await publish(store, data={"order": {"id": 7.0}, "currency": "EUR", "more": [1]})
    assert published.matched == (("e0", "w"), ("e2", "w")) and not published.repeated
    answered = (await store.waits("e0", status="answered"))[0]
    data = {"order": {"id": 7.0}, "currency": "EUR", "more": [1]}
    assert answered.answer == Answer("event", data, by="shop", at=START)
    assert [each.execution_id for each in await store.waits()] == ["e1", "e2"]


@pytest.mark.parametrize(
    ("match", "data", "key", "matches"),
    [
        ({"a": 1}, {"a": 1.0}, None, True),
        ({"a": 1}, {"a": True}, None, False),
        ({"a": None}, {}, None, False),
        ({"a": None}, {"a": None}, None, True),
        ({"a.b": [1, {"c": 2}]}, {"a": {"b": [1, {"c": 2}]}}, None, True),
        ({"a.b": 1}, {"a.b": 1}, None, True),
        ({"a.b": 1}, {"a": 1}, None, False),
        ({"key": "k"}, {}, "k", True),
        ({"key": "k"}, {"key": "k"}, None, True),
        ({"key": "k"}, {"key": "k"}, "other", False),
        ({"a": 1}, [1], None, False),
    ],
)
async def test_what_matches_early_and_late(store: Store, match: Any, data: Any, key: Any, matches: bool) -> None:
    await store.create(execution("late"), {})
    await store.create(execution("early"), {})
    await store.open_wait("late", "w", 0, event(match=match), START)
    assert (await publish(store, data=data, key=key)).matched == ((("late", "w"),) if matches else ())
    opened = await store.open_wait("early", "w", 0, event(match=match), START)
    assert opened.status == ("answered" if matches else "open")


@pytest.mark.capability("X07")
async def test_an_early_event_counts_from_the_start_less_the_lookback(store: Store, clock: ManualClock) -> None:
    await publish(store, data={"n": 1})
    clock.advance(60)
    started = clock.now()
    await store.create(execution(), {})
    assert (await store.open_wait("e1", "w", 0, event(), started)).status == "open"
    looked = await store.open_wait("e1", "w2", 0, event(lookback=60), started)
    assert looked.status == "answered" and looked.answer and looked.answer.data == {"n": 1}


@pytest.mark.capability("X07")
async def test_early_events_are_taken_oldest_first_and_once_each(store: Store) -> None:
    await store.create(execution("e1"), {})
    await store.create(execution("e2"), {})
    for number in range(2):
        await publish(store, data={"n": number})
    taken = [await store.open_wait("e1", f"w{number}", 0, event(), START) for number in range(3)]
    assert [each.answer.data["n"] if each.answer else None for each in taken] == [0, 1, None]
    other = await store.open_wait("e2", "w", 0, event(), START)
    assert other.answer and other.answer.data == {"n": 0}


async def test_waits_that_open_together_do_not_take_the_same_early_event(store: Store) -> None:
    await store.create(execution(), {})
    for number in range(2):
        await publish(store, data={"n": number})
    opened = await asyncio.gather(*(store.open_wait("e1", f"w{number}", 0, event(), START) for number in range(3)))
    assert [each.answer.data["n"] if each.answer else None for each in opened] == [0, 1, None]


async def test_an_event_answers_one_wait_of_an_execution_at_most(store: Store) -> None:
    await store.create(execution(), {})
    for path in ("first", "second"):
        await store.open_wait("e1", path, 0, event(), START)
    assert (await publish(store)).matched == (("e1", "first"),)
    assert (await publish(store)).matched == (("e1", "second"),)


@pytest.mark.capability("D22")
async def test_a_repeated_event_changes_nothing(store: Store) -> None:
    await store.create(execution(), {})
    await store.open_wait("e1", "first", 0, event(), START)
    first = await publish(store, data={"n": 1}, key="k", id="ev1")
    await store.open_wait("e1", "second", 0, event(), START)
    repeated = await publish(store, data={"n": 1}, key="k", id="ev1")
    assert repeated == PublishedEvent(first.id, (("e1", "first"),), repeated=True)
    assert [each.path for each in await store.waits("e1")] == ["second"]


@pytest.mark.capability("D22")
@pytest.mark.parametrize("other", [{"data": {"n": 2}}, {"key": "l"}, {"kind": "other"}])
async def test_an_id_that_comes_with_something_else_is_refused(store: Store, other: dict[str, Any]) -> None:
    given: dict[str, Any] = {"kind": "paid", "data": {"n": 1, "m": 2}, "key": "k", "id": "ev1", "source": None}
    await store.publish_event(**given)
    with pytest.raises(ConflictError, match="with another type, key or data") as refused:
        await store.publish_event(**given | other)
    assert refused.value.code == "event_id_reused"
    assert (await store.publish_event(**given | {"data": {"m": 2, "n": 1}})).repeated


async def test_what_a_step_emits_is_known_by_its_id_whatever_it_says_after_a_crash(store: Store) -> None:
    await store.publish_event("paid", {"n": 1}, key="k", id="ev1", source="e1", emitted=True)
    assert (await store.publish_event("paid", {"n": 2}, key="k", id="ev1", source="e1", emitted=True)).repeated


@pytest.mark.capability("X07", "R10")
async def test_many_events_may_be_about_the_same(store: Store) -> None:
    """A key says what an event is about: who waits for the next one about it gets the next one."""
    for name in ("e1", "e2"):
        await store.create(execution(name), {})
        await store.open_wait(name, "w", 0, event(match={"key": "bob"}), START)
        published = await publish(store, data={"for": name}, key="bob")
        assert not published.repeated and published.matched == ((name, "w"),)


@pytest.mark.capability("R10", "X08")
async def test_an_event_after_the_deadline_answers_nobody(store: Store, clock: ManualClock) -> None:
    """Though no engine was there to close the wait."""
    await store.create(execution(), {})
    await store.open_wait("e1", "w", 0, event(due=clock.now() + timedelta(seconds=5)), START)
    clock.advance(5)
    assert (await publish(store)).matched == ()
    assert [each.path for each in await store.waits("e1")] == ["w"]


@pytest.mark.capability("R8", "X07")
async def test_a_clock_that_was_set_back_hides_no_event(store: Store, clock: ManualClock) -> None:
    """And one that was set forward shows none that came before: order is told by counting."""
    clock.advance(3600)
    await publish(store, data={"n": "before"})
    clock.advance(-3600)
    await store.create(execution(), {})
    clock.advance(-60)
    await publish(store, data={"n": "after"})
    clock.advance(60)
    taken = await store.open_wait("e1", "w", 0, event(), clock.now())
    assert taken.answer and taken.answer.data == {"n": "after"}
    looked = await store.open_wait("e1", "w2", 0, event(lookback=30), clock.now())
    assert looked.answer and looked.answer.data == {"n": "before"}


@pytest.mark.capability("R10")
async def test_an_event_of_a_tenant_reaches_no_other(store: Store) -> None:
    await store.create(execution("a", tenant="acme"), {})
    await store.create(execution("b", tenant="other"), {})
    await store.create(execution("c", tenant="acme"), {})
    for name in ("a", "b"):
        await store.open_wait(name, "w", 0, event(), START)
    assert (await publish(store, tenant="acme")).matched == (("a", "w"),)
    early = [await store.open_wait(name, "w2", 0, event(), START) for name in ("a", "b")]
    assert [each.status for each in early] == ["open", "open"]  # a has had it, b must not
    assert (await store.open_wait("c", "w", 0, event(), START)).status == "answered"


async def test_an_event_published_while_its_wait_opens_is_never_missed(store: Store, opener: Opener) -> None:
    async with opener() as other:
        for number in range(30):
            name = f"e{number}"
            await store.create(execution(name), {})
            wait = event(match={"n": number})
            opening = store.open_wait(name, "w", 0, wait, START)
            sending = publish(other, data={"n": number})
            opened, sent = await asyncio.gather(*((opening, sending) if number % 2 else (sending, opening)))
            kept = (await store.waits(name, status=None))[0]
            assert kept.status == "answered", (number, opened, sent)


# -- signals ---------------------------------------------------------------------------------------------------


async def test_whatever_is_stored_for_the_engine_leaves_a_signal(store: Store) -> None:
    await store.create(execution(), {})
    for path in ("ask", "ask2"):
        await store.open_wait("e1", path, 0, approval(), START)
    await store.open_wait("e1", "w", 0, event(), START)
    await answer(store, "e1", "ask", APPROVED)
    await publish(store)
    await publish(store)  # answers nothing
    await store.close_wait("e1", "ask2", 0, "elapsed")
    await store.request_cancel("e1", by=None, reason=None)
    await store.rewind("e1", superseded=[], generation=0, reason="retry")
    signals = await store.signals(0)
    assert [(each.kind, each.path) for each in signals] == [
        ("start", None),
        ("answer", "ask"),
        ("published", None),
        ("event", "w"),
        ("published", None),
        ("answer", "ask2"),
        ("cancel", None),
        ("resume", None),
    ]
    assert await store.signals(signals[2].seq) == signals[3:]
    now = await store.execution("e1")
    assert now and now.signal == 6


async def test_the_driving_engine_closing_its_own_waits_is_no_news_to_it(store: Store) -> None:
    await store.create(execution(), {})
    taken = await store.begin_drive("e1", "start")
    async with store.driving():
        await store.open_wait("e1", "timer", 0, Wait("timer", due=START), START)
        await store.close_wait("e1", "timer", 0, "elapsed")
        assert await store.rest("e1", taken.signal, ExecutionStatus.WAITING, 0)


async def test_an_engine_that_starts_finds_no_old_signals(store: Store, opener: Opener) -> None:
    await store.create(execution("e1"), {})
    old = (await store.signals(0))[-1].seq
    async with store.driving(), opener() as other:
        assert await store.signals(0) == []
        await other.create(execution("e2"), {})
        assert [each.seq for each in await store.signals(0)] == [old + 1]


async def test_what_the_driving_engine_stores_itself_is_no_news_but_counts(store: Store) -> None:
    """It tells its driver without a detour; going to rest sees it all the same."""
    await store.create(execution("e1"), {})
    async with store.driving():
        taken = await store.begin_drive("e1", "start")
        await store.open_wait("e1", "ask", 0, approval(), START)
        await answer(store, "e1", "ask", Answer("approved"))
        assert await store.signals(0) == []
        assert not await store.rest("e1", taken.signal, ExecutionStatus.WAITING, 0)


async def test_a_wait_and_its_records_are_kept_together_once(store: Store, announced: list[Record]) -> None:
    """Opened again, it stays as it is; answered at once by an event, nobody waits, and nothing says so."""
    await store.create(execution("e1"), {})
    asked = Record("e1", "step.waiting", START, "ask", data={"n": 1})
    for _ in range(2):
        assert (await store.open_wait("e1", "ask", 0, approval(), START, records=[asked])).status == "open"
    await store.publish_event("paid", {}, key=None, source=None)
    waits = Record("e1", "step.waiting", START, "paid")
    answered = await store.open_wait("e1", "paid", 0, event("paid"), START, records=[waits])
    assert answered.status == "answered"
    assert [record.path for record in await store.records("e1")] == ["ask"]
    assert [(record.path, record.data) for record in announced] == [("ask", {"n": 1})]
