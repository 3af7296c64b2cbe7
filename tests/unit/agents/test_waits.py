"""Approvals, events and delays: what is asked, and what an answer means."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from agents.approval import Approval, ApprovalConfig
from agents.events import EmitEvent, EmitEventConfig
from agents.waits import Delay, DelayConfig, WaitForEvent, WaitForEventConfig
from graphs.clock import ManualClock
from graphs.errors import StepError, StepTimeoutError
from graphs.expressions import Secret
from graphs.steps import Answer, StepContext, Wait

Make = Callable[..., StepContext]


def decide(make_context: Make, config: dict[str, Any], answer: Answer, **changes: Any) -> Any:
    model = ApprovalConfig.model_validate(config)
    context = make_context()
    wait = Approval().wait(context, model)
    changed = Wait(**{**{name: getattr(wait, name) for name in Wait.__slots__}, **changes})
    return Approval().settle(context, model, changed, answer)


@pytest.mark.capability("I08", "T14", "P09")
def test_an_approval_says_what_is_asked_whom_and_until_when(make_context: Make, clock: ManualClock) -> None:
    config = ApprovalConfig.model_validate(
        {
            "question": "Refund 12 EUR?",
            "payload": {"amount": 12, "card": Secret("4111")},
            "assignees": "ann",
            "groups": ["finance"],
            "allow": ["approve", "edit"],
            "schema": {"type": "object"},
            "timeout": "48h",
            "on_timeout": "reject",
        }
    )
    wait = Approval().wait(make_context(), config)
    assert wait == Wait(
        kind="approval",
        question={
            "message": "Refund 12 EUR?",
            "payload": {"amount": 12, "card": "***"},
            "allow": ["approve", "edit"],
            "assignees": ["ann"],
            "groups": ["finance"],
        },
        due=clock.now() + timedelta(hours=48),
        on_timeout="reject",
        response_schema={"type": "object"},
        assignees=("ann", "group:finance"),
    )


def test_without_a_timeout_an_approval_stays_open(make_context: Make) -> None:
    assert Approval().wait(make_context(), ApprovalConfig()).due is None


@pytest.mark.parametrize(
    ("answer", "response"),
    [
        (
            Answer("approved", by="ann", reason="fine"),
            {"approved": True, "decision": "approved", "by": "ann", "reason": "fine", "data": {"n": 1}},
        ),
        (
            Answer("edited", data={"n": 2}, by="ann"),
            {"approved": True, "decision": "edited", "by": "ann", "reason": None, "data": {"n": 2}},
        ),
        (
            Answer("responded", data="why?", by="bob"),
            {"approved": False, "decision": "responded", "by": "bob", "reason": None, "data": "why?"},
        ),
        (
            Answer("rejected", by="bob", reason="no"),
            {"approved": False, "decision": "rejected", "by": "bob", "reason": "no", "data": None},
        ),
    ],
)
def test_an_answer_becomes_the_response(make_context: Make, answer: Answer, response: dict[str, Any]) -> None:
    allow = ["approve", "reject", "edit", "respond"]
    config = {"payload": {"n": 1}, "allow": allow, "on_reject": "continue"}
    assert decide(make_context, config, answer) == response


def test_a_rejection_fails_the_step_unless_it_may_go_on(make_context: Make) -> None:
    with pytest.raises(StepError) as caught:
        decide(make_context, {"message": "Refund?"}, Answer("rejected", by="bob", reason="too much"))
    assert str(caught.value) == "'Refund?' was rejected by bob: too much."
    assert (caught.value.code, caught.value.category, caught.value.retryable) == (
        "approval_rejected",
        "validation",
        False,
    )


def test_a_decision_that_was_not_offered_is_refused(make_context: Make) -> None:
    with pytest.raises(StepError) as caught:
        decide(make_context, {"message": "Refund?"}, Answer("edited", data={}))
    assert str(caught.value) == (
        "'Refund?' was answered with 'edited', which it does not allow. Allowed: approve, reject."
    )


@pytest.mark.capability("X26")
def test_silence_means_what_the_wait_says(make_context: Make) -> None:
    silence, config = Answer("elapsed"), {"message": "Refund?", "payload": 1, "timeout": "24h", "on_reject": "continue"}
    with pytest.raises(StepTimeoutError) as caught:
        decide(make_context, config, silence)
    assert str(caught.value) == "'Refund?': nobody decided within 1d."
    said = {"by": None, "reason": "nobody decided within 1d"}
    # The engine merges the step's own `on_timeout` into the wait; that one counts.
    assert decide(make_context, config, silence, on_timeout="approve") == {
        "approved": True,
        "decision": "approved",
        "data": 1,
        **said,
    }
    assert decide(make_context, config, silence, on_timeout="reject") == {
        "approved": False,
        "decision": "rejected",
        "data": None,
        **said,
    }
    assert decide(make_context, config, silence, on_timeout="continue") == {
        "approved": False,
        "decision": "timed_out",
        "data": None,
        **said,
    }
    with pytest.raises(StepError, match="was rejected: nobody decided within 1d"):
        decide(make_context, {**config, "on_reject": "fail"}, silence, on_timeout="reject")


@pytest.mark.capability("I04", "T03", "Y09", "M17", "X07")
def test_an_event_is_awaited_by_type_and_data(make_context: Make, clock: ManualClock) -> None:
    config = WaitForEventConfig(event_type="user.email_verified", filter={"user_id": "u1"}, lookback="10m")
    context = make_context()
    wait = WaitForEvent().wait(context, config)
    assert wait == Wait(
        kind="event",
        question={"event_type": "user.email_verified", "filter": {"user_id": "u1"}},
        event_type="user.email_verified",
        match={"user_id": "u1"},
        due=clock.now() + timedelta(hours=1),
        lookback=600.0,
    )
    answer = Answer("event", data={"user_id": "u1", "at": "now"})
    assert WaitForEvent().settle(context, config, wait, answer) == {"event_data": {"user_id": "u1", "at": "now"}}


def test_an_event_that_never_comes(make_context: Make) -> None:
    context = make_context()
    config = WaitForEventConfig(event_type="paid", timeout="24h")
    wait = WaitForEvent().wait(context, config)
    with pytest.raises(StepTimeoutError) as caught:
        WaitForEvent().settle(context, config, wait, Answer("elapsed"))
    assert str(caught.value) == "no event 'paid' that fits the filter came within 1d."
    config = WaitForEventConfig(event_type="paid", on_timeout="continue", timeout=None)
    wait = WaitForEvent().wait(context, config)
    assert wait.due is None
    assert WaitForEvent().settle(context, config, wait, Answer("elapsed")) == {"event_data": None, "timed_out": True}


@pytest.mark.capability("T16", "X19", "D05")
def test_a_delay_ends_after_a_while_or_at_a_time(make_context: Make, clock: ManualClock) -> None:
    context = make_context()

    def due(**config: Any) -> datetime | None:
        model = DelayConfig.model_validate(config)
        wait = Delay().wait(context, model)
        assert wait.due is not None
        assert Delay().settle(context, model, wait, Answer("elapsed")) == {"until": wait.due.isoformat()}
        return wait.due

    assert due(duration="24h") == clock.now() + timedelta(days=1)
    assert due(seconds=1.5) == clock.now() + timedelta(seconds=1.5)
    assert due(until="2026-03-01T12:00:00+02:00") == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert due(until="2026-03-01T12:00:00") == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("model", "config", "problem"),
    [
        (DelayConfig, {}, "give one of 'duration', 'seconds' and 'until'"),
        (DelayConfig, {"seconds": 1, "duration": 1}, "give one of"),
        (DelayConfig, {"duration": "soon"}, "a duration is a number of seconds or a text such as 30s"),
        (ApprovalConfig, {"message": "a", "question": "b"}, "are the same; give one"),
        (ApprovalConfig, {"allow": []}, "at least 1 item"),
        (ApprovalConfig, {"allow": "maybe"}, "Input should be 'approve', 'reject', 'edit' or 'respond'"),
        (WaitForEventConfig, {"event_type": ""}, "at least 1 character"),
        (WaitForEventConfig, {"event_type": "a", "on_timeout": "approve"}, "Input should be 'fail' or 'continue'"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(model: Any, config: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        model.model_validate(config)


@pytest.mark.capability("D22")
async def test_an_event_is_published_once_however_often_it_is_tried(make_context: Make) -> None:
    published = []

    async def emit(kind: str, data: Any, *, key: str) -> None:
        published.append((kind, data, key))

    context = make_context(emit_event=emit)
    response = await EmitEvent().run(context, EmitEventConfig(event_type="order.paid", data={"id": 1}))
    assert response == {"event_type": "order.paid", "key": "exec-1:orders[3].charge:0"}
    await EmitEvent().run(context, EmitEventConfig(event_type="order.paid", key="order-1"))
    assert published == [("order.paid", {"id": 1}, "exec-1:orders[3].charge:0"), ("order.paid", {}, "order-1")]


async def test_an_engine_that_publishes_nothing_says_so(make_context: Make) -> None:
    with pytest.raises(StepError, match="this engine publishes no events"):
        await EmitEvent().run(make_context(), EmitEventConfig(event_type="a"))


@pytest.mark.capability("I25")
async def test_secrets_are_kept_out_of_what_is_stored(make_context: Make) -> None:
    with pytest.raises(StepError) as caught:
        await EmitEvent().run(make_context(), EmitEventConfig(event_type="a", data={"k": Secret("x")}))
    assert str(caught.value) == (
        "'data' holds a secret. Events are kept in the clear. Use an id, or a hash of it, in its place."
    )
    with pytest.raises(StepError, match="'filter' holds a secret"):
        WaitForEvent().wait(make_context(), WaitForEventConfig(event_type="a", filter={"k": Secret("x")}))
