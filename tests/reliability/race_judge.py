"""Holds what everybody was told who raced against what is kept (see `races`)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphs.errors import BatonError
from orchestrator.store.port import TIMEOUT_BY, DeadLetter, Execution, Record

RETRIES, REDRIVES, DISCARDS = ("ray", "rob"), ("dee", "dan"), ("dora",)
CANCELS, TERMINATES, DECIDES = ("eve", "carl"), ("terry",), ("ann", "bob", "last")
PAUSES, CONTINUES, FORKS = ("pat", "paul"), ("cora",), ("fay",)

NAMED = (
    *("ending_already", "execution_ending", "wait_answered", "dead_letter_closed"),
    *("moved_on", "execution_running", "nothing_failed"),
)
"""Refusals that somebody else's asking is the reason of: they name who that was."""
PLAIN = (
    "execution_ended",
    "not_paused",
    "wait_elapsed",
    "wait_cancelled",
    "wait_not_found",
    "undo_first",
)
"""Refusals by what the execution has come to."""
TIME_OVER = "execution_time_over"
"""The refusal by the execution's own deadline."""


@dataclass
class Told:
    """What those who raced were told: None for "it is kept", or the error."""

    heard: dict[str, BatonError | None] = field(default_factory=dict)

    @property
    def kept(self) -> set[str]:
        return {name for name, error in self.heard.items() if error is None}

    def kept_of(self, *names: str) -> list[str]:
        return sorted(self.kept & set(names))


@dataclass(frozen=True, slots=True)
class Raced:
    """A race that is over.

    Attributes:
        undoes: What it did is undone when it ends badly.
        limit: What has a time limit: `execution`, `wait` or `none`.
        ran: How often each step of it began.
    """

    scene: str
    undoes: bool
    limit: str
    told: Told
    ran: Counter[str]


class Judge:
    """Holds what everybody was told against what is kept."""

    def __init__(
        self, race: Raced, execution: Execution, records: Sequence[Record], letters: Sequence[DeadLetter]
    ) -> None:
        self.race, self.execution, self.records = race, execution, records
        self.told = race.told
        self.letters = letters
        self.rewinds = [record for record in records if record.kind == "execution.rewound"]

    def judge(self) -> None:
        self._each_is_kept_or_not()
        self._one_wins()
        self._refusals_name_the_winner()
        self._what_came_of_it()

    def _each_is_kept_or_not(self) -> None:
        rewound = Counter(record.data["by"] for record in self.rewinds if record.data["reason"] == "retry")
        redriven = Counter(record.data["by"] for record in self.records if record.kind == "execution.redriven")
        decided = Counter(record.data["by"] for record in self.records if record.kind == "approval.decided")
        closed = Counter(letter.closed_by for letter in self.letters if letter.status == "discarded")
        for names, facts in ((REDRIVES, redriven), (RETRIES, rewound), (DECIDES, decided), (DISCARDS, closed)):
            for name in names:
                expected = int(name in self.told.kept)
                assert facts[name] == expected, f"{name} was told {expected}, and it is in the file {facts[name]} times"

    def _one_wins(self) -> None:
        closers = self.told.kept_of(*REDRIVES, *DISCARDS)
        assert len(closers) <= 1, f"{closers} have all closed one letter"
        backs, enders = self.told.kept_of(*RETRIES, *REDRIVES), self.told.kept_of(*CANCELS, *TERMINATES)
        if self.race.scene == "failed" and not enders and len(backs) > 1:
            # The second may change its mind while nothing has begun: it was only queued, or was paused at once.
            between = self.records[self.records.index(self.rewinds[0]) : self.records.index(self.rewinds[-1])]
            begun = [record.kind for record in between if record.kind.startswith("step.")]
            assert not begun, f"{backs} have all made it go on, and in between there was {begun}"
        decided = self.told.kept_of(*DECIDES)
        assert len(decided) <= 1 + len(backs), f"{decided} were all told that their decision counts"
        cancels = self.told.kept_of(*CANCELS)
        if len(cancels) > 1 and not backs:  # the second one found it being undone, and stopped that
            assert self.race.undoes
        ends = [one for one in self.records if one.kind.removeprefix("execution.") in _FINAL]
        assert 1 <= len(ends) <= 1 + len(self.rewinds), [one.kind for one in ends]

    def _refusals_name_the_winner(self) -> None:
        for name, error in self.told.heard.items():
            if error is None:
                continue
            if error.code == TIME_OVER:
                assert self.race.limit == "execution", f"{name} was told of a deadline, and there is none: {error}"
                assert "time" in self.told.heard, f"{name} was told that time is over, and none has passed: {error}"
                continue
            assert error.code in NAMED + PLAIN, f"{name} was told {error!r} ({error.code})"
            if error.code in NAMED:
                by = error.details.get("by")
                known = self.told.kept | {TIMEOUT_BY, None}
                assert by in known, f"{name} was told that {by} was first, who was not: {self.told.heard}"
                assert by is not None or self._by_itself(error), f"{name} was told of nobody: {error}"

    def _by_itself(self, error: BatonError) -> bool:
        """What has come by itself has no name: it had ended, or its time was over, or nobody says who continues."""
        return bool(self.told.kept_of(*CONTINUES, "time", *PAUSES)) or error.code == "ending_already" or self._went_on()

    def _went_on(self) -> bool:
        return any(record.kind == "execution.compensating" for record in self.records)

    def _what_came_of_it(self) -> None:
        ran, lives = self.race.ran, 1 + len(self.rewinds)
        for step in ("a", "b", "undo_a"):
            assert ran[step] <= lives, f"{step} ran {ran[step]} times in {lives} lives"
        if self.execution.status == "completed":
            assert ran["b"] >= 1
            if not self.rewinds:
                assert not self.told.kept_of(*CANCELS, *TERMINATES), "who was told that it ends sees it completed"
        if not self.rewinds and self.told.kept_of(*TERMINATES) and not self.race.undoes:
            ends = {"cancelled", "timed_out"} if "time" in self.told.heard else {"cancelled"}
            assert self.execution.status in ends, f"terminated, and it {self.execution.status.said}"


_FINAL = ("completed", "failed", "timed_out", "cancelled", "compensated", "compensation_failed")
