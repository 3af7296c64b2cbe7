"""What every store must do with its file: one driver, retention, backups."""

from datetime import timedelta
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from graphs.errors import ConflictError, EngineBusyError
from graphs.state import ExecutionStatus
from orchestrator.store.port import Record, Store
from tests.conformance.conftest import Opener
from tests.conformance.support import finish, record
from tests.unit.store.support import START, approval, event, execution, place, put_checkpoint


async def test_one_engine_drives_and_everybody_else_still_works(store: Store, opener: Opener) -> None:
    await store.create(execution(), {})
    await store.open_wait("e1", "ask", 0, approval(), START)
    assert not store.driven()
    async with store.driving(), opener() as other:
        assert store.driven() and other.driven()
        with pytest.raises(EngineBusyError, match="is driven by another engine"):
            async with other.driving():
                pass
        await other.publish_event("paid", {}, key=None, source=None)
        assert len(await other.waits()) == 1
        await other.request_cancel("e1", by="bob", reason=None)
        assert await other.waits() == []
    async with opener() as other, other.driving():
        pass


@pytest.mark.capability("O08")
async def test_pruning_deletes_what_ended_before_and_all_that_belongs_to_it(store: Store, clock: ManualClock) -> None:
    for name in ("old", "kept", "open", "new"):
        await store.create(execution(name), {"s": b"x"})
        await store.begin_drive(name, "start")
        await store.open_wait(name, "w", 0, event(), START)
        await put_checkpoint(store.saver, place(name))
        store.append(record("a", execution_id=name))
    await store.publish_event("paid", {}, key=None, source=None)
    await finish(store, "old")
    await finish(store, "kept", ExecutionStatus.FAILED)
    clock.advance(3600)
    await finish(store, "new")
    before = START + timedelta(minutes=30)
    keep = [ExecutionStatus.FAILED]
    assert await store.prune(before=before, keep=keep, dry_run=True) == 1
    assert await store.execution("old") is not None
    assert await store.prune(before=before, keep=keep) == 1
    assert await store.execution("old") is None
    assert await store.records("old") == [] and await store.waits("old", status=None) == []
    assert await store.secrets("old") == {} and await store.saver.aget_tuple(place("old")) is None
    for name in ("kept", "open", "new"):
        assert await store.execution(name) and await store.records(name) and await store.secrets(name)
        assert await store.saver.aget_tuple(place(name)) is not None


async def test_pruning_many_goes_in_batches(store: Store, clock: ManualClock) -> None:
    for number in range(250):
        await store.create(execution(f"e{number}", status=ExecutionStatus.RUNNING), {})
        await finish(store, f"e{number}")
    assert await store.prune(before=clock.now() + timedelta(days=1)) == 250
    assert await store.prune(before=clock.now() + timedelta(days=1)) == 0


@pytest.mark.capability("X07")
async def test_events_stay_while_somebody_may_still_wait_for_them(store: Store, clock: ManualClock) -> None:
    await store.create(execution("e1"), {})
    await store.publish_event("paid", {}, key="k", id="ev", source=None)
    clock.advance(86400 * 30)
    await store.prune(before=clock.now())
    assert (await store.open_wait("e1", "w", 0, event(), START)).status == "answered"
    await finish(store, "e1")
    await store.prune(before=clock.now() + timedelta(seconds=1))
    assert not (await store.publish_event("paid", {}, key="k", id="ev", source=None)).repeated


async def test_a_backup_holds_everything_and_is_never_written_over(
    store: Store, tmp_path: Path, clock: ManualClock
) -> None:
    await store.create(execution(), {})
    store.append(Record("e1", "step.completed", START, "a"))
    await store.barrier()
    target = tmp_path / "copies"
    target.mkdir()
    await store.backup(target / "copy.db")
    assert [file.name for file in target.iterdir()] == ["copy.db"]
    with pytest.raises(ConflictError) as caught:
        await store.backup(target / "copy.db")
    assert str(caught.value) == f"The backup '{target / 'copy.db'}' exists already. Name a new file."
    async with type(store).open(target / "copy.db", clock=clock) as copy:  # type: ignore[attr-defined]
        assert await copy.execution("e1") == await store.execution("e1")
        assert len(await copy.records("e1")) == 1
