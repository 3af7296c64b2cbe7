"""Going back: retry from a step, fork into a new execution, replay in one; and two executions side by side."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import AliasChoices, Field

from api.security import Right, needs
from api.v1.common import Body, ExecutionId, Name, View
from api.v1.shapes import brief, whole
from orchestrator.ids import shown_id
from orchestrator.tenancy import TenantView

router = APIRouter(prefix="/v1/executions", tags=["executions"])

_FROM = AliasChoices("from", "at")
"""As on the command line, either word will do; the first is the one that is documented."""


class RetryBody(Body):
    """Where to go on, and how.

    `from` is a step's path; without it, every step that failed. `again` lets effects happen again (new idempotency
    keys). `newest` goes on with the newest published version. `input` is merged into the execution's input,
    `step_input` into that of the step, `model` is for every model that is asked anew; with any of them, effects go
    under new idempotency keys.
    """

    from_step: Name | None = Field(default=None, validation_alias=_FROM)
    again: bool = False
    newest: bool = False
    input: dict[str, Any] = Field(default_factory=dict)
    step_input: dict[str, Any] = Field(default_factory=dict)
    model: Name | None = None


class ReplayBody(Body):
    """The first step that is made anew; the model of every agent, the agent or the instructions of that step.

    `perform` names steps that are carried out and not served from the record: functions that only compute.
    """

    from_step: Name = Field(validation_alias=_FROM)
    model: Name | None = None
    agent: Name | None = None
    instructions: str | None = None
    perform: tuple[Name, ...] = ()


class ForkBody(Body):
    """The first step that is made anew, and changes to the input, merged into it key by key.

    `step_input` and `model` are as for a retry.
    """

    from_step: Name = Field(validation_alias=_FROM)
    input: dict[str, Any] = Field(default_factory=dict)
    step_input: dict[str, Any] = Field(default_factory=dict)
    model: Name | None = None
    newest: bool = False


@router.post("/{execution_id}/retry", status_code=202, dependencies=[needs(Right.REDRIVE)])
async def retry(execution_id: ExecutionId, view: View, body: RetryBody | None = None) -> dict[str, Any]:
    """Go on in the same execution: what failed, or a step and all that follows from it, is made anew.

    `side_effects_again` names the steps among these that have changed something outside before, or may have, and
    `new_keys` says whether they go under new idempotency keys: who honours the old ones then does it once more.
    `cleaned_up` names what has cleaned up after the execution as a whole, while steps that are not made anew count as
    done all the same."""
    body = body or RetryBody()
    told = await _warnings(view, execution_id, body.from_step, newest=body.newest)
    before = await view.get(execution_id)
    retried = await view.retry(
        execution_id,
        from_step=body.from_step,
        again=body.again,
        newest=body.newest,
        edit=body.input,
        step_input=body.step_input,
        model=body.model,
    )
    return {**brief(retried), **told, "new_keys": retried.generation != before.generation}


@router.post("/{execution_id}/fork", status_code=201, dependencies=[needs(Right.REDRIVE)])
async def fork(execution_id: ExecutionId, view: View, body: ForkBody, response: Response) -> dict[str, Any]:
    """Start a new execution with this one's results up to a step. `side_effects_again`, `new_keys` and
    `cleaned_up` are as for a retry."""
    told = await _warnings(view, execution_id, body.from_step, newest=body.newest)
    forked = await view.fork(
        execution_id, body.from_step, edit=body.input, step_input=body.step_input, model=body.model, newest=body.newest
    )
    response.headers["Location"] = f"/v1/executions/{shown_id(forked.id)}"
    return {**whole(forked), **told, "new_keys": True}


async def _warnings(view: TenantView, execution_id: str, from_step: str | None, *, newest: bool) -> dict[str, Any]:
    """What who goes back must know, as the command line tells it."""
    acted = await view.side_effects_again(execution_id, from_step, newest=newest)
    cleaned_up = await view.cleaned_up(execution_id, from_step, newest=newest)
    return {"side_effects_again": list(acted), "cleaned_up": list(cleaned_up)}


@router.post("/{execution_id}/replay", status_code=201, dependencies=[needs(Right.REDRIVE)])
async def replay(execution_id: ExecutionId, view: View, body: ReplayBody, response: Response) -> dict[str, Any]:
    """Carry it out again from a step, in a new execution that changes nothing outside: models are asked anew, and all
    else is served from the record."""
    replayed = await view.replay(
        execution_id,
        body.from_step,
        model=body.model,
        agent=body.agent,
        instructions=body.instructions,
        perform=body.perform,
    )
    response.headers["Location"] = f"/v1/executions/{shown_id(replayed.id)}"
    return whole(replayed)


@router.get("/{execution_id}/compare/{other_id}", dependencies=[needs(Right.READ)])
async def compare_two(execution_id: ExecutionId, other_id: ExecutionId, view: View) -> dict[str, Any]:
    """What differs between two executions, step by step."""
    return await view.compare(execution_id, other_id)
