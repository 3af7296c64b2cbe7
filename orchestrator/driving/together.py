"""Questions that several steps of an execution wait on together: one of them asks, and the answer is everybody's. Pure.

Steps that cannot go on for want of the same budget would each ask a person for more of it, and the answer to one would
leave the others where they are. So the first that comes asks; those after it keep no wait of their own and wait along.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from graphs.steps import Wait

ALONG: Final = "step.waits_along"
"""The kind of the record of a step that waits for the answer to another's question (`with`)."""

Shared = tuple[str, str, float]
"""What is asked: whose budget, of what, and how large it is; once it is raised, the next question is another."""


def shared_by(wait: Wait) -> Shared | None:
    """What others may ask too; None of a question that is a step's own."""
    budget = wait.question.get("budget")
    return (budget["scope"], budget["what"], budget["limit"]) if budget else None


def told_along(asker: str, wait: Wait) -> dict[str, Any]:
    """What the record of a step says that waits along."""
    question: Mapping[str, Any] = wait.question
    return {"with": asker, "kind": wait.kind, "message": question.get("message"), "budget": question.get("budget")}


class Together:
    """Who asks what, and who waits along, by their paths."""

    def __init__(self) -> None:
        self._asks: dict[Shared, str] = {}
        self._along: dict[str, tuple[Shared, Wait]] = {}

    def asked(self, shared: Shared, path: str) -> None:
        """It was asked there, in an earlier process."""
        self._asks.setdefault(shared, path)

    def asker(self, shared: Shared, path: str, wait: Wait) -> str:
        """Who asks: the step itself when nobody has before, otherwise whom it now waits along with."""
        asker = self._asks.setdefault(shared, path)
        if asker != path:
            self._along[path] = shared, wait
        return asker

    def released(self, path: str) -> list[str]:
        """Whom the answer to that step's question releases besides: they wait no more."""
        found = list(self.along_with(path))
        for other in found:
            del self._along[other]
        return found

    def along_with(self, path: str) -> dict[str, Wait]:
        """Who waits along with a step that asks."""
        return {other: wait for other, (shared, wait) in self._along.items() if self._asks[shared] == path}

    def leaves(self, path: str) -> bool:
        """A step waits no longer; whether it had only waited along."""
        return self._along.pop(path, None) is not None

    def next_after(self, path: str, may: Callable[[str], bool]) -> tuple[str, Wait] | None:
        """A step that asked is stopped: who asks in its place, and what. None where nobody does.

        Args:
            may: Whether a step waits still.
        """
        for shared in [shared for shared, asker in self._asks.items() if asker == path]:
            del self._asks[shared]
            for other, (theirs, wait) in self._along.items():
                if theirs == shared and may(other):
                    del self._along[other]
                    self._asks[shared] = other
                    return other, wait
        return None
