"""Who may do what, as a team says it to LangGraph's server: everybody has threads of their own."""

from typing import Any

from langgraph_sdk import Auth

auth = Auth()

PEOPLE = {
    "ann": {"identity": "ann", "permissions": ["cleaner"], "token": "secret-of-ann"},
    "ben": {"identity": "ben", "permissions": []},
    "eve": {"identity": "eve", "permissions": ["viewer"]},
}


@auth.authenticate
async def authenticate(authorization: str | None, path: str) -> Any:
    """By name: `Authorization: Bearer ann`."""
    name = (authorization or "").removeprefix("Bearer ")
    if name not in PEOPLE:
        raise Auth.exceptions.HTTPException(status_code=401, detail=f"Nobody knows who asks for {path}.")
    return PEOPLE[name]


@auth.on
async def own(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> Any:
    """Everything made is its maker's, and nobody sees another's."""
    value.setdefault("metadata", {})["owner"] = ctx.user.identity
    return {"owner": ctx.user.identity}


@auth.on.threads.read
async def read(ctx: Auth.types.AuthContext, value: Any) -> Any:
    """Threads may be shared by name."""
    return {"owner": {"$eq": ctx.user.identity}}


@auth.on.threads.delete
async def clean(ctx: Auth.types.AuthContext, value: Any) -> Any:
    """Only some may delete."""
    return {"owner": ctx.user.identity} if "cleaner" in ctx.permissions else False


@auth.on.assistants.search
async def shared(ctx: Auth.types.AuthContext, value: Any) -> Any:
    """Assistants that list one among their members."""
    return {"members": {"$contains": ctx.user.identity}}


@auth.on.assistants
async def assistants(ctx: Auth.types.AuthContext, value: Any) -> None:
    """Anything else with assistants is everybody's."""


@auth.on.store
async def store(ctx: Auth.types.AuthContext, value: Any) -> None:
    """Everybody has items of their own."""
    value["namespace"] = (ctx.user.identity, *(value.get("namespace") or ()))
