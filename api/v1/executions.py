"""Executions: start, list, show, cancel, resume."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field, StringConstraints
from starlette.responses import PlainTextResponse

from api.security import Right, needs
from api.v1 import observed
from api.v1.common import FILTERED, MAX_PAGE, NEW_ID, Body, ExecutionId, Name, Priority, Text, Time, View, Who, page
from api.v1.observed import OBSERVED
from api.v1.shapes import brief, told, whole
from graphs.draw import draw_workflow
from graphs.state import ExecutionStatus
from orchestrator.cli.support.story import Story
from orchestrator.ids import shown_id
from orchestrator.store.port import ExecutionFilter
from orchestrator.tenancy import STARTED_BY, TenantView

router = APIRouter(prefix="/v1/executions", tags=["executions"])
_MOST_FORKS = 100


class StartBody(Body):
    """What to start: a published workflow, by name."""

    workflow: Name
    version: Name | None = None
    input: Any = None
    id: Annotated[str, StringConstraints(pattern=f"^{NEW_ID.pattern}$")] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    priority: Priority = 0


class WhyBody(Body):
    """Why."""

    reason: Text | None = None


@router.post("", status_code=201, dependencies=[needs(Right.RUN)])
async def start(
    body: StartBody,
    view: View,
    who: Who,
    response: Response,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> dict[str, Any]:
    """Start a workflow. The same `Idempotency-Key` again answers 200 with the execution that was started first; where
    somebody else started that, without its values for whoever may not read."""
    wanted = view.own(body.id) if body.id else str(uuid.uuid4())
    execution = await view.start(
        body.workflow,
        body.input,
        version=body.version,
        execution_id=wanted,
        idempotency_key=idempotency_key,
        metadata=body.metadata,
        priority=body.priority,
    )
    if execution.id != wanted:
        response.status_code = 200
    response.headers["Location"] = f"/v1/executions/{shown_id(execution.id)}"
    own = execution.metadata.get(STARTED_BY) == view.by
    return whole(execution) if own or who.reads else observed.execution(whole(execution))


@router.get("", dependencies=[OBSERVED, FILTERED])
async def list_executions(
    view: View,
    who: Who,
    status: Annotated[list[ExecutionStatus] | None, Query(description="May be repeated.")] = None,
    workflow: Annotated[Name | None, Query()] = None,
    parent: Annotated[Name | None, Query(description="The execution they were forked from.")] = None,
    since: Annotated[Time | None, Query(description="Begun at this time or later.")] = None,
    until: Annotated[Time | None, Query(description="Begun before this time.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[Name | None, Query(description="`next` of the page before.")] = None,
) -> dict[str, Any]:
    """List executions, newest first, each with what its models have cost in all. Without the right to read, values
    are null."""
    which = ExecutionFilter(
        status=status or (),
        workflow=workflow,
        parent=view.own(parent) if parent else None,
        since=since,
        until=until,
        limit=limit + 1,
        before=view.own(cursor) if cursor else None,
    )
    found = await view.list(which)
    more = shown_id(found[limit - 1].id) if len(found) > limit else None
    spent = await view.baton.spent([execution.id for execution in found[:limit]])
    listed = [{**brief(execution), "usage": spent[execution.id].figures()} for execution in found[:limit]]
    return page("executions", listed if who.reads else [observed.execution(one) for one in listed], more)


@router.get("/{execution_id}", dependencies=[OBSERVED])
async def show(execution_id: ExecutionId, view: View, who: Who) -> dict[str, Any]:
    """An execution with its steps (attempts, times, errors), what it waits for, its forks, and what its models have
    cost: by step (`usage`), by agent, by model and in all (`cost`). Without the right to read, values are null."""
    story = await story_of(view, execution_id)
    forks = await view.list(ExecutionFilter(parent=execution_id, limit=_MOST_FORKS))
    document = told(story, await view.waits(execution_id), forks, await view.baton.usage(execution_id))
    return document if who.reads else observed.told(document)


@router.get("/{execution_id}/diagram", dependencies=[OBSERVED], response_class=PlainTextResponse)
async def diagram(execution_id: ExecutionId, view: View) -> PlainTextResponse:
    """The execution's workflow as Mermaid text, with the status of each step."""
    story = await story_of(view, execution_id)
    workflow = await view.baton.catalogue.pinned(story.execution)
    types = view.baton.catalogue.library.step_types
    return PlainTextResponse(draw_workflow(workflow, statuses=story.statuses(), step_types=types))


@router.post("/{execution_id}/cancel", status_code=202, dependencies=[needs(Right.RUN)])
async def cancel(execution_id: ExecutionId, view: View, body: WhyBody | None = None) -> dict[str, Any]:
    """Ask an execution to end. 409 when it has."""
    return brief(await view.cancel(execution_id, reason=body.reason if body else None))


@router.post("/{execution_id}/terminate", status_code=202, dependencies=[needs(Right.RUN)])
async def terminate(execution_id: ExecutionId, view: View, body: WhyBody | None = None) -> dict[str, Any]:
    """End an execution at once: nothing is undone. 409 when it has ended."""
    return brief(await view.terminate(execution_id, reason=body.reason if body else None))


@router.post("/{execution_id}/pause", status_code=202, dependencies=[needs(Right.RUN)])
async def pause(execution_id: ExecutionId, view: View, body: WhyBody | None = None) -> dict[str, Any]:
    """Hold an execution: nothing new starts, what runs may finish. 409 when it has ended."""
    return brief(await view.pause(execution_id, reason=body.reason if body else None))


@router.post("/{execution_id}/continue", status_code=202, dependencies=[needs(Right.RUN)])
async def go_on(execution_id: ExecutionId, view: View, body: WhyBody | None = None) -> dict[str, Any]:
    """Let a paused execution go on. 409 when nobody has paused it."""
    return brief(await view.continue_(execution_id, reason=body.reason if body else None))


@router.post("/{execution_id}/resume", status_code=202, dependencies=[needs(Right.RUN)])
async def resume(execution_id: ExecutionId, view: View) -> dict[str, Any]:
    """Take an execution up that was left queued or interrupted. 409 when it has ended."""
    return brief(await view.resume(execution_id))


async def story_of(view: TenantView, execution_id: str) -> Story:
    """An execution's story so far."""
    execution = await view.get(execution_id)
    story = Story(execution, await view.baton.store.definition(execution.digest))
    story.tell(await view.baton.records(execution_id))
    story.settle(await view.get(execution_id))
    return story
