"""Whose turn it is."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.queue.line import Line
from orchestrator.store.served.values import Run

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def run(seq: int, thread: str, priority: int = 0) -> Run:
    """A run that waits."""
    return Run(
        seq=seq,
        id=f"r{seq}",
        thread_id=thread,
        assistant_id="a",
        graph="g",
        priority=priority,
        created_at=_AT,
        updated_at=_AT,
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
