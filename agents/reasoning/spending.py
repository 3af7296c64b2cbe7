"""What a call of a model costs: asked before it is made, noted when it was.

The ledger holds what a call is thought to cost at least (what it is told, and `max_tokens` where that is set), so an
execution exceeds its budget by no more than the calls that are under way.
"""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, TypedDict

from agents.models.prices import Prices
from agents.values import tokens_of
from agents.waits import Approval, ApprovalConfig
from graphs.budget import RAISED, SPENT, Over
from graphs.errors import StepError
from graphs.spec import Budget
from graphs.steps import Answer, StepConfig, StepContext, Wait


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
        told: The messages the model is to be sent, as JSON.
    """

    def __init__(self, context: StepContext, assignment: Payer, told: Sequence[Mapping[str, Any]]) -> None:
        self._context = context
        self._assignment = assignment
        self._told = told
        self._model = assignment["model_name"]
        self._prices = context.resources.get(Prices) or Prices({})

    @asynccontextmanager
    async def allowed(self) -> AsyncIterator[Over | None]:
        """What keeps the call from being made; None when nothing does, and then it is paid for until the block ends.

        Raises:
            StepError: a budget is in money, and the model's price is not known.
        """
        budgets = self._budgets()
        if not budgets or self._context.ledger is None:
            yield None
            return
        ledger = await self._context.ledger()
        over = ledger.reserve(self._context.path, budgets, self._needs(budgets))
        try:
            yield over
        finally:
            ledger.release(self._context.path)

    def note(self, usage: Mapping[str, int], seconds: float) -> dict[str, Any]:
        """Keep what a call has cost, whatever becomes of its answer; gives the usage with its cost."""
        whole: dict[str, Any] = dict(usage)
        if (cost := self._prices.cost(self._model, usage)) is not None:
            whole["cost"] = round(cost, 9)
        fact = {
            "id": uuid.uuid4().hex,
            "agent": self._assignment["agent"],
            "model": self._model,
            "calls": 1,
            "tokens": usage.get("total_tokens", 0),
            "seconds": round(seconds, 3),
            **whole,
        }
        self._context.note(SPENT, fact)
        return whole

    def _budgets(self) -> dict[str, Budget]:
        kept = self._assignment["budgets"]
        return {scope: Budget.model_validate(budget) for scope, budget in kept.items()}

    def _needs(self, budgets: Mapping[str, Budget]) -> dict[str, float]:
        told = tokens_of([*self._told, self._assignment["instructions"]])
        said = self._assignment["max_tokens"] or 0
        needs = {"calls": 1.0, "tokens": float(told + said)}
        if any(budget.cost is not None for budget in budgets.values()):
            cost = self._prices.cost(self._model, {"input_tokens": told, "output_tokens": said})
            if cost is None:
                raise StepError(
                    f"the budget is in money, and nobody said what model '{self._model}' costs.",
                    category="validation",
                    code="price_unknown",
                    hint="Set BATON_PRICES, or give the engine Prices({...}).",
                )
            needs["cost"] = cost
        return needs


def as_kept(over: Over) -> dict[str, Any]:
    """Why a call was not made, as the result of its step."""
    return {"scope": over.scope, "what": over.what, "limit": over.limit, "spent": round(over.spent, 9)}


class MoreBudget(Approval):
    """Asks a person for a larger budget."""

    name: ClassVar[str] = "agent_budget"
    Config: ClassVar[type[Any]] = StepConfig

    def __init__(self, agent: str, over: Mapping[str, Any]) -> None:
        self._over = over
        whose = f"the budget of '{over['scope']}'" if over["scope"] else "the execution's budget"
        limit, spent = f"{over['limit']:g}", f"{over['spent']:g}"
        self._config = ApprovalConfig(
            message=f"Agent '{agent}' cannot go on: {whose} of {limit} {over['what']} does not allow another call "
            f"({spent} are spent). Raise it?",
            payload={"raise_by": over["limit"]},
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
            fact = {"scope": self._over["scope"], "what": self._over["what"], "by": response["data"]["raise_by"]}
            context.note(RAISED, fact)
        return response
