"""The live side of a plan: waking, parking, ending early. Bodies are tasks here, and commits are calls."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.errors import DeadlockError
from graphs.flow import Board, Flow, Woken
from graphs.planner import Halt, Plan
from graphs.stopping import Stoppable
from tests.support.engine.flows import Bodies, FakeRoot, flow_of
from tests.support.engine.plans import COMPLETED, FAILED, plan, planned

CHAIN = plan(planned("a"), planned("b", "a"), planned("c", "b"))


@pytest.mark.capability("F03", "F29")
async def test_a_body_goes_on_when_what_it_awaits_is_committed() -> None:
    """Not when it has been computed: only a commit releases."""
    flow = flow_of(CHAIN, FakeRoot())
    flow.dispatch(["a", "b", "c"])
    waiting = asyncio.create_task(flow.dependencies("b"))
    await asyncio.sleep(0)
    assert await flow.dependencies("a") is Woken.GO
    assert not waiting.done()
    flow.committed({"a": COMPLETED})
    assert await waiting is Woken.GO


async def test_a_body_that_enters_after_the_commit_does_not_wait() -> None:
    """Nothing is missed between dispatch and entering."""
    flow = flow_of(CHAIN, FakeRoot())
    flow.dispatch(["a", "b", "c"])
    flow.committed({"a": COMPLETED})
    assert await flow.dependencies("b") is Woken.GO


async def test_a_commit_looks_only_at_its_own_dependents() -> None:
    """Waking costs as many looks as there are edges, however many wait (rule 3)."""
    count, looks = 2000, 0
    wide = plan(planned("root"), *(planned(f"s{i}", "root" if i == 0 else f"s{i - 1}") for i in range(count)))
    root = FakeRoot()
    flow = flow_of(wide, root)
    bodies = Bodies(flow)
    original = flow.wake

    def counted(name: str, why: Woken) -> None:
        nonlocal looks
        looks += 1
        original(name, why)

    flow.wake = counted  # type: ignore[method-assign]
    bodies.start()
    await bodies.end()
    assert looks == count and root.idles == 0


async def test_whoever_is_released_is_woken_before_the_settled_step_lets_go() -> None:
    """Otherwise there is a moment in which nobody is at work, and the flow parks with a step ready (rule 3)."""
    root = FakeRoot()
    flow = flow_of(CHAIN, root)
    bodies = Bodies(flow)
    bodies.start()
    await bodies.end()
    assert root.idles == 0 and bodies.ran == ["a", "b", "c"]


async def test_what_was_dispatched_counts_not_what_has_started() -> None:
    """A body that rests before the others have entered must not make the flow look idle (rule 3)."""
    root = FakeRoot()
    flow = flow_of(plan(planned("ask"), planned("slow"), planned("late", "slow")), root)
    flow.dispatch(["ask", "slow", "late"])
    resting = asyncio.create_task(flow.outside("ask"))
    await asyncio.sleep(0)
    assert root.idles == 0 and not resting.done()
    late = asyncio.create_task(flow.dependencies("late"))
    await asyncio.sleep(0)
    assert root.idles == 0
    flow.committed({"slow": FAILED})
    assert await late in (Woken.GO, Woken.HALT)
    resting.cancel()


async def test_everybody_resting_parks_everybody() -> None:
    """Waiting steps and blocked ones are both to be run again."""
    root = FakeRoot()
    bodies = Bodies(flow_of(plan(planned("ask"), planned("after", "ask"), planned("free")), root), outside=["ask"])
    bodies.start()
    await bodies.end()
    assert bodies.woken == {"ask": Woken.PARK, "after": Woken.PARK, "free": Woken.GO}
    assert bodies.ran == ["free"] and root.idles == 1 and not root.errors


async def test_an_answer_wakes_its_body_while_others_still_run() -> None:
    """And what depends on it goes on at once."""
    flow = flow_of(plan(planned("ask"), planned("after", "ask"), planned("slow")), FakeRoot())
    bodies = Bodies(flow, outside=["ask"])
    bodies.start(["ask", "after"])
    flow.dispatch(["ask", "after", "slow"])
    await asyncio.sleep(0)
    flow.wake("ask", Woken.GO)
    await bodies.end()
    assert bodies.ran == ["ask", "after"]


async def test_waking_somebody_who_does_not_wait_does_nothing() -> None:
    """A second "look again" does no harm."""
    flow = flow_of(CHAIN, FakeRoot())
    flow.dispatch(["a", "b", "c"])
    flow.wake("a", Woken.GO)
    flow.wake("nobody", Woken.GO)
    assert not flow._resting


@pytest.mark.capability("F27", "X16")
async def test_steps_that_wait_for_each_other_only_are_a_deadlock_named_by_path() -> None:
    """Nothing from outside is awaited, so nothing will ever change."""
    root = FakeRoot()
    flow = flow_of(CHAIN, root, path="orders")
    bodies = Bodies(flow)
    bodies.start(["b", "c"])  # `a` was lost
    await asyncio.sleep(0)
    assert isinstance(error := root.errors[0], DeadlockError)
    assert error.details["remaining"] == ["orders.b", "orders.c"]
    assert "orders.b, orders.c wait for each other" in error.message
    flow.park()
    await bodies.end()


def _child(parent: Flow, step: str, inner: Plan, **more: bool) -> Flow:
    return Flow(Board(inner), parent.root, path=step, generation=0, parent=parent, step=step, **more)


async def test_a_child_in_which_everybody_rests_rests_itself() -> None:
    """And stirs its parent again when somebody in it is woken."""
    root = FakeRoot(parks=False)
    flow = flow_of(plan(planned("group"), planned("after", "group")), root)
    flow.dispatch(["group", "after"])
    after = asyncio.create_task(flow.dependencies("after"))
    child = _child(flow, "group", plan(planned("ask"), planned("x", "ask")))
    bodies = Bodies(child, outside=["ask"])
    bodies.start()
    for _ in range(3):
        await asyncio.sleep(0)
    assert root.idles == 1 and flow.stalled() == []
    child.wake("ask", Woken.GO)
    await bodies.end()
    child.close()
    assert not after.done(), "the composite step itself is not committed yet"
    flow.committed({"group": COMPLETED})
    assert await after is Woken.GO


@pytest.mark.parametrize("cancel", [False, True])
async def test_ending_early_wakes_those_who_wait_and_may_stop_those_who_work(cancel: bool) -> None:
    """Waits are over either way; only `cancel` touches what runs. It goes down into child plans."""
    root = FakeRoot()
    flow = flow_of(plan(planned("work"), planned("after", "work"), planned("group")), root)
    flow.dispatch(["work", "after", "group"])
    after = asyncio.create_task(flow.dependencies("after"))
    child = _child(flow, "group", plan(planned("inner")))
    child.dispatch(["inner"])
    inner = asyncio.create_task(child.outside("inner"))
    await asyncio.sleep(0)
    work = _Work()
    with flow.running("work", work):  # type: ignore[arg-type]
        flow.board.stop(Halt("failure", "why", cancel))
        assert await after is Woken.HALT and await inner is Woken.HALT
        assert work.stops == int(cancel)
    assert child.board.halt == Halt("cancelled", "why", cancel)
    assert await flow.dependencies("work") is Woken.HALT, "nothing begins any more"
    late = _Work()
    with flow.running("late", late):  # type: ignore[arg-type]
        assert late.stops == int(cancel)


class _Work(Stoppable):
    def __init__(self) -> None:
        self.stops = 0

    def stop(self) -> None:
        self.stops += 1


async def test_a_plan_that_opens_after_the_end_has_ended_too() -> None:
    """Unless it is detached: compensation runs because the plan around has ended."""
    flow = flow_of(plan(planned("group")), FakeRoot())
    flow.board.stop(Halt("timeout", "late", True))
    assert _child(flow, "group", CHAIN).board.halt == Halt("timeout", "late", True)
    assert _child(flow, "group", CHAIN, detached=True).board.halt is None


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (Halt("failure", "1", False), Halt("failure", "2", False), Halt("failure", "1", False)),
        (Halt("failure", "1", False), Halt("failure", "2", True), Halt("failure", "1", True)),
        (Halt("failure", "1", False), Halt("cancelled", "2", True), Halt("cancelled", "2", True)),
        (Halt("failure", "1", True), Halt("cancelled", "2", True), Halt("failure", "1", True)),
    ],
)
def test_the_first_reason_stands_but_a_later_one_may_be_stronger(first: Halt, second: Halt, kept: Halt) -> None:
    """A person who cancels a plan that was only winding down stops what still runs."""
    board = Board(CHAIN)
    board.stop(first)
    board.stop(second)
    assert board.halt == kept


async def test_partitions_share_a_board_and_wait_for_each_other() -> None:
    """A step may depend on one in another partition; the root is idle only when all of them are."""
    root = FakeRoot()
    steps = [planned("s0"), *(planned(f"s{i}", f"s{i - 1}") for i in range(1, 9))]
    flow = flow_of(plan(*steps), root)
    flow.dispatch(["#0", "#1"])
    parts = [Flow(flow.board, root, path="", generation=0, parent=flow, step=name) for name in ("#0", "#1")]
    bodies = [Bodies(part) for part in parts]
    bodies[0].start([f"s{i}" for i in range(0, 9, 2)])
    bodies[1].start([f"s{i}" for i in range(1, 9, 2)])
    for each in bodies:
        await each.end()
    assert list(flow.board.results) == [f"s{i}" for i in range(9)]


async def test_parking_goes_down_and_whoever_comes_later_is_sent_home() -> None:
    """A drain reaches plans that open while it lasts."""
    flow = flow_of(plan(planned("group"), planned("x")), FakeRoot())
    flow.dispatch(["group", "x"])
    child = _child(flow, "group", plan(planned("ask")))
    child.dispatch(["ask"])
    asked = asyncio.create_task(child.outside("ask"))
    await asyncio.sleep(0)
    flow.park()
    assert await asked is Woken.PARK
    assert await flow.dependencies("x") is Woken.PARK
    assert await child.outside("ask") is Woken.PARK
    assert _child(flow, "x", CHAIN).closing


async def test_whoever_plans_waits_until_everything_before_is_committed() -> None:
    """LangGraph goes on when bodies have returned, which is before their results are on the disk."""
    flow = flow_of(CHAIN, FakeRoot())
    await flow.quiet()
    flow.dispatch(["a"])
    planning = asyncio.create_task(flow.quiet())
    await asyncio.sleep(0)
    assert not planning.done()
    flow.committed({"a": COMPLETED})
    await planning


async def test_a_lost_commit_is_the_drives_to_hear() -> None:
    """Otherwise its dependents would wait for ever (rule 1)."""
    root = FakeRoot()
    flow_of(CHAIN, root).lost(OSError("disk full"))
    assert isinstance(root.errors[0], OSError)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 25), st.randoms(use_true_random=False), st.booleans())
def test_every_graph_comes_to_its_end_in_an_order_its_edges_allow(count: int, chance: object, asks: bool) -> None:
    """Random graphs with questions in them: all settle, or the flow parks with only what waits behind a question."""
    names = [f"s{i}" for i in range(count)]
    needs = {name: chance.sample(names[:i], chance.randint(0, min(i, 3))) for i, name in enumerate(names)}  # type: ignore[attr-defined]
    outside = set(chance.sample(names, chance.randint(0, count // 4))) if asks else set()  # type: ignore[attr-defined]

    async def work() -> Bodies:
        root = FakeRoot()
        bodies = Bodies(flow_of(plan(*(planned(name, *needs[name]) for name in names)), root), outside=outside)
        bodies.start()
        await bodies.end()
        assert not root.errors
        return bodies

    bodies = asyncio.run(work())
    behind = set(outside)
    for name in names:
        if behind & set(needs[name]):
            behind.add(name)
    assert set(bodies.ran) == set(names) - behind
    assert all(bodies.ran.index(need) < bodies.ran.index(name) for name in bodies.ran for need in needs[name])
