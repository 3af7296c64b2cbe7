"""Crons: runs that time starts."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from api.gateway import Gateway, current_gateway
from api.security import Principal, principal
from api.security.custom import acts
from api.v1.common import Priority
from api.wire.bodies import Body, ConfigBody, Json, Limit, Multitask, Offset, StreamModes, Webhook
from api.wire.callers import READS, RUNS, caller_of
from api.wire.shapes import json, no_content, selected
from orchestrator.ids import shown_id
from orchestrator.serving.secrets import changed, shown
from orchestrator.serving.wanted import Wanted
from orchestrator.store.served.values import Cron, Search
from orchestrator.webhooks.posting import refuse_address

router = APIRouter(tags=["crons"])

At = Annotated[Gateway, Depends(current_gateway)]
By = Annotated[Principal, Depends(principal)]
_COLUMNS = {"cron_id": "id", "next_run_date": "next_at", "end_time": "end_at"}
_OWN = {"assistant_id", "schedule", "timezone", "end_time", "enabled", "metadata", "on_run_completed"}


class CronPatch(Body):
    """Changes to a cron."""

    schedule: str | None = None
    timezone: str | None = None
    end_time: datetime | None = None
    enabled: bool | None = None
    on_run_completed: Literal["delete", "keep"] | None = None
    input: Any = None
    metadata: Json | None = None
    config: ConfigBody | None = None
    context: Json | None = None
    webhook: Webhook = None
    interrupt_before: Literal["*"] | list[str] | None = None
    interrupt_after: Literal["*"] | list[str] | None = None
    multitask_strategy: Multitask | None = None
    stream_mode: StreamModes = None
    stream_subgraphs: bool | None = None
    stream_resumable: bool | None = None
    checkpoint_during: bool | None = None
    durability: Literal["sync", "async", "exit"] | None = None
    priority: Priority | None = None

    def request(self) -> Json:
        """What is kept of it for the runs."""
        return self.model_dump(exclude_none=True, exclude=_OWN)


class CronBody(CronPatch):
    """A new cron."""

    assistant_id: str
    schedule: str


class CronSearch(Body):
    """Which crons."""

    assistant_id: str | None = None
    thread_id: str | None = None
    enabled: bool | None = None
    metadata: Json | None = None
    limit: int = Limit
    offset: int = Offset
    sort_by: (
        Literal["cron_id", "assistant_id", "thread_id", "created_at", "updated_at", "next_run_date", "end_time"] | None
    ) = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = Field(default=None)


@router.post("/runs/crons", dependencies=[*RUNS, acts("crons", "create")])
async def create(body: CronBody, at: At, by: By) -> Response:
    """Start runs on threads of their own, whenever it is time."""
    return json(cron_of(await _create(body, None, at, by)))


@router.post("/threads/{thread_id}/runs/crons", dependencies=[*RUNS, acts("crons", "create")])
async def create_for_thread(thread_id: str, body: CronBody, at: At, by: By) -> Response:
    """Start runs on a thread, whenever it is time."""
    await at.desk.threads.kept(thread_id, by.tenant)
    return json(cron_of(await _create(body, thread_id, at, by)))


@router.post("/runs/crons/search", dependencies=[*READS, acts("crons", "search")])
async def search(body: CronSearch, at: At, by: By) -> Response:
    """Crons that fit."""
    found = await at.desk.crons.search(await _search(body, at, by))
    return json([selected(cron_of(cron), body.select) for cron in found])


@router.post("/runs/crons/count", dependencies=[*READS, acts("crons", "search")])
async def count(body: CronSearch, at: At, by: By) -> Response:
    """How many crons fit."""
    return json(await at.desk.crons.count(await _search(body, at, by)))


@router.patch("/runs/crons/{cron_id}", dependencies=[*RUNS, acts("crons", "update")])
async def update(cron_id: str, body: CronPatch, at: At, by: By) -> Response:
    """Change a cron."""
    cron = at.desk.crons.get(cron_id, by.tenant)
    if body.webhook is not None:
        refuse_address(body.webhook, at.settings.webhook_networks)
    given = body.model_dump(exclude_none=True)
    changes: Json = {
        name: given[name] for name in ("schedule", "timezone", "enabled", "on_run_completed") if name in given
    }
    if "end_time" in body.model_fields_set:
        changes["end_at"] = _in_utc(body.end_time)
    if body.metadata is not None:
        changes["metadata"] = {**cron.metadata, **body.metadata}
    if request := body.request():
        served = await at.desk.assistants.served(cron.assistant_id, by.tenant)
        merged = changed(cron.request, request)
        wanted = await _consented(
            at, by, cron.assistant_id, cron.thread_id, merged, changes.get("metadata", cron.metadata)
        )
        changes |= {"request": served.sealed(wanted.request), "metadata": wanted.metadata}
    changes["owner"] = at.owners.kept(by)
    return json(cron_of(await at.desk.crons.change(cron_id, by.tenant, changes)))


@router.delete("/runs/crons/{cron_id}", dependencies=[*RUNS, acts("crons", "delete")])
async def delete(cron_id: str, at: At, by: By) -> Response:
    """Delete a cron."""
    await at.desk.crons.delete(cron_id, by.tenant)
    return no_content()


async def _create(body: CronBody, thread_id: str | None, at: Gateway, by: Principal) -> Cron:
    if body.webhook is not None:
        refuse_address(body.webhook, at.settings.webhook_networks)
    assistant = await at.desk.assistants.get(body.assistant_id, by.tenant)
    served = await at.desk.assistants.served(assistant.id, by.tenant)
    wanted = await _consented(at, by, assistant.id, thread_id, body.request(), body.metadata or {})
    now, end_at = at.orchestrator.clock.now(), _in_utc(body.end_time)
    cron = Cron(
        id=str(uuid.uuid4()),
        tenant=by.tenant,
        assistant_id=assistant.id,
        thread_id=thread_id,
        schedule=body.schedule,
        timezone=body.timezone,
        request=served.sealed(wanted.request),
        metadata=wanted.metadata,
        on_run_completed=body.on_run_completed,
        enabled=body.enabled is not False,
        end_at=end_at,
        owner=at.owners.kept(by),
        next_at=at.desk.crons.next_time(body.schedule, body.timezone, end_at),
        created_at=now,
        updated_at=now,
    )
    return await at.desk.crons.create(cron)


async def _consented(
    at: Gateway, by: Principal, assistant: str, thread_id: str | None, request: Json, metadata: Mapping[str, Any]
) -> Wanted:
    """What a cron will start, as the application's own code lets it through, if it can be started: nobody is there to
    be asked later, or told."""
    wanted = Wanted(
        assistant=assistant, by=caller_of(by), thread_id=thread_id, request=request, metadata=metadata, make_thread=True
    )
    wanted = await at.desk.admission.consented(wanted)
    await at.desk.refuse_unfit(wanted)
    return wanted


async def _search(body: CronSearch, at: Gateway, by: Principal) -> Search:
    fields: dict[str, Any] = {}
    if body.assistant_id is not None:
        fields["assistant_id"] = (await at.desk.assistants.get(body.assistant_id, by.tenant)).id
    if body.thread_id is not None:
        fields["thread_id"] = at.desk.threads.own(body.thread_id, by.tenant)
    if body.enabled is not None:
        fields["enabled"] = int(body.enabled)
    return Search(
        tenant=by.tenant,
        metadata=body.metadata or {},
        only=by.only,
        fields=fields,
        sort_by=_COLUMNS.get(body.sort_by or "", body.sort_by or "created_at"),
        descending=body.sort_order != "asc",
        limit=body.limit,
        offset=body.offset,
    )


def _in_utc(given: datetime | None) -> datetime | None:
    if given is None:
        return None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def cron_of(cron: Cron) -> dict[str, Any]:
    """A cron in the shape that clients read."""
    return {
        "cron_id": cron.id,
        "assistant_id": cron.assistant_id,
        "thread_id": cron.thread_id and shown_id(cron.thread_id),
        "on_run_completed": cron.on_run_completed,
        "end_time": cron.end_at,
        "schedule": cron.schedule,
        "timezone": cron.timezone,
        "created_at": cron.created_at,
        "updated_at": cron.updated_at,
        "payload": {**shown(cron.request), "assistant_id": cron.assistant_id},
        "user_id": (cron.owner or {}).get("name"),
        "next_run_date": cron.next_at if cron.enabled else None,
        "metadata": cron.metadata,
        "enabled": cron.enabled,
        "last_failure": cron.failure,
    }
