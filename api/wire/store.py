"""The store: values under namespaces and keys, which outlive threads."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field, StringConstraints
from starlette.responses import Response

from api.gateway import Gateway, current_gateway
from api.security import Principal, principal
from api.security.custom import acts
from api.wire.bodies import Body, Json
from api.wire.callers import READS, RUNS
from api.wire.shapes import json, no_content
from graphs.errors import InputError

router = APIRouter(prefix="/store", tags=["store"])

At = Annotated[Gateway, Depends(current_gateway)]
By = Annotated[Principal, Depends(principal)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Namespace = Annotated[list[Label], Field(max_length=50)]


class ItemBody(Body):
    """An item to keep. `index` is for stores with an index of meanings; this one has none."""

    namespace: Namespace
    key: Key
    value: Json
    index: bool | list[str] | None = None
    ttl: float | None = Field(default=None, gt=0, le=10 * 365 * 1440)


class ItemPlace(Body):
    """Where an item is."""

    namespace: Namespace = Field(default_factory=list)
    key: Key


class ItemSearch(Body):
    """Which items."""

    namespace_prefix: Namespace = Field(default_factory=list)
    filter: Json | None = None
    limit: int = Field(default=10, ge=1, le=1000)
    offset: int = Field(default=0, ge=0, le=2**31)
    query: str | None = None
    refresh_ttl: bool | None = None


class NamespaceSearch(Body):
    """Which namespaces."""

    prefix: Namespace | None = None
    suffix: Namespace | None = None
    max_depth: int | None = Field(default=None, ge=1, le=50)
    limit: int = Field(default=100, ge=1, le=1000)
    offset: int = Field(default=0, ge=0, le=2**31)


@router.put("/items", dependencies=[*RUNS, acts("store", "put")])
async def put_item(body: ItemBody, at: At, by: By) -> Response:
    """Keep an item in place of what there was."""
    _check(body.namespace)
    await at.desk.items(by.tenant).aput(tuple(body.namespace), body.key, body.value, ttl=body.ttl)
    return no_content()


@router.get("/items", dependencies=[*READS, acts("store", "get")])
async def get_item(
    at: At,
    by: By,
    key: Annotated[Key, Query()],
    namespace: Annotated[str, Query(max_length=10_000, description="Its parts, with dots between them.")] = "",
    refresh_ttl: bool = True,
) -> Response:
    """An item; null where there is none."""
    parts = tuple(part for part in namespace.split(".") if part)
    _check_parts(parts)
    found = await at.desk.items(by.tenant).aget(parts, key, refresh_ttl=refresh_ttl)
    return json(None if found is None else found.dict())


@router.delete("/items", dependencies=[*RUNS, acts("store", "delete")])
async def delete_item(body: ItemPlace, at: At, by: By) -> Response:
    """Delete an item, if there is one."""
    _check_parts(body.namespace)
    await at.desk.items(by.tenant).adelete(tuple(body.namespace), body.key)
    return no_content()


@router.post("/items/search", dependencies=[*READS, acts("store", "search")])
async def search_items(body: ItemSearch, at: At, by: By) -> Response:
    """Items below a namespace, the newest first."""
    _check_parts(body.namespace_prefix)
    found = await at.desk.items(by.tenant).asearch(
        tuple(body.namespace_prefix),
        query=body.query,
        filter=body.filter,
        limit=body.limit,
        offset=body.offset,
        refresh_ttl=body.refresh_ttl is not False,
    )
    return json({"items": [item.dict() for item in found]})


@router.post("/namespaces", dependencies=[*READS, acts("store", "list_namespaces")])
async def list_namespaces(body: NamespaceSearch, at: At, by: By) -> Response:
    """Namespaces with items in them. A `*` in `prefix` or `suffix` is any part."""
    _check_parts([*(body.prefix or ()), *(body.suffix or ())])
    given: dict[str, Any] = {"prefix": body.prefix, "suffix": body.suffix}
    more = {name: tuple(parts) for name, parts in given.items() if parts}
    found = await at.desk.items(by.tenant).alist_namespaces(
        max_depth=body.max_depth, limit=body.limit, offset=body.offset, **more
    )
    return json({"namespaces": found})


def _check(namespace: list[str]) -> None:
    if not namespace:
        raise InputError("An item needs a namespace.", hint='["users", "ann"], for example.', code="namespace_invalid")
    if namespace[0] == "langgraph":
        raise InputError("The namespace 'langgraph' is LangGraph's own.", code="namespace_invalid")
    _check_parts(namespace)


def _check_parts(namespace: Sequence[str]) -> None:
    if any("\x00" in part for part in namespace):
        raise InputError("A part of the namespace holds a NUL.", code="namespace_invalid")
    if wrong := next((part for part in namespace if "." in part), None):
        raise InputError(
            f"The namespace part '{wrong}' holds a dot, which stands between parts where items are fetched.",
            code="namespace_invalid",
        )
