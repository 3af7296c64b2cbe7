"""Dead letters: what failed for good and needs a person."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api.security import Right, needs
from api.v1 import observed
from api.v1.common import FILTERED, MAX_PAGE, Body, Name, Text, View, Who, page
from api.v1.observed import OBSERVED
from graphs.errors import InputError
from orchestrator.ids import shown_id
from orchestrator.store.port import DeadLetter, LetterFilter, LetterKind

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

_MOST = 2**53
LetterId = Annotated[int, Path(ge=1, le=_MOST, description="The letter's number.")]


class DiscardBody(Body):
    """What somebody did about it. `compensate`: what its execution did is undone."""

    note: Text | None = None
    compensate: bool = False


class EditBody(Body):
    """Changes to the execution's input, or to what is wanted of a call that was cut off, key by key; null takes all of
    them back."""

    input: dict[str, Any] | None


class RedriveBody(Body):
    """Which: by their numbers, or all that are open, or those of them that are of a kind."""

    ids: list[Annotated[int, Field(ge=1, le=_MOST)]] | None = Field(default=None, min_length=1, max_length=MAX_PAGE)
    all: bool = False
    workflow: Name | None = None
    kind: LetterKind | None = None
    code: Name | None = None


@router.get("", dependencies=[OBSERVED, FILTERED])
async def list_letters(
    view: View,
    who: Who,
    status: Annotated[Literal["open", "redriven", "discarded", "all"], Query()] = "open",
    execution_id: Annotated[Name | None, Query()] = None,
    workflow: Annotated[Name | None, Query(description="A name, or name@version.")] = None,
    kind: Annotated[LetterKind | None, Query()] = None,
    code: Annotated[Name | None, Query(description="The error's code.")] = None,
    escalated: Annotated[bool | None, Query(description="Only what people have to see to, or only the rest.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=_MOST, description="`next` of the page before.")] = None,
) -> dict[str, Any]:
    """Dead letters, newest first. Without the right to read, values are null."""
    which = LetterFilter(
        status=None if status == "all" else status,
        execution_id=view.own(execution_id) if execution_id else None,
        workflow=workflow,
        kind=kind,
        code=code,
        escalated=escalated,
        before=cursor,
        limit=limit + 1,
    )
    found = await view.dead_letters(which)
    more = str(found[limit - 1].id) if len(found) > limit else None
    listed = [_document(one) if who.reads else observed.letter(_document(one)) for one in found[:limit]]
    return page("dead_letters", listed, more)


@router.post("/redrive", status_code=202, dependencies=[needs(Right.REDRIVE)])
async def redrive_many(view: View, body: RedriveBody) -> dict[str, Any]:
    """Try again what several are about; gives the executions that go on. 409 when one of them is closed."""
    if (body.ids is not None) == body.all:
        raise InputError("Which dead letters?", hint="Give 'ids', or 'all': true.", code="letters_unnamed")
    ids = body.ids
    if ids is None:
        which = LetterFilter(workflow=body.workflow, kind=body.kind, code=body.code)
        ids = [letter.id for letter in await view.dead_letters(which)]
    return {"executions": [shown_id(each) for each in await view.redrive(ids)]}


@router.get("/{letter_id}", dependencies=[needs(Right.READ)])
async def show(letter_id: LetterId, view: View) -> dict[str, Any]:
    """A dead letter, with the input of its execution and what happened in it."""
    story = await view.letter_story(letter_id)
    return {**_document(story.letter), "input": story.input, "history": [asdict(record) for record in story.history]}


@router.put("/{letter_id}/edit", dependencies=[needs(Right.REDRIVE)])
async def edit(letter_id: LetterId, view: View, body: EditBody) -> dict[str, Any]:
    """Change what a dead letter is tried again with. 409 when it is closed."""
    return _document(await view.edit_letter(letter_id, body.input))


@router.post("/{letter_id}/redrive", status_code=202, dependencies=[needs(Right.REDRIVE)])
async def redrive(letter_id: LetterId, view: View) -> dict[str, Any]:
    """Try again what a dead letter is about; what else was done is not done again. 409 when it is closed."""
    await view.redrive([letter_id])
    return _document(await view.dead_letter(letter_id))


@router.post("/{letter_id}/discard", dependencies=[needs(Right.REDRIVE)])
async def discard(letter_id: LetterId, view: View, body: DiscardBody | None = None) -> dict[str, Any]:
    """Close a dead letter for good: somebody saw to it. 409 when it is closed, or nothing of its execution is to be
    undone."""
    body = body or DiscardBody()
    return _document(await view.discard(letter_id, note=body.note, compensate=body.compensate))


def _document(letter: DeadLetter) -> dict[str, Any]:
    return {**asdict(letter), "execution_id": shown_id(letter.execution_id)}
