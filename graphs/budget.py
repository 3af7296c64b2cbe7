"""What an execution has spent on models, and what it may. Pure: facts go in, and each call asks before it is made.

    Ledger.reserve    may this call be made? if so: what is held for it
    Ledger.take       a fact that was kept: a call that is about to be made, one that was paid, time that a tool took,
                      a limit that was raised

A fact counts whether or not the step it belongs to is done again later: paid is paid. What is held for a call is a
fact too: of a call that was under way when its process died nobody knows what it cost, and it counts as it was held.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from graphs.spec import Budget

What = Literal["tokens", "cost", "calls", "seconds"]
WHAT: tuple[What, ...] = ("tokens", "cost", "calls", "seconds")
_FIELDS: dict[What, str] = {"tokens": "tokens", "cost": "cost", "calls": "calls", "seconds": "call_seconds"}
"""What a `Budget` calls each."""

HELD, SPENT, WORKED, RAISED = "model.calling", "model.called", "tool.worked", "budget.raised"
"""Kinds of the records a ledger is made of."""

Amounts = Mapping[str, float]


def amount(over: Mapping[str, Any]) -> str:
    """A limit in words: `35 seconds of calls`."""
    return f"{figure(over['limit'])} {'seconds of calls' if over['what'] == 'seconds' else over['what']}"


def figure(value: float) -> str:
    """A number as people write it, none of it left out: `2500000`, `0.000082`."""
    return f"{value:.12f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Over:
    """Why a call may not be made.

    Attributes:
        scope: Whose budget: the path of a step, or "" for the execution's.
        limit, spent: Of `what`; what is held for calls under way counts as spent.
        needs: What the call is thought to cost at least.
        passing: When the calls under way cost less than was thought, there may be room.
    """

    scope: str
    what: What
    limit: float
    spent: float
    needs: float = 0.0
    passing: bool = False


@dataclass(slots=True)
class Ledger:
    """The account of one execution."""

    _spent: dict[str, tuple[str, Amounts]] = field(default_factory=dict)
    _raised: dict[tuple[str, str, Any], float] = field(default_factory=dict)
    _held: dict[str, tuple[str, Amounts]] = field(default_factory=dict)
    _waiting: list[Callable[[], None]] = field(default_factory=list)

    def take(self, kind: str, path: str, data: Mapping[str, Any]) -> bool:
        """A fact. The same one again changes nothing; False says that a limit was known to be raised."""
        if kind == RAISED:
            # Each limit is asked about once, and all who wait for it hear the answer. (Older records do not say it.)
            asked = (data["scope"], data["what"], data.get("limit", path))
            if asked in self._raised:
                return False
            self._raised[asked] = float(data["by"])
        elif kind in (HELD, SPENT, WORKED):
            fact = str(data["id"])
            amounts: Amounts = {what: float(data.get(what) or 0) for what in WHAT}
            if kind != HELD:
                self._held.pop(fact, None)
                self._spent[fact] = (path, amounts)
            elif fact not in self._spent:
                self._held[fact] = (path, amounts)
        if kind in (SPENT, RAISED):
            waiting, self._waiting = self._waiting, []
            for told in waiting:
                told()
        return True

    def lose(self) -> None:
        """Whatever is held was held by a process that is no more."""
        self._spent |= self._held
        self._held.clear()

    def reserve(self, path: str, budgets: Mapping[str, Budget], least: Amounts, most: Amounts) -> Over | Amounts:
        """Whose budget does not allow a call; or what is to be held for it: `most`, or what is left where no other
        call is under way.

        Args:
            path: The call.
            budgets: By scope.
            least: What the call costs at least.
            most: What it is thought to cost at most.
        """
        held = dict(most)
        for scope, budget in budgets.items():
            for what in WHAT:
                base = getattr(budget, _FIELDS[what])
                if base is None:
                    continue
                limit, needed = base + self._more(scope, what), least.get(what, 0)
                spent, under_way = _sum(self._spent, scope, what), _sum(self._held, scope, what)
                wanted = most.get(what, 0) if under_way else needed
                # A budget that is used up allows nothing, also nothing that is thought to be free.
                if spent + under_way >= limit or spent + under_way + wanted > limit:
                    passing = under_way > 0 and spent < limit and spent + needed <= limit
                    return Over(scope, what, limit, spent + under_way, needed, passing)
                held[what] = min(held.get(what, 0), limit - spent - under_way)
        return held

    def when_there_is_more(self, told: Callable[[], None]) -> None:
        """Tell once when a call that is under way has been paid, or a limit is raised."""
        self._waiting.append(told)

    def _more(self, scope: str, what: str) -> float:
        return sum(by for (of, kind, _), by in self._raised.items() if (of, kind) == (scope, what))


def _sum(entries: Mapping[str, tuple[str, Amounts]], scope: str, what: str) -> float:
    return sum(amounts.get(what, 0) for path, amounts in entries.values() if _inside(path, scope))


def _inside(path: str, scope: str) -> bool:
    return not scope or path == scope or path.startswith((f"{scope}.", f"{scope}["))
