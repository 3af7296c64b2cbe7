"""What every store must do with records and results."""

import pytest

from graphs.errors import StoreError
from orchestrator.store.port import Record, Store
from tests.conformance.support import record
from tests.unit.store.support import START, execution, result


@pytest.mark.capability("D02", "O08")
async def test_records_are_kept_in_the_order_they_were_handed_over(store: Store, announced: list[Record]) -> None:
    for number in range(50):
        store.append(Record("e1" if number % 2 else "e2", "step.retried", START, "a", 3, {"attempt": number}))
    await store.barrier()
    assert [each.data["attempt"] for each in announced] == list(range(50))
    assert [each.seq for each in announced] == list(range(1, 51))
    kept = await store.records("e1")
    assert list(kept) == [each for each in announced if each.execution_id == "e1"]
    assert kept[0].at == START and kept[0].generation == 3


async def test_records_are_read_on_from_where_one_was(store: Store) -> None:
    for number in range(5):
        store.append(Record("e1", "step.retried", START, data={"n": number}))
    await store.barrier()
    assert await store.last_record("e1") == (await store.records("e1"))[-1]
    assert await store.last_record("e2") is None
    first = await store.records("e1", limit=2)
    rest = await store.records("e1", after=first[-1].seq or 0)
    assert [each.data["n"] for each in [*first, *rest]] == [0, 1, 2, 3, 4]


@pytest.mark.capability("D02")
async def test_results_are_the_newest_of_each_path_in_the_order_of_commits(store: Store) -> None:
    for each in (record("a", 1), record("b", 1), record("c", None, status="skipped"), record("a", 2)):
        store.append(each)
    store.append(Record("e1", "step.waiting", START, "d"))
    store.append(Record("e1", "step.retried", START, "b"))
    await store.barrier()
    results = await store.results("e1")
    assert list(results) == ["b", "c", "a"]
    assert results["a"] == result(2) and results["c"]["status"] == "skipped"


async def test_results_below_a_path(store: Store) -> None:
    for path in ("orders", "orders.x", "orders[3].charge", "orders2", "order"):
        store.append(record(path))
    await store.barrier()
    assert list(await store.results("e1", "orders")) == ["orders", "orders.x", "orders[3].charge"]
    assert list(await store.results("e1", "orders[3]")) == ["orders[3].charge"]
    assert await store.results("e2") == {}


async def test_half_characters_from_a_model_are_kept_as_question_marks(store: Store) -> None:
    store.append(Record("e1", "step.completed", START, "a", data={"text": "ok \ud83d"}))
    await store.barrier()
    assert (await store.records("e1"))[0].data == {"text": "ok ?"}


async def test_what_is_not_json_is_refused_at_once(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        store.append(Record("e1", "step.completed", START, "a", data={"value": object()}))
    assert str(caught.value) == (
        "A value cannot be kept as JSON: Type is not JSON serializable: object. "
        "Keep text, numbers (up to 64 bits), true, false, null, lists, and maps with text keys."
    )
    with pytest.raises(StoreError, match="cannot be kept as JSON: Integer exceeds 64-bit range"):
        await store.create(execution(input=2**70), {})
