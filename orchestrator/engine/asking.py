"""Requests that name no workflow."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from graphs.building.options import made
from graphs.errors import ConflictError
from graphs.spec import Workflow
from orchestrator.brain.assistant import ASSISTANT, plan_in, was_replanned
from orchestrator.engine.looking import Looking
from orchestrator.engine.starting import Starting
from orchestrator.store.port import DEFAULT_TENANT, Execution, PublishedWorkflow


class Asking(Looking, Starting):
    """What the ad-hoc assistant does, and what may be kept of it."""

    async def ask(
        self,
        message: Any = None,
        *,
        messages: Sequence[Mapping[str, Any]] = (),
        context: Any = None,
        route: Literal["auto", "answer", "plan"] = "auto",
        review: Literal["effects", "always"] = "effects",
        model: str | None = None,
        replans: int | None = None,
        execution_id: str | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> Execution:
        """Start an execution that answers a request: at once, by a published workflow that fits, or by a plan of its
        own, which a person approves when it changes anything.

        Args:
            message: What is asked; without it, the last words of a user in `messages`.
            messages: The conversation, in OpenAI's form.
            context: Further facts.
            route: The only way that is wanted, or `auto`.
            review: Which plans a person is asked about: those that change anything, or every one.
            model: `provider:model` in place of the application's default.
            replans: How often what is left of a plan that fails while it runs is planned anew (0 to 10); without it,
                as the application's `AssistantBounds` say.

        Raises:
            InputError: nothing that could be asked is given.
        """
        given = {
            "message": message,
            "messages": [dict(one) for one in messages],
            "context": context,
            "replans": replans,
        }
        return await self.start(
            ASSISTANT,
            {**{key: value for key, value in given.items() if value is not None}, "route": route, "review": review},
            execution_id=execution_id,
            idempotency_key=idempotency_key,
            metadata=metadata,
            variables={"model": model} if model is not None else None,
            tenant=tenant,
        )

    async def save_plan(
        self, execution_id: str, name: str, *, version: str = "1.0", by: str | None = None
    ) -> PublishedWorkflow:
        """Publish the plan that an execution made, so that it can be started again with another input.

        Raises:
            NotFoundError: there is no such execution.
            ConflictError: it has made no plan, or another workflow has that name and version.
            DefinitionError: the name or the version cannot be one.
        """
        execution = await self.get(execution_id)
        results = await self.results(execution_id)
        plan = plan_in(results)
        if was_replanned(results):
            raise ConflictError(
                f"The plan of execution '{execution_id}' failed while it ran, and the one that was made then holds "
                "only what was left to do.",
                hint="Ask again, now that it is known what works.",
                code="plan_partial",
            )
        if plan is None:
            raise ConflictError(
                f"Execution '{execution_id}' has made no plan that could be saved.",
                hint="Ask for one: baton ask --route plan.",
                code="plan_missing",
            )
        definition = plan["definition"]
        metadata = {**definition["metadata"], "name": name, "version": version}
        workflow = made(Workflow, f"the plan of execution '{execution_id}'", {**definition, "metadata": metadata})
        return await self.catalogue.publish(workflow, by=by, tenant=execution.tenant)
