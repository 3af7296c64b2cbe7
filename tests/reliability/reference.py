"""What executions of one workflow must come to, told without the engine: the reference model of the state machine.

    a ──┬── b ──┐         a, b, z   done by hand: the test says when, and whether well; b may be tried twice
        ├── q ──┤         q         somebody decides
        ├── e ──┼── z     e         an event about the execution's topic
        └── d ──┘         d         a minute passes

`a` and `b` are undone by hand, too: also when they were cut off at work, because they may have acted. What was skipped,
stopped or cancelled is not told apart: it is "not done".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

NEEDS: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "q": ("a",), "e": ("a",), "d": ("a",), "z": tuple("bqed")}
BY_HAND, UNDONE = "abz", "ab"
TRIES, PAUSE, DELAY = {"b": 2}, 30.0, 60.0
DONE, FAILED, NOT_DONE = "completed", "failed", "not done"


def downstream(step: str) -> set[str]:
    """The step and all that hangs on it."""
    return {step} | {other for other, needs in NEEDS.items() if any(step in downstream_of(need) for need in needs)}


def downstream_of(step: str) -> set[str]:
    """The step and all that it hangs on."""
    return {step}.union(*(downstream_of(need) for need in NEEDS[step]))


def undo(step: str) -> str:
    return f"~compensation.undo_{step}"


@dataclass
class Event:
    """Something published; each execution that began before takes it once at most."""

    topic: str
    number: int
    taken: set[str] = field(default_factory=set)


@dataclass
class Story:
    """One execution.

    Attributes:
        patient: A failure of one step stops no other (`continue`); otherwise all (`cancel`).
        began: How many events there had been by then.
        results: By step, in the order of their commits; undoings as well.
        due: When a pause or the delay is over; None when nobody knows yet, because it begins with the next engine.
        undoing: What is to be undone, in this order; None while it is not.
        undone: What has been undone, and not been done again since.
        cut: What was at work when everything was called off.
        cancelled: Somebody asked for that, and whether it is to be undone.
        owners: Of a fork: whose the results are that it was given.
        lost: Of these: what their owners have undone since.
    """

    id: str
    topic: str
    patient: bool
    began: int
    generation: int = 0
    gone_back: int = 0
    results: dict[str, str] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    due: dict[str, float | None] = field(default_factory=dict)
    undoing: list[str] | None = None
    undone: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    cancelled: bool | None = None
    ended: str | None = None
    owners: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)

    @property
    def status(self) -> str:
        if self.ended is not None:
            return self.ended
        if self.undoing is not None:
            return "compensating"
        return "running" if any(self.at_work()) else "waiting"

    def ready(self) -> Iterator[str]:
        """Steps that are begun and have no result."""
        if self.ended is not None:
            return
        if self.undoing is not None:
            yield from [undo(step) for step in self.undoing if undo(step) not in self.results][:1]
            return
        for step, needs in NEEDS.items():
            if step not in self.results and all(self.results.get(need) == DONE for need in needs):
                yield step

    def at_work(self) -> list[str]:
        """Those that somebody must finish by hand."""
        return [step for step in self.ready() if (step in BY_HAND or step[0] == "~") and step not in self.due]

    def waits(self) -> set[str]:
        """Open waits: questions, awaited events, timers."""
        return set() if self.undoing is not None else {step for step in self.ready() if step not in self.at_work()}

    @property
    def short_of(self) -> set[str]:
        """Steps that have failed, and not as often as they may."""
        return {step for step, most in TRIES.items() if 0 < self.tried.get(step, 0) < most and step in self.results}

    def keys(self) -> set[str]:
        """What undoes is done anew at each end, under a key of its own."""
        at_end = self.generation + self.gone_back
        return {f"{self.id}:{step}:{at_end if step[0] == '~' else self.generation}" for step in self.at_work()}


class World:
    """All executions, the events and the time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stories: dict[str, Story] = {}
        self.events: list[Event] = []

    @property
    def next_due(self) -> float | None:
        """When the next timer is over."""
        dues = (due for story in self.stories.values() for due in story.due.values() if due is not None)
        return min(dues, default=None)

    def start(self, name: str, topic: str, *, patient: bool) -> None:
        self.stories[name] = Story(name, topic, patient, len(self.events))
        self._go_on(self.stories[name])

    def finish(self, name: str, step: str) -> None:
        self._settle(name, step, DONE)

    def fail(self, name: str, step: str) -> None:
        story = self.stories[name]
        story.tried[step] = story.tried.get(step, 0) + 1
        if story.tried[step] < TRIES.get(step, 1):
            story.due[step] = self.now + PAUSE
        else:
            self._settle(name, step, FAILED)

    def decide(self, name: str, *, approve: bool) -> None:
        self._settle(name, "q", DONE if approve else FAILED)

    def publish(self, topic: str) -> None:
        event = Event(topic, len(self.events))
        self.events.append(event)
        for story in self.stories.values():
            if "e" in story.waits() and story.topic == topic:
                event.taken.add(story.id)
                self._settle(story.id, "e", DONE)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for story in self.stories.values():
            for step, due in sorted(story.due.items()):
                if due is not None and due <= self.now and step in story.ready():
                    del story.due[step]
                    if step == "d":
                        self._settle(story.id, step, DONE)

    def cancel(self, name: str, *, compensate: bool) -> None:
        self.stories[name].cancelled = compensate
        self._go_on(self.stories[name])

    def retry(self, name: str, step: str | None, *, again: bool) -> None:
        story = self.stories[name]
        bad = [step] if step else [one for one in NEEDS if story.results.get(one) != DONE]
        story.generation += again or bool(story.undone | story.lost)
        story.gone_back += 1
        self._forget(story, set().union(*(downstream(one) for one in {*bad, *story.undone, *story.lost})))
        self._go_on(story)

    def fork(self, name: str, step: str, fork: str) -> None:
        story = self.stories[name]
        new = self.stories[fork] = Story(
            fork, story.topic, story.patient, len(self.events), results=dict(story.results)
        )
        new.owners = {kept: story.owners.get(kept, name) for kept in new.results if kept in NEEDS}
        self._forget(new, self._forked_anew(story, step))
        self._go_on(new)

    def _forked_anew(self, story: Story, step: str) -> set[str]:
        return set().union(*(downstream(one) for one in {step, *story.undone, *story.lost}))

    def undo_first(self, name: str, step: str | None = None) -> bool:
        """Whether something is to be undone, or is being undone, before it may be retried; or forked at a step."""
        story = self.stories[name]
        if step is None:
            return story.ended == "compensation_failed" or any(map(self._undoes, story.owners.values(), story.owners))
        kept = story.results.keys() & NEEDS.keys() - self._forked_anew(story, step)
        return any(self._undoes(story.owners.get(one, name), one) for one in kept)

    def _undoes(self, owner: str, step: str) -> bool:
        """Whether an execution undoes what it did, or failed to undo this step."""
        story = self.stories[owner]
        if story.ended is None:
            return story.undoing is not None
        return story.ended == "compensation_failed" and story.results.get(undo(step), DONE) != DONE

    def not_kept(self, name: str, step: str) -> None:
        """A crash came before the delay was kept: it begins with the next engine."""
        self.stories[name].due[step] = None

    def recover(self) -> None:
        for story in self.stories.values():
            for step, due in story.due.items():
                if due is None:
                    story.due[step] = self.now + DELAY

    def can_go_back(self, name: str, step: str) -> bool:
        """Whether nothing that stays has failed: otherwise it would end as before."""
        stays = set(NEEDS) - downstream(step)
        return all(self.stories[name].results.get(one, DONE) == DONE for one in stays)

    def _forget(self, story: Story, steps: Iterable[str]) -> None:
        gone = set(steps) | {undo(step) for step in UNDONE}
        for kept in (story.results, story.tried, story.due):
            for step in gone & kept.keys():
                del kept[step]
        story.undone -= gone
        story.cut -= gone
        story.lost -= gone
        story.owners = {step: owner for step, owner in story.owners.items() if step not in gone}
        story.undoing = story.cancelled = story.ended = None

    def _settle(self, name: str, step: str, how: str) -> None:
        story = self.stories[name]
        story.results[step] = how
        story.due.pop(step, None)
        self._go_on(story)

    def _go_on(self, story: Story) -> None:
        """Everything that follows by itself."""
        if story.undoing is not None:
            self._undo(story)
            return
        failed, at_work = any(how == FAILED for how in story.results.values()), story.at_work()
        for step, needs in NEEDS.items():
            if step in story.results:
                continue
            settled = all(need in story.results for need in needs)
            unmet = settled and any(story.results[need] != DONE for need in needs)
            if story.cancelled is not None or (failed and not story.patient) or unmet:
                story.results[step] = NOT_DONE
                story.cut |= {step} & {*at_work}
            elif settled and step == "d":
                story.due.setdefault(step, self.now + DELAY)
            elif settled and step == "e" and (event := self._early(story)) is not None:
                event.taken.add(story.id)
                story.results[step] = DONE
        story.due = {step: due for step, due in story.due.items() if step not in story.results}
        if len(story.results) == len(NEEDS):
            self._conclude(story, failed=failed)

    def _early(self, story: Story) -> Event | None:
        fits = (one for one in self.events if one.topic == story.topic and one.number >= story.began)
        return next((one for one in fits if story.id not in one.taken), None)

    def _conclude(self, story: Story, *, failed: bool) -> None:
        done = [step for step, how in story.results.items() if step in UNDONE and (how == DONE or step in story.cut)]
        done = [step for step in done if step not in story.undone and step not in story.owners]
        if done and (story.cancelled or (failed and story.cancelled is None)):
            story.undoing = done[::-1]
            return
        story.ended = "cancelled" if story.cancelled is not None else FAILED if failed else DONE

    def _undo(self, story: Story) -> None:
        undone = {step: story.results.get(undo(step)) for step in story.undoing or ()}
        story.undone |= {step for step, how in undone.items() if how == DONE}
        if None not in undone.values():
            for heir in self.stories.values():
                heir.lost |= {step for step, owner in heir.owners.items() if owner == story.id and step in story.undone}
            story.ended = "compensated" if set(undone.values()) == {DONE} else "compensation_failed"
