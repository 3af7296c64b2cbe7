"""`emit_event`: publish an event, for executions that wait for it and for triggers (I16)."""

from typing import Any

from pydantic import Field

from agents.waits import refuse_secrets
from graphs.errors import StepError
from graphs.spec import Step
from graphs.steps import Action, StepConfig, StepContext


class EmitEventConfig(StepConfig):
    """What an `emit_event` is told.

    Attributes:
        event_type: The event's type.
        data: What it carries.
        key: What it is about; the step's idempotency key when nothing else is said.
    """

    event_type: str = Field(min_length=1)
    data: Any = Field(default_factory=dict)
    key: str | None = None


class EmitEvent(Action):
    """Publishes an event; every attempt at the same step publishes the same one, once."""

    name = "emit_event"
    summary = "publishes an event"
    Config = EmitEventConfig
    gives = frozenset({"event_type", "key"})

    def acts(self, step: Step) -> bool | None:
        return True

    async def run(self, context: StepContext, config: EmitEventConfig) -> Any:
        refuse_secrets(config.data, "data", "Events are kept in the clear")
        if context.emit_event is None:
            raise StepError(
                "this engine publishes no events.",
                code="events_missing",
                hint="Run the workflow through an Orchestrator, which keeps them.",
            )
        key = config.key or context.idempotency_key
        await context.emit_event(config.event_type, config.data, key=key)
        return {"event_type": config.event_type, "key": key}
