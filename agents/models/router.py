"""Routes that a model chooses (F16, F17, X25): the `RouteChooser` for switches that name a model.

Not part of the package's face: the protocol it keeps lives with the composites, which are slow to import. The part
that speaks to the model is `agents.models.routing`.
"""

from collections.abc import Mapping
from typing import Any

from agents.loading import load
from agents.models.models import Models, model_name
from graphs.composites.base import RouteChooser
from graphs.errors import StepError
from graphs.steps import StepContext


class Router(RouteChooser):
    """Lets a model choose one of several named routes; a resource."""

    def uses(self, context: StepContext, model: Any) -> str | None:
        return model_name(model or context.resource(Models).default)

    async def choose(
        self,
        context: StepContext,
        *,
        model: Any,
        prompt: str,
        routes: Mapping[str, str],
        state: Any,
        reasks: int = 2,
        default: str | None = None,
    ) -> tuple[str, str]:
        """A route's name, and why.

        Args:
            context: Whose `Models` are used.
            model: `provider:model`, or (from Python) a chat model; nothing for the default.
            prompt: How to choose, in the author's words.
            routes: Descriptions by route name, in their order.
            state: What is known, as JSON text or as a JSON value; secrets are masked.
            reasks: How often the model is asked again when it names no route.
            default: What is given when it never does; it need not be one of the routes.

        Raises:
            StepError: `route_unknown`: it never named one and there is no default; or the model failed.
        """
        if not routes:
            raise StepError("there is no route to choose.", category="validation", code="route_unknown")
        models = context.resource(Models)
        opened = await models.open(model or None)
        routing = await load("agents.models.routing")
        question = routing.Question(
            model_name=model_name(model or models.default) or "",
            prompt=prompt,
            routes=routes,
            state=state,
            max_reasks=reasks,
            default=default,
        )
        chosen: tuple[str, str] = await routing.choose(context, opened, question)
        return chosen
