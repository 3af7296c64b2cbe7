"""What a call of a model costs: asked before it is made, noted when it was.

What a call is told, and as much as it may answer (`max_tokens`; without it, `ANSWER`), is held from when it begins
until it is known what it cost; so an execution exceeds its budget by no more than what the calls under way take beyond
that. A call that fails counts as what its provider says it took; where it does not say, as what was held for it; and
where the provider refused it (a status 4xx) or was never reached, as nothing but a call.
"""

import asyncio
import math
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, ClassVar, Final, TypedDict

from agents.approval import Approval, ApprovalConfig
from agents.models.prices import Prices
from agents.values import tokens_of
from graphs.budget import HELD, RAISED, SPENT, Ledger, Over, amount, figure
from graphs.errors import StepError
from graphs.spec import Budget
from graphs.steps import Answer, StepConfig, StepContext, Wait

ANSWER: Final = 4096
"""Tokens that are held for an answer whose length nobody bounds; less, where less is left."""


class Payer(TypedDict):
    """Who has a model asked, as far as its costs go; an `Assignment` says all of it."""

    agent: str
    model_name: str
    instructions: str
    max_tokens: int | None
    budgets: dict[str, dict[str, Any]]


class Spending:
    """One call's side of the ledger.

    Args:
        told: What the model is to be sent, as JSON: messages, and the tools it may call.
    """

    def __init__(self, context: StepContext, assignment: Payer, told: Sequence[Mapping[str, Any]]) -> None:
        self._context = context
        self._assignment = assignment
        self._messages = told
        self._model = assignment["model_name"]
        self._prices = context.resources.get(Prices) or Prices({})
        self._fact = uuid.uuid4().hex
        self._held: Mapping[str, float] = {}
        self._noted = False

    @cached_property
    def _told(self) -> int:
        """Tokens; counted only where nobody else counts them, or a budget is to allow them: it takes a while."""
        return tokens_of([*self._messages, self._assignment["instructions"]])

    @asynccontextmanager
    async def allowed(self) -> AsyncIterator[Over | None]:
        """What keeps the call from being made; None when nothing does, and then it is paid for until the block ends.

        Raises:
            StepError: a budget is in money, and the model's price is not known.
        """
        try:
            yield await self._reserve()
        finally:
            if self._held and not self._noted:
                self.nothing()

    async def _reserve(self) -> Over | None:
        budgets = {scope: Budget.model_validate(one) for scope, one in self._assignment["budgets"].items()}
        if not budgets or self._context.ledger is None or self._context.keep is None:
            return None
        ledger = await self._context.ledger()
        least, most = self._needs(budgets)
        while isinstance(found := ledger.reserve(self._context.path, budgets, least, most), Over):
            if not found.passing:
                return found
            await _there_is_more(ledger)
        self._held = found
        # Durable before the call is made: who finds it after a crash knows that somebody was about to pay.
        await self._context.keep(HELD, {**self._whose(), **found})
        return None

    def note(self, usage: Mapping[str, int], seconds: float, answered: int = 0) -> dict[str, Any]:
        """Keep what a call has cost, whatever becomes of its answer; gives what the provider counted, with its cost.

        Where the provider did not count (servers that only speak OpenAI's language, in streams above all), it is about
        what was said and answered, and says so: `estimated`.

        Args:
            usage: What the provider counted; nothing in it where it did not count.
            answered: About how many tokens the answer has.
        """
        if usage.get("total_tokens"):
            return self._keep(usage, seconds)
        return {**self._keep(self._guess(answered), seconds, estimated=True), "estimated": True}

    def failed(self, seconds: float) -> None:
        """Keep a call of which nobody knows what it cost: it may have been answered, and nobody heard."""
        held = self._held.get("tokens")
        answered = (self._assignment["max_tokens"] or ANSWER) if held is None else max(int(held) - self._told, 0)
        self._keep(self._guess(answered), seconds, estimated=True, most=self._held.get("cost"))

    def refused(self, seconds: float) -> None:
        """Keep a call that its provider refused, or that never reached it: it is a call, and nothing was answered."""
        self._keep({}, seconds)

    def nothing(self) -> None:
        """No call was made after all."""
        self._noted = True
        self._context.note(SPENT, {**self._whose(), "calls": 0, "tokens": 0, "seconds": 0.0})

    def _guess(self, answered: int) -> dict[str, int]:
        return {"input_tokens": self._told, "output_tokens": answered, "total_tokens": self._told + answered}

    def _keep(
        self, usage: Mapping[str, int], seconds: float, *, estimated: bool = False, most: float | None = None
    ) -> dict[str, Any]:
        whole: dict[str, Any] = dict(usage)
        if (cost := self._prices.cost(self._model, usage)) is not None:
            whole["cost"] = round(cost if most is None else min(cost, most), 9)
        fact = {"calls": 1, "tokens": usage.get("total_tokens", 0), "seconds": round(seconds, 3), **whole}
        self._noted = True
        self._context.note(SPENT, {**self._whose(), **fact, **({"estimated": True} if estimated else {})})
        return whole

    def _whose(self) -> dict[str, Any]:
        return {"id": self._fact, "agent": self._assignment["agent"], "model": self._model}

    def _needs(self, budgets: Mapping[str, Budget]) -> tuple[dict[str, float], dict[str, float]]:
        """What the call costs at least, and at most. How long an answer is, is known where it is bounded."""
        bound = self._assignment["max_tokens"]
        least = {"calls": 1.0, "tokens": float(self._told + (bound or 0))}
        most = {"calls": 1.0, "tokens": float(self._told + (bound or ANSWER))}
        if any(budget.cost is not None for budget in budgets.values()):
            least["cost"] = self._cost(bound or 0)
            most["cost"] = self._cost(bound or ANSWER)
        return least, most

    def _cost(self, answered: int) -> float:
        cost = self._prices.cost(self._model, {"input_tokens": self._told, "output_tokens": answered})
        if cost is None:
            raise StepError(
                f"the budget is in money, and nobody said what model '{self._model}' costs.",
                category="validation",
                code="price_unknown",
                hint="Set BATON_PRICES, or give the engine Prices({...}).",
            )
        return cost


async def _there_is_more(ledger: Ledger) -> None:
    freed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    ledger.when_there_is_more(lambda: None if freed.done() else freed.set_result(None))
    await freed


def as_kept(over: Over, agent: str) -> dict[str, Any]:
    """Why a call was not made, as the result of its step.

    Args:
        agent: The path of the agent step.
    """
    own = over.scope == agent
    amounts = {"limit": over.limit, "spent": round(over.spent, 9), "needs": round(over.needs, 9)}
    return {"scope": over.scope, "own": own, "what": over.what, **amounts}


def budget_of(over: Mapping[str, Any]) -> str:
    """Whose budget it is, in words."""
    if over.get("own"):
        return "its own budget"
    return f"the budget of '{over['scope']}'" if over["scope"] else "the execution's budget"


def _enough(over: Mapping[str, Any]) -> float:
    """By how much it is raised where nobody says otherwise: as much again, and by what the next call takes at least."""
    short = over["spent"] + over.get("needs", 0) - over["limit"]
    whole = math.ceil(short) if over["what"] != "cost" else math.ceil(short * 100) / 100
    more: float = max(over["limit"], whole)
    return more


class MoreBudget(Approval):
    """Asks a person for a larger budget.

    Args:
        who: Who cannot go on, as a sentence begins.
    """

    name: ClassVar[str] = "agent_budget"
    Config: ClassVar[type[Any]] = StepConfig

    def __init__(self, who: str, over: Mapping[str, Any]) -> None:
        self._over = over
        whose = budget_of(over)
        spent = f"{figure(over['spent'])} are spent"
        if over["spent"] < over["limit"] and over.get("needs"):
            spent += f", and it takes about {figure(over['needs'])}"
        self._config = ApprovalConfig(
            message=f"{who} cannot go on: {whose} of {amount(over)} does not allow another call ({spent}). Raise it?",
            payload={"raise_by": _enough(over)},
            allow=("approve", "edit", "reject"),
            on_reject="continue",
        )

    def wait(self, context: StepContext, config: Any) -> Wait:
        wait = super().wait(context, self._config)
        schema = {
            "type": "object",
            "properties": {"raise_by": {"type": "number", "exclusiveMinimum": 0}},
            "required": ["raise_by"],
            "additionalProperties": False,
        }
        return Wait(
            kind="approval",
            question={**wait.question, "budget": dict(self._over), "edit_schema": schema},
            assignees=wait.assignees,
        )

    def settle(self, context: StepContext, config: Any, wait: Wait, answer: Answer) -> Any:
        response = super().settle(context, self._config, wait, answer)
        if response["approved"]:
            asked = {key: self._over[key] for key in ("scope", "what", "limit")}
            context.note(RAISED, {**asked, "by": response["data"]["raise_by"]})
        return response
