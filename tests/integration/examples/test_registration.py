"""X-1 and X-2: a user registers, clicks or does not click, and the services fail in every way on the way there."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from graphs.errors import InputError
from graphs.spec import Workflow
from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from tests.integration.examples.conftest import Engine
from tests.integration.examples.support import JOHN, World, finished, hurried, rested, run, statuses
from tests.support.waiting import until

NAME = "user-registration-workflow"
DAY = 24 * 3600.0


@pytest.mark.capability(
    "X-1", "F01", "F03", "F04", "I01", "I02", "I03", "I04", "D09", "D13", "D14", "Y06", "Y07", "Y08"
)
@pytest.mark.capability("Y09", "Y10", "Y14", "T01", "T02", "T03", "X10", "ST7", "I22")
async def test_a_user_registers_and_clicks(baton: Orchestrator, world: World) -> None:
    execution = await rested(baton, await baton.start(NAME, JOHN))
    assert execution.status is ExecutionStatus.WAITING
    (wait,) = await baton.waits(execution.id)
    user_id = await world.click_the_link(JOHN["email"])
    assert (wait.path, wait.wait.event_type, wait.wait.match) == (
        "wait_for_verification",
        "user.email_verified",
        {"user_id": user_id},
    )
    assert (await world.users())[0]["status"] == "pending"

    await baton.publish_event("user.email_verified", {"user_id": user_id})
    execution = await finished(baton, execution)

    assert execution.status is ExecutionStatus.COMPLETED
    (user,) = await world.users()
    assert execution.output == {
        "user_id": user["id"],
        "status": "active",
        "activation_date": user["activation_date"],
    }
    assert set(statuses(await baton.results(execution.id)).values()) == {"completed"}
    actions = await world.actions(execution)
    assert actions[0] == "user.created"
    assert set(actions[1:3]) == {"profile.created", "email.sent"}
    assert actions[3:] == ["user.activated", "notification.sent"]


@pytest.mark.capability("X07", "I13")
async def test_a_click_before_the_wait_begins_still_counts(baton: Orchestrator, world: World) -> None:
    await world.fault("notification-service", route="/api/emails", latency_ms=400)
    execution = await baton.start(NAME, JOHN)

    async def created() -> bool:
        return bool(await world.users())

    await until(created, "the account is created")
    assert not await baton.waits(execution.id)
    (user,) = await world.users()
    await baton.publish_event("user.email_verified", {"user_id": user["id"]})
    assert (await finished(baton, execution)).status is ExecutionStatus.COMPLETED


@pytest.mark.capability("I04", "D13")
async def test_anothers_click_is_not_ours(baton: Orchestrator, world: World) -> None:
    execution = await rested(baton, await baton.start(NAME, JOHN))
    event = await baton.publish_event("user.email_verified", {"user_id": "usr_somebody_else"})
    assert event.matched == ()
    assert (await rested(baton, execution)).status is ExecutionStatus.WAITING


@pytest.mark.capability("X-2", "E05", "E14", "F26", "Y12", "D05", "O01", "X33", "X34", "P09")
async def test_who_never_clicks_is_cleaned_up_after_a_day(engine: Engine, world: World) -> None:
    clock = ManualClock()
    async with engine(clock=clock) as baton:
        execution = await rested(baton, await baton.start(NAME, JOHN))
        clock.advance(DAY - 60)
        assert (await rested(baton, execution)).status is ExecutionStatus.WAITING
        assert len(await world.users()) == 1
        clock.advance(120)
        execution = await finished(baton, execution)
        results = statuses(await baton.results(execution.id))
    assert (execution.status, execution.compensation) == (ExecutionStatus.TIMED_OUT, "compensated")
    assert execution.error is not None
    assert execution.error["step"] == "wait_for_verification"
    assert results["wait_for_verification"] == "timed_out"
    assert await world.users() == []
    # The named workflow cleans up in place of the steps under `compensation`, and in its own order.
    assert (await world.actions(execution))[-2:] == ["profile.deleted", "user.deleted"]
    # A day of waiting is no time at work: `timeout: 30m` has nothing to say about it.
    assert execution.active_seconds < 60


@pytest.mark.capability("X-1", "E21", "E26", "X13", "Y11")
async def test_a_taken_email_is_refused_once_and_leaves_nothing(baton: Orchestrator, world: World) -> None:
    await world.post("/user-service/api/users", {"username": "somebody", "email": JOHN["email"]})
    execution = await run(baton, NAME, JOHN)
    # Every clean-up step is skipped by its condition; whether that is called compensated is the engine's to say.
    assert execution.status in (ExecutionStatus.FAILED, ExecutionStatus.COMPENSATED)
    assert execution.error is not None
    assert execution.error["step"] == "validate_input"
    assert execution.error["message"].startswith("Validation failed: ")
    assert "email" in execution.error["message"]
    assert await world.actions(execution) == []
    assert len(await world.requests("user-service", "/api/validate/unique_email")) == 1


@pytest.mark.capability("D10", "Y05", "E26")
async def test_input_that_does_not_fit_is_refused_before_anything_starts(baton: Orchestrator, world: World) -> None:
    with pytest.raises(InputError, match="email") as refused:
        await baton.start(NAME, JOHN | {"email": "nobody", "password": "horse"})
    assert "password" in str(refused.value)
    assert "horse" not in str(refused.value)
    assert await world.effects() == []


@pytest.mark.capability("E06", "X06")
async def test_an_email_that_cannot_be_sent_does_not_matter(
    baton: Orchestrator, world: World, examples: Mapping[str, Workflow]
) -> None:
    await world.fault("notification-service", route="/api/emails", down=True)
    execution = await rested(baton, await baton.start(hurried(examples[NAME]), JOHN))
    assert execution.status is ExecutionStatus.WAITING
    results = await baton.results(execution.id)
    assert results["send_welcome_email"]["status"] == "failed"
    assert results["send_welcome_email"]["attempts"] == 3
    (user,) = await world.users()
    await baton.publish_event("user.email_verified", {"user_id": user["id"]})
    assert (await finished(baton, execution)).status is ExecutionStatus.COMPLETED


@pytest.mark.capability("E10", "E04", "Y13", "X04", "X11", "B07")
async def test_a_profile_that_cannot_be_made_undoes_the_account(
    baton: Orchestrator, world: World, examples: Mapping[str, Workflow]
) -> None:
    await world.fault("profile-service", status=500)
    execution = await run(baton, hurried(examples[NAME]), JOHN)
    assert execution.status is ExecutionStatus.COMPENSATED
    assert await world.users() == []
    assert len(await world.requests("profile-service", method="POST")) == 3
    results = statuses(await baton.results(execution.id))
    assert results["create_user_profile"] == "failed"
    assert results["~compensation.cleanup_user_account"] == "completed"
    assert results["~compensation.cleanup_user_profile"] == "skipped"
    kinds = [record.kind for record in await baton.records(execution.id)]
    assert "execution.compensating" in kinds


@pytest.mark.capability("E01", "E02", "D22", "Y04", "P03", "X03")
async def test_a_flaky_service_is_asked_again_under_the_same_key(
    baton: Orchestrator, world: World, examples: Mapping[str, Workflow]
) -> None:
    await world.fault("user-service", route="/api/users", method="POST", fail_next=2, status=503)
    execution = await rested(baton, await baton.start(hurried(examples[NAME]), JOHN))
    asked = await world.requests("user-service", "/api/users", "POST")
    assert [row["status"] for row in asked] == [503, 503, 201]
    assert len({row["idempotency_key"] for row in asked}) == 1
    assert (await baton.results(execution.id))["create_user_account"]["attempts"] == 3
    assert len(await world.effects(action="user.created")) == 1


@pytest.mark.capability("D22", "Q01", "X12", "X35")
async def test_a_lost_answer_does_not_make_a_second_user(
    baton: Orchestrator, world: World, examples: Mapping[str, Workflow]
) -> None:
    await world.fault("user-service", route="/api/users", method="POST", fail_next=1, status=503, after_effect=True)
    execution = await rested(baton, await baton.start(hurried(examples[NAME]), JOHN))
    asked = await world.requests("user-service", "/api/users", "POST")
    assert [row["replayed"] for row in asked] == [False, True]
    # The password's hash is salted, and yet the second attempt asks for exactly the same thing.
    assert len({row["body_digest"] for row in asked}) == 1
    assert len(await world.users()) == 1
    assert execution.status is ExecutionStatus.WAITING


@pytest.mark.capability("X12", "X35", "I25")
async def test_the_password_is_nowhere_to_be_read(engine: Engine, world: World, tmp_path: Path) -> None:
    async with engine() as baton:
        execution = await rested(baton, await baton.start(NAME, JOHN))
        records = await baton.records(execution.id)
        assert JOHN["password"] not in f"{execution} {records} {await baton.results(execution.id)}"
    for file in tmp_path.rglob("*"):
        assert JOHN["password"].encode() not in (file.read_bytes() if file.is_file() else b""), file


@pytest.mark.capability("D01", "D02", "D05", "X08")
async def test_the_wait_outlives_the_engine(engine: Engine, world: World) -> None:
    async with engine() as baton:
        execution = await rested(baton, await baton.start(NAME, JOHN))
    before = await world.actions(execution)
    async with engine() as baton:
        assert (await rested(baton, execution)).status is ExecutionStatus.WAITING
        user_id = await world.click_the_link(JOHN["email"])
        await baton.publish_event("user.email_verified", {"user_id": user_id})
        execution = await finished(baton, execution)
    assert execution.status is ExecutionStatus.COMPLETED
    assert await world.actions(execution) == [*before, "user.activated", "notification.sent"]


@pytest.mark.capability("D20", "C15", "O15")
async def test_eight_people_register_at_once(baton: Orchestrator, world: World) -> None:
    people = [JOHN | {"username": f"user_{n}", "email": f"user{n}@example.com"} for n in range(8)]
    started = [await baton.start(NAME, person) for person in people]
    await asyncio.gather(*(rested(baton, execution) for execution in started))
    users = await world.users()
    await asyncio.gather(*(baton.publish_event("user.email_verified", {"user_id": user["id"]}) for user in users))
    ended = await asyncio.gather(*(finished(baton, execution) for execution in started))
    assert {execution.status for execution in ended} == {ExecutionStatus.COMPLETED}
    assert {execution.output["user_id"] for execution in ended} == {user["id"] for user in users}


@pytest.mark.capability("X-2", "F26")
async def test_clean_up_by_itself_and_twice(baton: Orchestrator, world: World) -> None:
    user = await world.post("/user-service/api/users", {"username": "jane", "email": "jane@example.com"})
    for _ in range(2):
        execution = await run(baton, "user-cleanup-workflow", {"user_id": user["id"]})
        assert execution.status is ExecutionStatus.COMPLETED
        assert execution.output == {"user_id": user["id"], "deleted": True}
    assert await world.users() == []
