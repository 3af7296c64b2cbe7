"""Whose turn it is."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.queue.line import Line
from orchestrator.store.served.values import Run
from orchestrator.urgency import HIGHEST, LEVEL

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def run(seq: int, thread: str, priority: int = 0, *, since: datetime = _AT) -> Run:
    """A run that waits."""
    return Run(
        seq=seq,
        id=f"r{seq}",
        thread_id=thread,
        assistant_id="a",
        graph="g",
        priority=priority,
        created_at=since,
        updated_at=since,
    )


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(-1, 1)), max_size=30),
    st.lists(st.sampled_from(["next", "free", "remove"]), max_size=80),
    st.randoms(use_true_random=False),
)
def test_one_run_of_a_thread_at_a_time_the_most_urgent_first_and_none_forgotten(
    wanted: list[tuple[str, int]], acts: list[str], random: object
) -> None:
    line, waiting, under_way = Line(), {}, {}
    for seq, (thread, priority) in enumerate(wanted, 1):
        each = run(seq, thread, priority)
        line.add(each)
        waiting[each.id] = each
    done = 0
    for act in [*acts, *["next", "free"] * (len(wanted) + 4) * 2]:
        if act == "next":
            could = [each for each in waiting.values() if each.thread_id not in under_way]
            begun = line.next()
            expected = min(could, key=lambda each: (-each.priority, each.seq), default=None)
            assert begun == expected
            if begun is not None:
                del waiting[begun.id]
                under_way[begun.thread_id] = begun
        elif act == "free" and under_way:
            thread = random.choice(sorted(under_way))  # type: ignore[attr-defined]
            del under_way[thread]
            line.free(thread)
            done += 1
        elif act == "remove" and waiting:
            gone = random.choice(sorted(waiting))  # type: ignore[attr-defined]
            del waiting[gone]
            assert line.remove(gone)
            assert not line.remove(gone)
            done += 1
    assert done + len(under_way) == len(wanted)
    assert not waiting


def test_who_stands_behind_one_that_is_taken_out_of_the_line_is_not_forgotten() -> None:
    line = Line()
    for seq in (1, 2, 3):
        line.add(run(seq, "a"))
    assert line.next() == run(1, "a")
    assert line.next() is None
    line.free("a")
    assert line.remove("r2")
    assert line.next() == run(3, "a")


@given(st.integers(0, 20), st.integers(1, 10))
def test_nobody_waits_for_ever_behind_the_urgent(priority: int, at_once: int) -> None:
    """Urgent ones come without end, more of them than are begun; the one without urgency begins all the same."""
    line, seq, seconds = Line(), 1, 0
    line.add(run(1, "patient"))
    while True:
        for _ in range(at_once):
            seq += 1
            line.add(run(seq, f"urgent {seq}", priority, since=_AT + timedelta(seconds=seconds)))
        begun = line.next()
        assert begun is not None
        if begun.thread_id == "patient":
            break
        seconds += 1
    assert seconds <= at_once * (priority * LEVEL + 1)  # all that were asked for while it was not its turn
    assert priority == 0 or begun.seq == 1


def test_a_level_is_worth_some_seconds() -> None:
    line = Line()
    line.add(run(1, "old"))
    line.add(run(2, "late", 1, since=_AT + timedelta(seconds=LEVEL + 1)))
    line.add(run(3, "urgent", 2, since=_AT + timedelta(seconds=LEVEL + 1)))
    assert [each.seq for each in iter(line.next, None) if each] == [3, 1, 2]


@given(st.integers(1, 5), st.lists(st.booleans(), max_size=60))
def test_no_tenant_waits_behind_the_urgency_of_another(places: int, frees: list[bool]) -> None:
    line, seq = Line(), 0
    for tenant, priority in (("loud", HIGHEST), ("quiet", 0)):
        for number in range(40):
            seq += 1
            line.add(replace(run(seq, f"{tenant} {number}", priority), tenant=tenant))
    at_work: list[Run] = []
    begun: Counter[str] = Counter()
    for frees_oldest in [*frees, *[True] * 20]:
        while len(at_work) < places:
            busy = Counter(each.tenant for each in at_work)
            next_one = line.next()
            if next_one is None:
                return
            other = {"loud": "quiet", "quiet": "loud"}[next_one.tenant]
            assert busy[next_one.tenant] <= busy[other] or begun[other] == 40
            at_work.append(next_one)
            begun[next_one.tenant] += 1
        assert places > 1 or abs(begun["loud"] - begun["quiet"]) <= 1
        line.free(at_work.pop(0 if frees_oldest else -1).thread_id)


def test_what_is_removed_or_behind_another_leaves_the_other_tenants_their_turn() -> None:
    line = Line()
    line.add(replace(run(1, "t"), tenant="a"))
    line.add(replace(run(2, "t"), tenant="a"))
    line.add(replace(run(3, "u"), tenant="b"))
    line.add(replace(run(4, "v"), tenant="b"))
    line.remove("r3")
    assert [each.seq for each in iter(line.next, None) if each] == [1, 4]
    line.free("t")
    assert [each.seq for each in iter(line.next, None) if each] == [2]
