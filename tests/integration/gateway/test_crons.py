"""Crons through langgraph-sdk; their time stands still until the test moves it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError, UnprocessableEntityError

from graphs.clock import ManualClock
from graphs.steps import Logger
from orchestrator.logs import logger
from orchestrator.serving.crons import CronDesk
from orchestrator.serving.served import Caller
from orchestrator.settings import Settings
from orchestrator.store.served.values import Cron
from orchestrator.store.sqlite import SqliteStore

_START = datetime(2026, 1, 1, 8, 59, 30, tzinfo=UTC)


async def test_a_cron_is_made_found_changed_and_deleted(client: LangGraphClient) -> None:
    made: Any = await client.crons.create(
        "echo", schedule="0 9 * * 1-5", input={"text": "morning"}, metadata={"a": 1}, timezone="Europe/Berlin"
    )
    assert made["payload"] == {"input": {"text": "morning"}, "assistant_id": made["assistant_id"]}
    due = datetime.fromisoformat(made["next_run_date"])
    assert (due.minute, due > datetime.now(UTC)) == (0, True)
    thread = (await client.threads.create())["thread_id"]
    other: Any = await client.crons.create_for_thread(thread, "echo", schedule="*/5 * * * *", enabled=False)
    assert (other["thread_id"], other["enabled"], other["next_run_date"]) == (thread, False, None)
    assert [cron["cron_id"] for cron in await client.crons.search(assistant_id=made["assistant_id"])] == [
        other["cron_id"],
        made["cron_id"],
    ]
    assert [cron["cron_id"] for cron in await client.crons.search(thread_id=thread)] == [other["cron_id"]]
    assert [cron["cron_id"] for cron in await client.crons.search(enabled=True)] == [made["cron_id"]]
    assert await client.crons.count(metadata={"a": 1}) == 1
    changed: Any = await client.crons.update(made["cron_id"], schedule="30 10 * * *", input={"text": "later"})
    assert (changed["schedule"], changed["payload"]["input"]) == ("30 10 * * *", {"text": "later"})
    assert datetime.fromisoformat(changed["next_run_date"]).minute == 30
    await client.crons.delete(made["cron_id"])
    with pytest.raises(NotFoundError, match="There is no cron"):
        await client.crons.delete(made["cron_id"])


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"schedule": "every day"}, "is no cron schedule"),
        ({"schedule": "61 * * * *"}, "is no cron schedule"),
        ({"schedule": "* * * * *", "timezone": "Mars/Olympus"}, "is no time zone"),
        ({"schedule": "* * * * *", "timezone": "../../etc/passwd"}, "is no time zone"),
    ],
)
async def test_what_is_no_schedule_is_refused(client: LangGraphClient, given: Any, why: str) -> None:
    with pytest.raises(UnprocessableEntityError, match=why):
        await client.crons.create("echo", **given)


async def test_what_comes_due_runs(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    made: Any = await client.crons.create_for_thread(
        thread, "echo", schedule="* * * * * *", input={"text": "tick"}, metadata={"from": "cron"}
    )
    while not (runs := await client.runs.list(thread)):
        pass
    await client.crons.delete(made["cron_id"])
    assert runs[-1]["metadata"] == {"from": "cron", "cron_id": made["cron_id"]}
    left: Any = await client.runs.join(thread, runs[-1]["run_id"])
    assert left["said"][0] == "echo: tick"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[tuple[SqliteStore, ManualClock]]:
    """A store whose time stands still."""
    clock = ManualClock(_START)
    async with SqliteStore.open(tmp_path / "baton.db", clock=clock, synchronous="off") as kept:
        yield kept, clock


class Desk:
    """A cron desk, and what it started."""

    def __init__(self, store: SqliteStore, clock: ManualClock) -> None:
        self.started: list[str] = []
        self.desk = CronDesk(store, clock, _log(), self._start)

    async def _start(self, cron: Cron, by: Caller, key: str) -> None:
        self.started.append(key.split(":", 2)[2])

    async def settle(self) -> None:
        """Let what rang be done."""
        if self.desk._bell._working is not None:
            await self.desk._bell._working


def _log() -> Logger:
    found: Logger = logger(Settings(log_level="error"))
    return found


def _cron(desk: CronDesk, schedule: str, timezone: str | None = None, end_at: datetime | None = None) -> Cron:
    next_at = desk.next_time(schedule, timezone, end_at)
    return Cron(
        id="c",
        assistant_id="a",
        schedule=schedule,
        timezone=timezone,
        end_at=end_at,
        next_at=next_at,
        created_at=_START,
        updated_at=_START,
    )


async def test_each_time_starts_one_run(store: tuple[SqliteStore, ManualClock]) -> None:
    kept, clock = store
    one = Desk(kept, clock)
    async with one.desk.serving():
        await one.desk.create(_cron(one.desk, "*/10 * * * *"))
        for _ in range(3):
            clock.advance(600)
            await one.settle()
    assert one.started == [f"2026-01-01T09:{minute}:00+00:00" for minute in ("00", "10", "20")]


async def test_what_came_due_while_nobody_was_there_starts_once(store: tuple[SqliteStore, ManualClock]) -> None:
    kept, clock = store
    one = Desk(kept, clock)
    await one.desk.create(_cron(one.desk, "*/10 * * * *"))
    clock.advance(3 * 3600)
    async with one.desk.serving():
        clock.advance(0)
        await one.settle()
        clock.advance(600)
        await one.settle()
    assert one.started == ["2026-01-01T09:00:00+00:00", "2026-01-01T12:00:00+00:00"]


async def test_a_cron_ends(store: tuple[SqliteStore, ManualClock]) -> None:
    kept, clock = store
    one = Desk(kept, clock)
    async with one.desk.serving():
        await one.desk.create(_cron(one.desk, "*/10 * * * *", end_at=_START + timedelta(minutes=15)))
        for _ in range(4):
            clock.advance(600)
            await one.settle()
    assert len(one.started) == 2
    assert kept.next_cron() is None


def test_nine_in_the_morning_is_nine_before_and_after_the_clocks_change() -> None:
    times = []
    for day in (28, 29):
        clock = ManualClock(datetime(2026, 3, day, 0, 0, tzinfo=UTC))
        desk = CronDesk(None, clock, _log(), None)  # type: ignore[arg-type]
        found = desk.next_time("0 9 * * *", "Europe/Berlin", None)
        assert found is not None
        times.append(found.astimezone(UTC).hour)
    assert times == [8, 7]
