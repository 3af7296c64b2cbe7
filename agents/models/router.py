"""Routes that a model chooses (F16, F17, X25): the `RouteChooser` for switches that name a model.

Not part of the package's face: the protocol it keeps lives with the composites, which are slow to import. The part
that speaks to the model is `agents.models.routing`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agents.loading import load
from agents.models.models import Models, model_name
from agents.reasoning.assignment import as_text
from agents.reasoning.spending import MoreBudget
from agents.values import shorten
from graphs.composites.base import RouteChooser
from graphs.errors import StepError
from graphs.steps import StepContext, Waiting

MAX_STATE: Final = 20_000
"""Characters of the state that the model is shown."""


class Router(RouteChooser):
    """Lets a model choose one of several named routes; a resource."""

    def uses(self, context: StepContext, model: Any) -> str | None:
        return model_name(model or context.resource(Models).default)

    def shown(self, state: Any) -> str:
        return shorten(as_text(state), MAX_STATE)

    async def ask(self, context: StepContext, question: Mapping[str, Any], said: Sequence[str]) -> dict[str, Any]:
        """See `RouteChooser`; `model` may be nothing for the default, or (from Python) a chat model.

        Raises:
            StepError: the model failed, or there is nothing to choose.
        """
        if not question["routes"]:
            raise StepError("there is no route to choose.", category="validation", code="route_unknown")
        models = context.resource(Models)
        model = question["model"] or models.default
        opened = await models.open(model)
        routing = await load("agents.models.routing")
        answer: dict[str, Any] = await routing.ask(context, opened, model_name(model) or "", question, said)
        return answer

    def more_budget(self, context: StepContext, over: Mapping[str, Any]) -> Waiting:
        step = context.path.rpartition("[")[0]
        return MoreBudget(f"The model that chooses a route in '{step}'", over)
