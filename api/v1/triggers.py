"""Triggers of published workflows: which events start what, which could not, and a switch."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.requests import HTTPConnection

from api.gateway import gateway_of
from api.security import Right, needs
from api.v1.common import Body, Name, View, WorkflowName
from api.v1.shapes import brief
from orchestrator.placed import Placed
from orchestrator.triggers import Triggers

router = APIRouter(prefix="/v1/triggers", tags=["events"])

TriggerName = Annotated[str, Path(max_length=200, description="The trigger's name.")]


class RedriveBody(Body):
    """The event to start the workflow for after all, by its id."""

    event: Name


async def triggers_of(connection: HTTPConnection) -> Triggers:
    """The gateway's triggers; a dependency of routes."""
    return gateway_of(connection).triggers


All = Annotated[Triggers, Depends(triggers_of)]


@router.get("", dependencies=[needs(Right.READ)])
async def list_triggers(view: View, triggers: All) -> dict[str, Any]:
    """Every trigger of the tenant's workflows, in the versions that start by name."""
    return {"triggers": [_document(placed) for placed in await triggers.list(view.tenant)]}


@router.get("/{name}/{trigger}", dependencies=[needs(Right.READ)])
async def show(name: WorkflowName, trigger: TriggerName, view: View, triggers: All) -> dict[str, Any]:
    """A trigger, and the events it could not start its workflow for."""
    placed = await triggers.get(view.tenant, name, trigger)
    failed = await view.baton.store.untriggered(*placed.place)
    aside = [{"event": one.event, "error": one.error, "failed_at": one.failed_at} for one in failed]
    return _document(placed) | {"failed": aside}


@router.post("/{name}/{trigger}/disable", dependencies=[needs(Right.EDIT)])
async def disable(name: WorkflowName, trigger: TriggerName, view: View, triggers: All) -> dict[str, Any]:
    """Switch a trigger off: events pass by; those that come meanwhile start nothing later either."""
    return await _switch(name, trigger, view, triggers, on=False)


@router.post("/{name}/{trigger}/enable", dependencies=[needs(Right.EDIT)])
async def enable(name: WorkflowName, trigger: TriggerName, view: View, triggers: All) -> dict[str, Any]:
    """Switch a trigger on: events start the workflow again."""
    return await _switch(name, trigger, view, triggers, on=True)


@router.post("/{name}/{trigger}/redrive", dependencies=[needs(Right.REDRIVE)])
async def redrive(
    name: WorkflowName, trigger: TriggerName, body: RedriveBody, view: View, triggers: All
) -> dict[str, Any]:
    """Start the workflow for an event after all. What was started for it before is not started again."""
    started = await triggers.redrive(await triggers.get(view.tenant, name, trigger), body.event)
    return {"execution": brief(started) if started is not None else None}


async def _switch(name: str, trigger: str, view: View, triggers: Triggers, *, on: bool) -> dict[str, Any]:
    placed = await triggers.get(view.tenant, name, trigger)
    await view.baton.store.switch_trigger(*placed.place, on=on, by=view.by)
    return _document(await triggers.get(view.tenant, name, trigger))


def _document(placed: Placed) -> dict[str, Any]:
    trigger = placed.trigger
    return {
        "workflow": placed.workflow,
        "version": placed.version,
        "name": trigger.called,
        "event": trigger.event,
        "condition": trigger.condition,
        "input": trigger.input,
        "enabled": placed.enabled,
    }
