"""Events: published by type, kept for waits that open later."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from api.security import Right, needs
from api.v1.common import Body, Name, View
from orchestrator.ids import shown_id

router = APIRouter(prefix="/v1/events", tags=["events"])


class EventBody(Body):
    """An event.

    `key` is what it is about; waits may ask for it. `id` names this one event: sent again (a retry of the sender), it
    changes nothing, and with another type, key or data it is a 409.
    """

    type: Name
    data: Any = Field(default_factory=dict)
    key: Name | None = None
    id: Name | None = None


@router.post("", dependencies=[needs(Right.RUN)])
async def publish(body: EventBody, view: View) -> dict[str, Any]:
    """Publish an event: it answers a wait of each execution of the tenant that it matches, and is kept for later.

    `matched` names what it answered; `repeated` says that it was known, and that nothing happened now.
    """
    event = await view.publish_event(body.type, body.data, key=body.key, id=body.id)
    matched = [{"execution_id": shown_id(execution_id), "path": path} for execution_id, path in event.matched]
    return {"id": body.id or event.id, "matched": matched, "repeated": event.repeated}
