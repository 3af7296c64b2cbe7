"""What every store must do when an execution goes back, or is forked."""

import pytest

from graphs.errors import ConflictError
from graphs.state import ExecutionStatus
from orchestrator.store.port import Inheritance, Record, Store
from tests.conformance.support import FAILED, RUNNING, finish, record
from tests.unit.store.support import START, approval, execution, result


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
