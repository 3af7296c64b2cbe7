"""Routes that a model chooses (F16, F17, X25). The part that speaks to the model is `agents.routing`."""

from collections.abc import Mapping
from typing import Any

from agents.loading import load
from agents.models import Models, model_name
from graphs.errors import StepError
from graphs.steps import StepContext


class Router:
    """Lets a model choose one of several named routes; a resource for `conditional_router`."""

    async def choose(
        self,
        context: StepContext,
        model: Any,
        prompt: str,
        routes: Mapping[str, str],
        state_json: Any,
        *,
        max_reasks: int = 2,
        default: str | None = None,
    ) -> tuple[str, str]:
        """A route's name, and why.

        Args:
            context: Whose `Models` are used.
            model: `provider:model`, or (from Python) a chat model; None for the default.
            prompt: How to choose, in the author's words.
            routes: Descriptions by route name, in their order.
            state_json: What is known, as JSON text or as a JSON value; secrets are masked.
            max_reasks: How often the model is asked again when it names no route.
            default: The route taken when it never does.

        Raises:
            StepError: `route_unknown`: it never named one and there is no default; or the model failed.
        """
        if not routes:
            raise StepError("there is no route to choose.", category="validation", code="route_unknown")
        if default is not None and default not in routes:
            raise StepError(
                f"the default route '{default}' is none of {', '.join(routes)}.",
                category="validation",
                code="route_unknown",
            )
        models = context.resource(Models)
        opened = await models.open(model)
        routing = await load("agents.routing")
        question = routing.Question(
            model_name=model_name(models.default if model is None else model) or "",
            prompt=prompt,
            routes=routes,
            state=state_json,
            max_reasks=max_reasks,
            default=default,
        )
        chosen: tuple[str, str] = await routing.choose(context, opened, question)
        return chosen
