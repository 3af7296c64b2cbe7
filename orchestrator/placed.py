"""Triggers where they stand, and which events they are for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graphs.errors import BatonError
from graphs.expressions import EvaluationContext, parse_condition
from graphs.spec import Trigger
from orchestrator.store.triggers import KeptEvent, Triggering

Off = frozenset[tuple[str, str, str]]
"""Triggers that are switched off: tenant, workflow, name."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A trigger, and the workflow it stands in."""

    tenant: str
    workflow: str
    version: str
    trigger: Trigger
    enabled: bool = True

    @property
    def place(self) -> tuple[str, str, str]:
        return self.tenant, self.workflow, self.trigger.called

    def scope(self, event: KeptEvent) -> tuple[dict[str, object], EvaluationContext]:
        """What its expressions are evaluated with."""
        scope = {"event": {"id": event.name, "type": event.type, "key": event.key, "data": event.data}}
        seed = f"trigger:{event.id}:{self.workflow}:{self.trigger.called}"
        return dict(scope), EvaluationContext(event.received_at, seed)

    def holds(self, event: KeptEvent) -> bool:
        """Whether its condition holds for an event of its type.

        Raises:
            ExpressionError: it cannot be evaluated.
        """
        condition = self.trigger.condition
        return condition is None or bool(parse_condition(condition).evaluate(*self.scope(event)))


def placed_in(workflow: Triggering, off: Off) -> Iterator[Placed]:
    """The triggers of a workflow."""
    for document in workflow.triggers:
        trigger = Trigger.model_validate(document)
        place = workflow.tenant, workflow.workflow, trigger.called
        yield Placed(workflow.tenant, workflow.workflow, workflow.version, trigger, place not in off)


def asked_for(workflow: Triggering, off: Off, event: KeptEvent) -> Iterator[Placed]:
    """Those of a workflow's triggers that an event of this type, from this tenant and time, is for."""
    if event.tenant in (None, workflow.tenant) and event.received_at >= workflow.since:
        for placed in placed_in(workflow, off):
            if placed.enabled and placed.trigger.event == event.type:
                yield placed


def is_taken(workflows: Iterable[Triggering], off: Off, event: KeptEvent) -> bool:
    """Whether any trigger starts its workflow for an event; one whose condition breaks does not."""
    return any(_starts(placed, event) for workflow in workflows for placed in asked_for(workflow, off, event))


def _starts(placed: Placed, event: KeptEvent) -> bool:
    try:
        return placed.holds(event)
    except BatonError:
        return False
