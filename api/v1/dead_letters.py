"""Dead letters: what failed for good and needs a person."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from api.security import Right, needs
from api.v1.common import MAX_PAGE, Body, Name, Text, View, page

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

_MOST = 2**53
LetterId = Annotated[int, Path(ge=1, le=_MOST, description="The letter's number.")]


class DiscardBody(Body):
    """What somebody did about it."""

    note: Text | None = None


@router.get("", dependencies=[needs(Right.READ)])
async def list_letters(
    view: View,
    status: Annotated[Literal["open", "redriven", "discarded", "all"], Query()] = "open",
    execution_id: Annotated[Name | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=_MOST, description="`next` of the page before.")] = None,
) -> dict[str, Any]:
    """Dead letters, newest first."""
    found = await view.dead_letters(
        status=None if status == "all" else status, execution_id=execution_id, before=cursor, limit=limit + 1
    )
    more = str(found[limit - 1].id) if len(found) > limit else None
    return page("dead_letters", [asdict(one) for one in found[:limit]], more)


@router.get("/{letter_id}", dependencies=[needs(Right.READ)])
async def show(letter_id: LetterId, view: View) -> dict[str, Any]:
    """A dead letter."""
    return asdict(await view.dead_letter(letter_id))


@router.post("/{letter_id}/redrive", status_code=202, dependencies=[needs(Right.REDRIVE)])
async def redrive(letter_id: LetterId, view: View) -> dict[str, Any]:
    """Try again what it is about; what else was done is not done again. 409 when it is closed."""
    return asdict(await view.redrive(letter_id))


@router.post("/{letter_id}/discard", dependencies=[needs(Right.REDRIVE)])
async def discard(letter_id: LetterId, view: View, body: DiscardBody | None = None) -> dict[str, Any]:
    """Close it for good: somebody saw to it. 409 when it is closed."""
    return asdict(await view.discard(letter_id, note=body.note if body else None))
