"""What the routers share: the view of whoever asks, bodies, pages."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import HTTPConnection

from api.gateway import gateway_of
from api.security import Principal, principal
from graphs.errors import InputError
from orchestrator.tenancy import TenantView
from orchestrator.urgency import HIGHEST, LOWEST

MAX_PAGE: Final = 1000


class Body(BaseModel):
    """The base of request bodies: a key that is not known is refused, so that a typing error is found at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)


async def view_of(connection: HTTPConnection, who: Annotated[Principal, Depends(principal)]) -> TenantView:
    """The orchestrator, as the tenant of whoever asks has it; a dependency of routes."""
    at = gateway_of(connection)
    return TenantView(at.orchestrator, who.tenant, who.name, who.consent, at.settings.quota)


async def known_filters(request: Request) -> None:
    """A dependency of lists: a filter that is not known is refused, as a key of a body is. It would be as if it were
    not there, and whoever misspelt it would be shown everything.

    Raises:
        InputError: one is not known.
    """
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    if unknown := [name for name in request.query_params if name not in known]:
        raise InputError(
            f"There is no filter '{unknown[0][:60]}' here.",
            hint=f"There are: {', '.join(sorted(known))}.",
            code="filter_unknown",
        )


FILTERED: Final = Depends(known_filters)


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("it holds a NUL")
    return text


def _written_out(value: Any) -> Any:
    # A year alone would be so many seconds after 1970.
    if isinstance(value, str) and re.fullmatch(r"[+-]?[\d.]+", value.strip()):
        raise ValueError("a time is written like 2026-11-21T09:30:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("it is out of range") from None


Text = Annotated[str, AfterValidator(_without_nul), Field(max_length=1000)]
Name = Annotated[str, AfterValidator(_without_nul), Field(min_length=1, max_length=200)]
Time = Annotated[datetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
"""Without a zone, it is in UTC."""

Priority = Annotated[int, Field(strict=True, ge=LOWEST, le=HIGHEST)]
"""Whose turn it is where there is not room for all; see `orchestrator.urgency`."""

View = Annotated[TenantView, Depends(view_of)]
Who = Annotated[Principal, Depends(principal)]
ExecutionId = Annotated[str, Path(max_length=200, description="The execution's id.")]
WorkflowName = Annotated[str, Path(max_length=200, description="The workflow's name.")]
Version = Annotated[str, Path(max_length=100, description="Its version.")]

NEW_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
"""Ids that callers may choose: they stand in paths."""


def page(name: str, items: list[Any], more: str | None) -> dict[str, Any]:
    """A page: `next` is the cursor of the one after it, null at the end."""
    return {name: items, "next": more}
