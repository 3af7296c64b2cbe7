"""What an execution has spent on models, and what it may. Pure: facts go in, and each call asks before it is made.

    Ledger.take       a fact that was kept: a call that was paid, a limit that was raised
    Ledger.reserve    may this call be made? what it is thought to cost is held until it is known

A fact counts whether or not the step it belongs to is done again later: paid is paid.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from graphs.spec import Budget

What = Literal["tokens", "cost", "calls", "seconds"]
WHAT: tuple[What, ...] = ("tokens", "cost", "calls", "seconds")
SPENT, RAISED = "model.called", "budget.raised"
"""Kinds of the records a ledger is made of."""

Amounts = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Over:
    """Why a call may not be made.

    Attributes:
        scope: Whose budget: the path of a step, or "" for the execution's.
        limit, spent: Of `what`; what is held for calls under way counts as spent.
    """

    scope: str
    what: What
    limit: float
    spent: float


@dataclass(slots=True)
class Ledger:
    """The account of one execution."""

    _spent: dict[str, tuple[str, Amounts]] = field(default_factory=dict)
    _raised: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    _held: dict[str, Amounts] = field(default_factory=dict)

    def take(self, kind: str, path: str, data: Mapping[str, Any]) -> None:
        """A fact. The same one again changes nothing."""
        if kind == SPENT:
            self._spent[str(data["id"])] = (path, {what: float(data.get(what) or 0) for what in WHAT})
        elif kind == RAISED:
            self._raised[path] = (data["scope"], data["what"], float(data["by"]))

    def reserve(self, path: str, budgets: Mapping[str, Budget], needs: Amounts) -> Over | None:
        """Hold what a call may cost; or say whose budget does not allow it.

        Args:
            path: The call; it holds one amount at a time.
            budgets: By scope.
            needs: What the call is thought to cost at least.
        """
        for scope, budget in budgets.items():
            for what in WHAT:
                base = getattr(budget, what)
                if base is None:
                    continue
                limit, spent = base + self._more(scope, what), self._total(scope, what)
                # A budget that is used up allows nothing, also nothing that is thought to be free.
                if spent >= limit or spent + needs.get(what, 0) > limit:
                    return Over(scope, what, limit, spent)
        self._held[path] = needs
        return None

    def release(self, path: str) -> None:
        """The call is over; what it really cost was taken as a fact."""
        self._held.pop(path, None)

    def _more(self, scope: str, what: str) -> float:
        return sum(by for of, kind, by in self._raised.values() if (of, kind) == (scope, what))

    def _total(self, scope: str, what: str) -> float:
        entries = [*self._spent.values(), *self._held.items()]
        return sum(amounts.get(what, 0) for path, amounts in entries if _inside(path, scope))


def _inside(path: str, scope: str) -> bool:
    return not scope or path == scope or path.startswith((f"{scope}.", f"{scope}["))
