"""Collecting problems: each with its place for machines, for people and in the text."""

from collections import Counter
from typing import Literal, TypeAlias

from graphs.errors import Problem
from graphs.loading.nodes import Fault
from graphs.loading.places import Place, Positions

MOST = 200
"""After so many errors, or so many warnings, more would only hide the first ones."""


Severity: TypeAlias = Literal["error", "warning"]


class Findings:
    """What is wrong with one definition.

    Args:
        positions: Where its values stand in the text it was read from.
    """

    def __init__(self, positions: Positions | None = None) -> None:
        self._positions = positions or Positions()
        self._problems: dict[Problem, Place] = {}
        self._faults: set[tuple[int, int]] = set()
        self._count: Counter[Severity] = Counter()

    def add(
        self,
        code: str,
        place: Place,
        words: str,
        hint: str | None = None,
        *,
        severity: Severity = "error",
        at_key: bool = False,
        offset: int | None = None,
    ) -> None:
        """Add what is wrong at a place; the message begins with the place: `step 'pay', timeout: …`.

        Args:
            code: A stable word for machines.
            place: Where.
            words: What, as the rest of a sentence.
            hint: What to do next, as a sentence.
            severity: "warning" where the definition still runs.
            at_key: The key is what is wrong, so that is where the line and column point.
            offset: Which character of the text there, counted from 0.
        """
        sentence = f"{self.called(place)}: {words}"
        self.add_sentence(code, place, sentence, hint, severity=severity, at_key=at_key, offset=offset)

    def called(self, place: Place) -> Place:
        """The place by which people know it."""
        return self._positions.called(place)

    def add_sentence(
        self,
        code: str,
        place: Place,
        sentence: str,
        hint: str | None = None,
        *,
        severity: Severity = "error",
        at_key: bool = False,
        offset: int | None = None,
    ) -> None:
        """As `add`, with a message that names the place in its own way."""
        if self._count[severity] >= MOST:
            return
        sentence = sentence if sentence.endswith((".", "?")) else f"{sentence}."
        line, column = self._where(place, at_key, offset) or (None, None)
        problem = Problem(
            code=code,
            message=sentence,
            hint=hint,
            where=self.called(place).where or None,
            file=self._positions.file,
            line=line,
            column=column,
            severity=severity,
        )
        self.take(problem, place)

    def add_fault(self, fault: Fault) -> None:
        """Add something wrong with the text itself."""
        message = fault.message[:1].upper() + fault.message[1:]
        problem = Problem(fault.code, message, fault.hint, None, self._positions.file, fault.line, fault.column)
        self._problems.setdefault(problem, Place())
        self._faults.add((fault.line, fault.column))

    def take(self, problem: Problem, place: Place) -> None:
        """Add a problem, unless the text itself has one at the very place, of which it would be a consequence."""
        known = problem in self._problems or (problem.line, problem.column) in self._faults
        # Counted by severity: no number of warnings may crowd out an error, which would let the definition pass.
        if not known and self._count[problem.severity] < MOST:
            self._problems[problem] = place
            self._count[problem.severity] += 1

    def _where(self, place: Place, at_key: bool, offset: int | None) -> tuple[int, int] | None:
        if offset is not None:
            return self._positions.character(place.path, offset)
        return self._positions.key(place.path) if at_key else self._positions.value(place.path)

    @property
    def full(self) -> bool:
        """No more errors are taken, so that looking for further ones is idle."""
        return self._count["error"] >= MOST

    @property
    def found(self) -> dict[Problem, Place]:
        """The problems and their places, in the order they were found."""
        return self._problems

    def problems(self) -> tuple[Problem, ...]:
        """All problems in the order of the text; without one, in the order they were found."""
        return tuple(sorted(self._problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
