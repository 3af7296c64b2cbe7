"""analytics-service: events that happened in the business, and how many there were."""

from collections import Counter
from typing import Any

from pydantic import AliasChoices, Field

from api.demo.services.calls import Answer, Body, CallDep, ServiceRouter, new_id
from api.demo.services.store import utc_now


class NewEvent(Body):
    type: str = Field(validation_alias=AliasChoices("type", "event_type"), min_length=1)
    subject_id: str | None = None
    properties: dict[str, Any] = Field(default_factory=dict)


def router() -> ServiceRouter:
    routes = ServiceRouter("analytics-service")
    routes.serve("POST", "/api/events", record_event)
    routes.serve("GET", "/api/events", list_events)
    routes.serve("DELETE", "/api/events/{event_id}", remove_event)
    routes.serve("GET", "/api/metrics", metrics)
    return routes


def record_event(call: CallDep, body: NewEvent) -> Answer:
    event = {"id": new_id("evt"), **body.model_dump(), "at": utc_now()}
    call.act("event.recorded", "event", event["id"], event)
    return Answer(201, event)


def list_events(call: CallDep, type: str | None = None) -> Answer:  # noqa: A002 - the query parameter's name
    events = call.find("event") if type is None else call.find("event", "type", type)
    return Answer(200, {"events": events, "count": len(events)})


def remove_event(call: CallDep, event_id: str) -> Answer:
    call.erase("event.removed", "event", event_id)
    return Answer(204)


def metrics(call: CallDep) -> Answer:
    counts = Counter(event["type"] for event in call.find("event"))
    return Answer(200, {"events": dict(counts), "total": counts.total()})
