"""Any history of starts, ends, failures, answers, events, time, cancels, crashes, retries and forks comes to what the
reference model says: on the real engine and a real file, after every single step of it.

A crash drops the engine without closing it: a number of commits still go through, whatever comes after them is lost.
More: `pytest tests/reliability/test_any_history.py --hypothesis-profile=long`.
"""

import copy
import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.reliability.histories import Bench
from tests.reliability.reference import NEEDS, World

LONG = settings.get_current_profile_name() == "long"
BATCHES = 10 if LONG else 1
"""What Hypothesis has tried it keeps until it has tried all it was asked for: half a megabyte for each history."""
BOUNDED = settings(
    max_examples=100 if LONG else 60,
    stateful_step_count=80,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    derandomize=not LONG,  # the short run finds each time what it found before; the long one looks further
)
HAPPENED: Counter[str] = Counter()
MOST = 3
TOPICS = st.sampled_from(["red", "blue"])
CHOICE = st.integers(0, 20)
COMMITS = st.integers(0, 6)


def when(possible: Callable[[Any], Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Nothing happens unless it is possible. No precondition: what is drawn must not depend on what a crash left, which
    is not the same every time."""

    def decide(happens: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(happens)
        def maybe(self: "Histories", **drawn: Any) -> None:
            if possible(self):
                happens(self, **drawn)
                self.changed = True

        return maybe

    return decide


class Histories(RuleBasedStateMachine):
    """One file, one engine after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.bench = Bench(HAPPENED)
        self.up = False
        self.changed = False
        self.unsure = False
        """Nobody drives, and something is to be stopped: what comes now may come before it or after it."""
        self.missed = False
        """Nobody drove when time passed or an event came. If something is stopped then, too, the next engine hears of
        both at once: it takes up what came, unless it dies when it has kept only what stops."""

    @initialize(linger=st.sampled_from([0.0, 30.0]), patient=st.booleans())
    def open(self, linger: float, patient: bool) -> None:
        self.bench.linger = linger
        self.bench.open()
        self.up = True
        self.start(topic="red", patient=patient, begun=True)

    def teardown(self) -> None:
        self.bench.close()

    # -- choosing ----------------------------------------------------------------------------------------------------

    def places(self, *, hands: bool) -> list[tuple[str, str]]:
        """Steps at work, or open questions."""
        return [
            (story.id, step)
            for story in self.world.stories.values()
            for step in (story.at_work() if hands else story.waits() & {"q"})
        ]

    def later(self) -> list[tuple[str, str]]:
        """Steps at work that do not end everything when they fail, because something was done before."""
        return [(name, step) for name, step in self.places(hands=True) if step != "a"]

    def unfinished(self) -> list[str]:
        """What can be cancelled, and has done something; of one that ends already, nothing more is asked here."""
        stories = self.world.stories.values()
        return [story.id for story in stories if story.status in ("running", "waiting") and story.results]

    def at_rest(self) -> list[str]:
        return [story.id for story in self.world.stories.values() if story.status not in ("running", "compensating")]

    # -- what happens --------------------------------------------------------------------------------------------------

    @rule(topic=TOPICS, patient=st.booleans(), begun=st.sampled_from([True, True, False]))
    @when(lambda self: len(self.world.stories) < MOST)
    def start(self, topic: str, patient: bool, begun: bool) -> None:
        name = f"e{len(self.world.stories)}"
        self.bench.do("start", name, topic, patient)
        self.world.start(name, topic, patient=patient)
        if begun and self.up:
            self.bench.agrees_with(self.world)
            self._end([(name, "a")], 0, well=True)

    @rule(which=CHOICE)
    @when(lambda self: self.up and self.places(hands=True))
    def step_finishes(self, which: int) -> None:
        self._end(self.places(hands=True), which, well=True)

    @rule(which=CHOICE)
    @when(lambda self: self.up and self.later())
    def step_fails(self, which: int) -> None:
        self._end(self.later(), which, well=False)

    def _end(self, places: list[tuple[str, str]], which: int, *, well: bool) -> None:
        name, step = places[which % len(places)]
        self.bench.do("end", name, step, well)
        (self.world.finish if well else self.world.fail)(name, step)

    @rule(which=CHOICE, approve=st.sampled_from([True, True, False]))
    @when(lambda self: not self.unsure and self.places(hands=False))
    def decision(self, which: int, approve: bool) -> None:
        places = self.places(hands=False)
        name, _ = places[which % len(places)]
        if not self.up and not self.bench.asked(name):
            return  # the crash came before the question was kept
        self.bench.do("decide", name, approve)
        self.world.decide(name, approve=approve)
        self.unsure = not self.up and not approve
        self.bench.refused("decide", name, approve)

    @rule(topic=TOPICS)
    @when(lambda self: not self.unsure and any("e" not in story.results for story in self.world.stories.values()))
    def event(self, topic: str) -> None:
        self.missed |= not self.up
        self.bench.do("publish", topic)
        self.world.publish(topic)

    @rule(early=st.booleans())
    @when(lambda self: not self.unsure and self.world.next_due is not None)
    def time_passes(self, early: bool) -> None:
        """Until the next timer is over, or all but."""
        self.missed |= not self.up
        self._wait_until(self.world.next_due - (0.5 if early else 0.0))

    def _wait_until(self, time: float) -> None:
        if time > self.world.now:
            seconds = time - self.world.now
            self.bench.advance(seconds)
            self.world.advance(seconds)

    @rule(which=CHOICE, compensate=st.booleans())
    @when(lambda self: self.up and self.unfinished())
    def cancel(self, which: int, compensate: bool) -> None:
        name = self.unfinished()[which % len(self.unfinished())]
        self.bench.do("cancel", name, compensate)
        self.world.cancel(name, compensate=compensate)

    @rule(which=CHOICE, step=st.sampled_from([None, *NEEDS]), again=st.booleans())
    @when(lambda self: self.up and self.at_rest())
    def retry(self, which: int, step: str | None, again: bool) -> None:
        name = self.at_rest()[which % len(self.at_rest())]
        story = self.world.stories[name]
        if self.world.undo_first(name):
            self.bench.refused("retry", name, step, again)
        elif step is None and "failed" not in story.results.values() and "not done" not in story.results.values():
            self.bench.refused("retry", name, None, again)
        elif step is None or self.world.can_go_back(name, step):
            self.bench.do("retry", name, step, again)
            self.world.retry(name, step, again=again)

    @rule(which=CHOICE, step=st.sampled_from([*NEEDS]))
    @when(lambda self: self.up and self.at_rest() and len(self.world.stories) < MOST)
    def fork(self, which: int, step: str) -> None:
        name = self.at_rest()[which % len(self.at_rest())]
        if self.world.undo_first(name, step):
            self.bench.refused("fork", name, step)
        elif self.world.can_go_back(name, step):
            self.world.fork(name, step, self.bench.do("fork", name, step))

    # -- crashes -------------------------------------------------------------------------------------------------------

    @rule()
    @when(lambda self: self.up and self.world.stories)
    def crash(self) -> None:
        """While nobody asks for anything."""
        self._crash(0, self.world)

    @rule(which=CHOICE, well=st.booleans(), commits=COMMITS)
    @when(lambda self: self.up and self.places(hands=True))
    def crash_while_a_step_ends(self, which: int, well: bool, commits: int) -> None:
        places, then = self.places(hands=True), copy.deepcopy(self.world)
        name, step = places[which % len(places)]
        (then.finish if well else then.fail)(name, step)
        self._crash(commits, then, "end", name, step, well)

    @rule(which=CHOICE, approve=st.booleans(), commits=COMMITS)
    @when(lambda self: self.up and self.places(hands=False))
    def crash_while_somebody_decides(self, which: int, approve: bool, commits: int) -> None:
        places, then = self.places(hands=False), copy.deepcopy(self.world)
        name, _ = places[which % len(places)]
        then.decide(name, approve=approve)
        self._crash(commits, then, "decide", name, approve)

    @rule(which=CHOICE, compensate=st.booleans(), commits=COMMITS)
    @when(lambda self: self.up and self.unfinished())
    def crash_while_it_is_cancelled(self, which: int, compensate: bool, commits: int) -> None:
        name, then = self.unfinished()[which % len(self.unfinished())], copy.deepcopy(self.world)
        then.cancel(name, compensate=compensate)
        self._crash(commits, then, "cancel", name, compensate)

    @rule(which=CHOICE, step=st.sampled_from([*NEEDS]), again=st.booleans(), commits=COMMITS)
    @when(lambda self: self.up and self.at_rest())
    def crash_while_it_goes_back(self, which: int, step: str, again: bool, commits: int) -> None:
        name, then = self.at_rest()[which % len(self.at_rest())], copy.deepcopy(self.world)
        if self.world.can_go_back(name, step) and not self.world.undo_first(name):
            then.retry(name, step, again=again)
            self._crash(commits, then, "retry", name, step, again)

    @rule(which=CHOICE, step=st.sampled_from([*NEEDS]), commits=COMMITS)
    @when(lambda self: self.up and self.at_rest() and len(self.world.stories) < MOST)
    def crash_after_a_fork(self, which: int, step: str, commits: int) -> None:
        name = self.at_rest()[which % len(self.at_rest())]
        if self.world.can_go_back(name, step) and not self.world.undo_first(name, step):
            self.world.fork(name, step, self.bench.do("fork", name, step))
            self._crash(commits, self.world)

    @rule(commits=st.integers(0, 12))
    @when(lambda self: not self.up and self.world.stories and not (self.unsure and self.missed))
    def crash_while_it_recovers(self, commits: int) -> None:
        self.bench.open()
        self.world.recover()
        self._crash(commits, self.world)

    def _crash(self, commits: int, then: World, *asked: Any) -> None:
        if self.bench.crash(commits, then, *asked):
            self.world = then
            self.unsure = asked[0] == "cancel" or asked[-1] is False
        self.up = False
        for story in self.world.stories.values():
            if "d" in story.waits() and not self.bench.keeps_wait(story.id, "d"):
                self.world.not_kept(story.id, "d")

    @rule()
    @when(lambda self: not self.up)
    def recover(self) -> None:
        self.bench.open()
        self.world.recover()
        self.up, self.unsure, self.missed = True, False, False

    @rule()
    @when(lambda self: self.up and self.world.stories)
    def stop_in_order(self) -> None:
        """What is at work is cut off, and done again by the next engine."""
        self.bench.stop()
        self.bench.open()

    # -- what holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        if self.up and self.changed:
            self.bench.agrees_with(self.world)
            self.changed = False


@pytest.mark.capability("D01", "D02", "D03", "D05", "E01", "E10", "E11", "E12", "I04", "I08")
def test_any_history(record_property: Callable[[str, object], None]) -> None:
    for _ in range(BATCHES):
        run_state_machine_as_test(Histories, settings=BOUNDED)
    record_property("size", f"{sum(HAPPENED.values())} things happened in any order: {dict(HAPPENED.most_common())}")
    assert {"end", "decide", "cancel", "crash", "crash, kept", "crash, lost"} <= HAPPENED.keys(), HAPPENED
